/** Opens a stream to a peer: links it if need be, asks it, and waits for its answer. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Schema from "effect/Schema"
import { InvalidInput, StreamRefused } from "../../domain/Errors.ts"
import { initiates, type PeerId } from "../../domain/PeerId.ts"
import * as StreamFrame from "../../domain/StreamFrame.ts"
import { ConnectionPool } from "../ConnectionPool.ts"
import { Membership } from "../Membership.ts"
import { SessionContext } from "../SessionContext.ts"
import type { StreamFacts } from "./Duplex.ts"
import type { Opened } from "./Opened.ts"
import type { Register } from "./Register.ts"
import { Event, opening } from "./StreamMachine.ts"
import { StreamSettings } from "./StreamSettings.ts"

/** How to open a stream. @category models */
export interface StreamOptions {
  /** What the stream is for, in 1 to 256 characters. Default: `stream`. */
  readonly name?: string
  /** What else the other end should know before it decides: JSON of at most 4,096 characters. Default: nothing. */
  readonly metadata?: Schema.Json
  /**
   * Whether a link is made for the stream where there is none, and kept as long as it is open. Default: yes. Without, the
   * stream is refused when there is no link, and lost when the network needs the link no longer.
   */
  readonly keepsLink?: boolean
}

/** As in `Streams`; none once we leave. @category constructors */
export const make = Effect.fnUntraced(function*(register: Register, opened: Opened, isOver: () => boolean) {
  const { networkName, self } = yield* SessionContext
  const membership = yield* Membership
  const settings = yield* StreamSettings
  const pool = yield* ConnectionPool
  let numbers = 0

  return Effect.fnUntraced(function*(to: PeerId, { keepsLink = true, metadata, name = "stream" }: StreamOptions = {}) {
    if (name.length < 1 || name.length > StreamFrame.maxNameLength) {
      return yield* new InvalidInput({
        field: "name",
        problem: `it has ${name.length} characters; expected 1 to ${StreamFrame.maxNameLength}`
      })
    }
    if (metadata !== undefined && !StreamFrame.fitsMetadata(metadata)) {
      return yield* new InvalidInput({
        field: "metadata",
        problem: `as JSON it is longer than ${StreamFrame.maxMetadataLength} characters; send it in the stream`
      })
    }
    const refused = (problem: string, declined = false) =>
      new StreamRefused({ peerId: to, networkName, stream: name, declined, problem })
    if (isOver()) return yield* refused("this peer left the network")
    if (to === self) return yield* refused("it is this peer itself")
    const held = !keepsLink ? pool.neighbour(to) ?? "there is no link to it" : yield* membership.hold(to).pipe(
      Effect.timeoutOrElse({
        duration: settings.linkWithin,
        orElse: () => Effect.succeed(`no link to it came about within ${Duration.format(settings.linkWithin)}`)
      })
    )
    if (typeof held === "string") return yield* refused(held)
    if (held.dialect === "pigeon") return yield* refused("it speaks PeerPigeon, which knows no streams")
    if (register.count(to, self, to) >= settings.outgoing) {
      return yield* refused(`${settings.outgoing} streams were opened to it already. Close one first.`)
    }
    // Even ones if ours is the greater id: the two ends never take the same.
    const stream = 2 * ++numbers + (initiates(self, to) ? 0 : 1)
    const facts: StreamFacts = { peerId: to, networkName, name, metadata }
    const entry = yield* Effect.acquireRelease(
      Effect.sync(() => register.enter(facts, held, stream, opening)),
      // Who gives up waiting says so; an open stream ends otherwise.
      (entry) =>
        Effect.sync(() => {
          if (entry.state()._tag === "Opening") entry.feed(Event.Abort({ reason: "it was given up" }))
        })
    )
    const isAsked = register.post(to, {
      type: "stream-open",
      stream,
      name,
      window: settings.window,
      ...(metadata === undefined ? {} : { metadata })
    })
    if (!isAsked) return yield* refused("too much waits to be sent over slow links")
    const refusal = yield* entry.answered.pipe(
      Effect.timeoutOrElse({
        duration: settings.answerWithin,
        orElse: () =>
          Effect.sync(() => {
            entry.feed(Event.Abort({ reason: "no answer came" }))
            const problem = `it gave no answer within ${Duration.format(settings.answerWithin)}`
            return { problem, declined: false }
          })
      })
    )
    if (refusal !== undefined) return yield* refused(refusal.problem, refusal.declined)
    return yield* opened(entry)
  })
})
