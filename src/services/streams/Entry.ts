/**
 * One end of one stream as the service keeps it: the machine's state, the bytes that wait for the application, and those
 * who wait for either direction to move.
 */
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import type * as Pull from "effect/Pull"
import * as Semaphore from "effect/Semaphore"
import { StreamLost } from "../../domain/Errors.ts"
import { chunkBytes, costOf, type StreamFrame } from "../../domain/StreamFrame.ts"
import type { OpenLink } from "../link/OpenLink.ts"
import type { StreamFacts } from "./Duplex.ts"
import { type Command, Event, room, type State, step, type Terms } from "./StreamMachine.ts"

/** Chunks that one read gives at most: what was given is granted anew. */
const readAtOnce = 4

/** Why a stream is not to be. @category models */
export interface Refusal {
  readonly problem: string
  /** The other end said so. */
  readonly declined: boolean
}

/** What an entry is made with. @category models */
export interface EntryOptions {
  readonly facts: StreamFacts
  readonly terms: Terms
  readonly state: State
  /** The link that it lives and dies with. */
  readonly link: OpenLink
  readonly now: () => number
  /** Sends a frame that need not wait for its turn. */
  readonly post: (frame: StreamFrame) => void
  /** Sends a frame in its turn. */
  readonly send: (frame: StreamFrame) => Effect.Effect<void, StreamLost>
  /** Sends a frame in its turn, when nobody waits for it. */
  readonly sendAside: (frame: StreamFrame) => void
  /** It is over. */
  readonly closed: () => void
}

/** @category models */
export interface Entry {
  readonly facts: StreamFacts
  /** Its number on the link. */
  readonly stream: number
  readonly link: OpenLink
  readonly state: () => State
  /** Waits until it is closed. */
  readonly over: Effect.Effect<void>
  /** When a frame of it came or went last, in milliseconds since 1970. */
  readonly movedAt: () => number
  /** Waits until it is decided on; the reason when it is not to be, and whether that is the other end's word. */
  readonly answered: Effect.Effect<Refusal | undefined>
  /** Gives the machine an event. What is to be sent in turn waits aside. */
  feed(event: Event): void
  /** Takes a stream that was offered. */
  readonly accept: Effect.Effect<void, StreamLost>
  write(bytes: Uint8Array): Effect.Effect<void, StreamLost>
  readonly end: Effect.Effect<void, StreamLost>
  readonly read: Pull.Pull<readonly [Uint8Array, ...Array<Uint8Array>], StreamLost>
}

