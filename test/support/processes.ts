/** Hubs and peers as processes, for tests: real sockets, real WebRTC. Whatever is started ends with its scope. */
import { Deferred, Duration, Effect, Schema } from "effect"
import { type ChildProcess, spawn } from "node:child_process"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"
import { Op, OpId, PeerMessage } from "../../src/cli/PeerProtocol.ts"
import type { PeerId } from "../../src/domain/PeerId.ts"

const main = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url))

/** How long anything may take on a busy machine. */
export const deadline = Duration.seconds(60)

/** What came so far, for those who wait for something. */
export interface Log<A> {
  readonly entries: ReadonlyArray<A>
  add(entry: A): void
  /** The first entry that fits, be it here already or yet to come. */
  first<B extends A>(what: string, fits: (entry: A) => entry is B, within?: Duration.Duration): Effect.Effect<B>
}

const makeLog = <A>(describe: (last: ReadonlyArray<A>) => string): Log<A> => {
  const entries: Array<A> = []
  let waiting: Array<() => void> = []
  return {
    entries,
    add: (entry: A) => {
      entries.push(entry)
      const awake = waiting
      waiting = []
      for (const wake of awake) wake()
    },
    first: <B extends A>(what: string, fits: (entry: A) => entry is B, within = deadline) =>
      Effect.callback<B>((resume) => {
        let from = 0
        const look = () => {
          const found = entries.slice(from).find(fits)
          from = entries.length
          if (found === undefined) waiting.push(look)
          else resume(Effect.succeed(found))
        }
        look()
      }).pipe(
        Effect.timeoutOrElse({
          duration: within,
          orElse: () =>
            Effect.die(new Error(`waited ${Duration.format(within)} for ${what}\n${describe(entries.slice(-20))}`))
        })
      )
  }
}

export interface Process {
  readonly child: ChildProcess
  /** Everything it wrote to standard error so far. */
  readonly stderr: () => string
  readonly lines: Log<string>
  write(text: string): void
  kill(signal: NodeJS.Signals): void
  /** The exit code; null when a signal ended it. */
  readonly exit: Effect.Effect<number | null>
}

/** Runs `homing` with arguments, and variables besides those of this process. */
export const homing = Effect.fnUntraced(function*(
  args: ReadonlyArray<string>,
  onLine: (line: string) => void = () => {},
  env: NodeJS.ProcessEnv = {}
) {
  const child = yield* Effect.acquireRelease(
    Effect.sync(() =>
      spawn(process.execPath, [main, ...args], { stdio: ["pipe", "pipe", "pipe"], env: { ...process.env, ...env } })
    ),
    (child) => Effect.sync(() => child.kill("SIGKILL"))
  )
  let stderr = ""
  const exited = Deferred.makeUnsafe<number | null>()
  const lines = makeLog<string>((last) => `${args.join(" ")}\n${last.join("\n")}\n${stderr}`)
  child.stderr.setEncoding("utf8").on("data", (text: string) => void (stderr += text))
  // A peer that was killed reads no more.
  child.stdin.on("error", () => {})
  createInterface({ input: child.stdout }).on("line", (line) => {
    lines.add(line)
    onLine(line)
  })
  child.on("close", (code) => void Deferred.doneUnsafe(exited, Effect.succeed(code)))
  return {
    child,
    lines,
    stderr: () => stderr,
    write: (text) => void child.stdin.write(text),
    kill: (signal) => void child.kill(signal),
    exit: Deferred.await(exited).pipe(
      Effect.timeoutOrElse({
        duration: deadline,
        orElse: () => Effect.die(new Error(`${args.join(" ")} did not end\n${stderr}`))
      })
    )
  } satisfies Process as Process
})

/** A hub that listens at a free port, or at a port of one's choice. */
export const hub = Effect.fnUntraced(function*(
  port = 0,
  env: NodeJS.ProcessEnv = {},
  ...flags: ReadonlyArray<string>
) {
  const process = yield* homing(["hub", "--port", String(port), ...flags], undefined, env)
  const line = yield* process.lines.first("the hub to listen", (line): line is string => line.includes(" listens at "))
  const url = line.split(" listens at ")[1] ?? ""
  return { ...process, url, port: Number(new URL(url).port) }
})

const decodeMessage = Schema.decodeUnknownSync(Schema.fromJsonString(PeerMessage))
const encodeOp = Schema.encodeSync(Schema.fromJsonString(Op))

export type Message<Event extends PeerMessage["event"]> = Extract<PeerMessage, { readonly event: Event }>

/** An op without its id. */
type Ask = Op extends infer O ? O extends { readonly id: OpId } ? Omit<O, "id"> : never : never

export type Peer = Effect.Success<ReturnType<typeof peer>>

/** A peer that speaks JSON lines and is ready; without a network it joins the one that it chooses itself. */
export const peer = Effect.fnUntraced(function*(
  url: string,
  network: string | undefined,
  ...flags: ReadonlyArray<string>
) {
  const messages = makeLog<PeerMessage>((last) =>
    `${network}: ${process.stderr()}\n${last.map((message) => JSON.stringify(message)).join("\n")}`
  )
  const process: Process = yield* homing(
    ["peer", "--json", "--hub", url, ...network === undefined ? [] : ["--network", network], ...flags],
    (line) => messages.add(decodeMessage(line))
  )
  const event = <Event extends PeerMessage["event"]>(
    event: Event,
    fits: (message: Message<Event>) => boolean = () => true,
    within = deadline
  ) =>
    messages.first(
      event,
      (message): message is Message<Event> => isEvent(event, message) && fits(message),
      within
    )
  let ops = 0
  const tell = (ask: Ask) => {
    const id = ++ops
    process.write(`${encodeOp({ ...ask, id })}\n`)
    return id
  }
  const ask = (op: Ask) =>
    Effect.suspend(() => {
      const id = tell(op)
      return event("reply", (reply) => reply.id === id)
    })
  const ready = yield* event("ready")
  return {
    ...process,
    peerId: ready.peerId,
    ready,
    event,
    /** Sends an op, and does not wait for its reply. */
    tell,
    /** Sends an op and waits for its reply. */
    ask,
    linkedTo: (other: PeerId) => event("peerConnected", (message) => message.peerId === other),
    /** Every message of a kind that came so far. */
    heard: () => messages.entries.filter((message) => isEvent("message", message)),
    messages
  }
})

const isEvent = <Event extends PeerMessage["event"]>(event: Event, message: PeerMessage): message is Message<Event> =>
  message.event === event

/** Waits until everyone has a link to everyone else. */
export const linked = (peers: ReadonlyArray<Peer>) =>
  Effect.forEach(
    peers,
    (one) =>
      Effect.forEach(peers, (other) => one === other ? Effect.void : one.linkedTo(other.peerId), {
        concurrency: "unbounded"
      }),
    { concurrency: "unbounded", discard: true }
  )
