/** Streams that peers want to open: whoever takes streams of the name decides, and nobody is left without an answer. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import type * as Scope from "effect/Scope"
import { type PeerId, short } from "../../domain/PeerId.ts"
import * as StreamFrame from "../../domain/StreamFrame.ts"
import type { OpenLink } from "../link/OpenLink.ts"
import { Membership } from "../Membership.ts"
import { SessionContext } from "../SessionContext.ts"
import type { StreamFacts, StreamRequest } from "./Duplex.ts"
import type { Entry } from "./Entry.ts"
import type { Opened } from "./Opened.ts"
import type { Register } from "./Register.ts"
import { Event, offered } from "./StreamMachine.ts"
import { StreamSettings } from "./StreamSettings.ts"

/** Decides on a stream; must return soon, and may decide later. @category models */
export type Taker = (request: StreamRequest) => Effect.Effect<void>

/** @category models */
export interface Offers {
  /** A peer wants to open a stream over a link. */
  onOpen(from: PeerId, link: OpenLink, frame: StreamFrame.Open): void
  /** As in `Streams`. */
  serve(name: string, taker: Taker): Effect.Effect<void, never, Scope.Scope>
}

/** Nobody takes any but the application. @category constructors */
export const make = Effect.fnUntraced(function*(register: Register, opened: Opened) {
  const { dropped, emit, networkName, self } = yield* SessionContext
  const membership = yield* Membership
  const settings = yield* StreamSettings
  const offers = yield* FiberSet.makeRuntime<never, void, never>()
  const takers = new Map<string, Taker>()

  const requestOf = (entry: Entry): StreamRequest => ({
    ...entry.facts,
    accept: membership.keep(entry.facts.peerId).pipe(Effect.andThen(entry.accept), Effect.andThen(opened(entry))),
    acceptOnly: Effect.andThen(entry.accept, opened(entry)),
    refuse: (reason) => Effect.sync(() => entry.feed(Event.Refuse({ reason })))
  })

  /** Has the application decide, and decides itself when it does not. */
  const offer = Effect.fnUntraced(function*(entry: Entry) {
    const request = requestOf(entry)
    const taker = takers.get(entry.facts.name)
    if (taker !== undefined) yield* taker(request)
    else if (!(yield* emit({ _tag: "StreamOffered", request }))) yield* request.refuse("nobody takes streams there")
    yield* Effect.timeoutOrElse(entry.answered, {
      duration: settings.decideWithin,
      orElse: () => request.refuse(`nobody decided within ${Duration.format(settings.decideWithin)}`)
    })
  })

  const onOpen = (from: PeerId, link: OpenLink, frame: StreamFrame.Open): void => {
    const { metadata, name, stream, window } = frame
    if (!StreamFrame.isOf(stream, from, self)) return void dropped.malformed++
    const known = register.find(from, stream)
    if (known !== undefined) return known.feed(Event.Came({ frame }))
    if (register.count(from, from, self) >= settings.incoming) {
      const reason = `${settings.incoming} streams from ${short(from)} are open there already`
      return void register.post(from, { type: "stream-refuse", stream, reason })
    }
    const facts: StreamFacts = { peerId: from, networkName, name, metadata }
    offers(offer(register.enter(facts, link, stream, offered(window))))
  }

  return {
    onOpen,
    serve: (name, taker) =>
      Effect.acquireRelease(
        Effect.sync(() => void takers.set(name, taker)),
        () => Effect.sync(() => takers.get(name) === taker ? void takers.delete(name) : undefined)
      )
  } satisfies Offers as Offers
})