/** @category constructors */
export const make = (options: EntryOptions): Entry => {
  const { facts, terms } = options
  const answered = Deferred.makeUnsafe<Refusal | undefined>()
  const over = Deferred.makeUnsafe<void>()
  let declined = false
  let byPeer = false
  const oneWriter = Semaphore.makeUnsafe(1)
  const chunks: Array<Uint8Array> = []
  let state = options.state
  let movedAt = options.now()
  let whole = false
  let unreadable: string | undefined
  let unwritable: string | undefined
  let reader: Deferred.Deferred<void> | undefined
  let writer: Deferred.Deferred<void> | undefined

  const wakeReader = () => {
    const woken = reader
    reader = undefined
    if (woken !== undefined) Deferred.doneUnsafe(woken, Effect.void)
  }

  const wakeWriter = () => {
    const woken = writer
    writer = undefined
    if (woken !== undefined) Deferred.doneUnsafe(woken, Effect.void)
  }

  const lost = (problem: string) =>
    new StreamLost({ peerId: facts.peerId, networkName: facts.networkName, stream: facts.name, byPeer, problem })

  const carryOut = (command: Command): void => {
    switch (command._tag) {
      case "Send":
        movedAt = options.now()
        // What ends a direction comes after its bytes.
        return command.frame.type === "stream-credit" || command.frame.type === "stream-refuse"
          ? options.post(command.frame)
          : options.sendAside(command.frame)
      case "Declined":
        unreadable = unwritable = command.reason
        declined = true
        return
      case "Deliver":
        chunks.push(command.bytes)
        return wakeReader()
      case "Ended":
        whole = true
        return wakeReader()
      case "Writable":
        return wakeWriter()
      case "Broken":
        byPeer = command.byPeer
        if (command.reading) unreadable ??= command.reason
        if (command.writing) unwritable ??= command.reason
        wakeReader()
        return wakeWriter()
    }
  }

  /** Takes a step, and gives what is left to the caller to do. */
  const advance = (event: Event): ReadonlyArray<Command> => {
    if (event._tag === "Came") movedAt = options.now()
    const before = state
    const [next, commands] = step(before, event, terms)
    state = next
    if (before._tag !== "Closed" && next._tag === "Closed") {
      Deferred.doneUnsafe(over, Effect.void)
      options.closed()
    }
    return commands
  }

  /** Tells those who wait for a decision, once what follows from it is carried out. */
  const tell = () => {
    if (state._tag === "Open") Deferred.doneUnsafe(answered, Effect.undefined)
    if (state._tag === "Closed") {
      Deferred.doneUnsafe(answered, Effect.succeed({ problem: unwritable ?? "it is over", declined }))
    }
  }

  const feed = (event: Event): void => {
    for (const command of advance(event)) carryOut(command)
    tell()
  }

  /** Takes a step whose frame the caller waits for. */
  const feedAndSend = (event: Event): Effect.Effect<void, StreamLost> =>
    Effect.suspend(() => {
      movedAt = options.now()
      const [first, ...others] = advance(event)
      for (const command of others) carryOut(command)
      tell()
      return first?._tag === "Send" ? options.send(first.frame) : Effect.void
    })

  const refusal = () => {
    const open = state._tag === "Open" && state.sending
    return unwritable === undefined ? open ? undefined : "its end was sent already" : unwritable
  }

  const writeSome = Effect.fnUntraced(function*(bytes: Uint8Array) {
    let at = 0
    while (at < bytes.length) {
      const problem = refusal()
      if (problem !== undefined) return yield* lost(problem)
      const size = Math.min(chunkBytes, room(state), bytes.length - at)
      if (size === 0) {
        writer ??= Deferred.makeUnsafe<void>()
        yield* Deferred.await(writer)
        continue
      }
      const part = bytes.subarray(at, at + size)
      yield* feedAndSend(Event.Write({ bytes: part })).pipe(
        Effect.onInterrupt(() => Effect.sync(() => feed(Event.Unsent({ cost: costOf(size) }))))
      )
      at += size
    }
  })

  const read: Entry["read"] = Effect.suspend(() => {
    const [first, ...others] = chunks.splice(0, readAtOnce)
    if (first !== undefined) {
      const taken = [first, ...others] as const
      for (const { length } of taken) feed(Event.Took({ cost: costOf(length) }))
      return Effect.succeed<readonly [Uint8Array, ...Array<Uint8Array>]>(taken)
    }
    if (whole) return Cause.done()
    if (unreadable !== undefined) return Effect.fail(lost(unreadable))
    reader ??= Deferred.makeUnsafe<void>()
    return Effect.andThen(Deferred.await(reader), read)
  })

  return {
    facts,
    stream: terms.stream,
    link: options.link,
    state: () => state,
    over: Deferred.await(over),
    movedAt: () => movedAt,
    answered: Deferred.await(answered),
    feed,
    // Before anything that is written.
    accept: Effect.suspend(() =>
      state._tag === "Offered"
        ? feedAndSend(Event.Accept())
        : Effect.fail(lost("it was decided on already, or withdrawn"))
    ),
    write: (bytes) => oneWriter.withPermits(1)(writeSome(bytes)),
    end: Effect.suspend(() => {
      const problem = refusal()
      return problem === undefined ? feedAndSend(Event.Finish()) : Effect.fail(lost(problem))
    }).pipe(oneWriter.withPermits(1)),
    read
  }
}
