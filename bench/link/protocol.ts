/** What the processes of `bench/link.ts` say to each other: signals between the two ends, orders, and what became of them. */

/** Who carries the messages. */
export type Carrier = "pool-werift" | "pool-native" | "raw-werift"

/** How werift by itself is spared: what may wait in it, and how many messages it gets before the event loop turns. */
export interface Pacing {
  /** Bytes. */
  readonly highWaterMark: number
  readonly perTurn: number
}

export type Order =
  | { readonly order: "open"; readonly links: number }
  | { readonly order: "close" }
  /** Sends so many messages over the first link, each with its number; werift by itself, at this pace. */
  | { readonly order: "flood"; readonly size: number; readonly count: number; readonly pacing: Pacing }
  /** Sends messages that come back, one after the other. */
  | { readonly order: "echo"; readonly count: number }
  /** Memory, the most of it since the last time, milliseconds of the processor so far, and memory that is in use. */
  | { readonly order: "usage" }

export type Report =
  | { readonly report: "ready" }
  | { readonly report: "done"; readonly value: ReadonlyArray<number> }
  /** All of a flood has come, in order. */
  | { readonly report: "arrived"; readonly count: number }
  | { readonly report: "failed"; readonly problem: string }

export type Message = Order | Report | { readonly signal: unknown; readonly link: number }

/** One end of some links, whoever carries them. */
export interface Side {
  open(links: number): Promise<void>
  close(): Promise<void>
  /** Sends texts over the first link, one after the other. The pool finds a pace of its own. */
  send(texts: Iterable<string>, pacing: Pacing): Promise<void>
  /** A signal of the other end. */
  receive(link: number, signal: unknown): void
}

/** What a side needs. */
export interface Surroundings {
  readonly dials: boolean
  signal(link: number, signal: unknown): void
  arrived(text: string): void
}
