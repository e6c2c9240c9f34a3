/** Runs the overlay: gives it what becomes of links and what neighbours say, and carries out its commands. */
import * as Effect from "effect/Effect"
import * as PubSub from "effect/PubSub"
import { isOverlayFrame } from "../../domain/OverlayFrame.ts"
import type { PeerId } from "../../domain/PeerId.ts"
import { ConnectionPool } from "../ConnectionPool.ts"
import type { Batch } from "../link/Lanes.ts"
import { SessionContext } from "../SessionContext.ts"
import type { AsideLinks } from "./AsideLinks.ts"
import type { Overlay } from "./Overlay.ts"
import { type Command, Event } from "./OverlayEvent.ts"
import type { PeerSignals } from "./PeerSignals.ts"
import type { PoolLinks } from "./PoolLinks.ts"

/** @category models */
export interface OverlayShell {
  /** Gives the overlay an event and carries out what it commands. */
  feed(event: Event): Effect.Effect<void>
  /** Tells the overlay what became of the link to a peer, and before anything that came over it. */
  meet(peer: PeerId): Effect.Effect<void>
  /** There is no link to a peer, and none under way, any more. */
  onEnded(peer: PeerId, refused: boolean): Effect.Effect<void>
  onFrames(from: PeerId, batch: Batch): Effect.Effect<void>
}

/** What the overlay runs on. @category models */
export interface ShellOptions {
  readonly core: Overlay
  readonly links: PoolLinks
  readonly aside: AsideLinks
  readonly signals: PeerSignals
  /** Gets a word whenever the peers around us are others. */
  readonly changes: PubSub.PubSub<void>
  /** In whole milliseconds since 1970. */
  readonly now: () => number
}

/** @category constructors */
export const make = Effect.fnUntraced(function*({ aside, changes, core, links, now, signals }: ShellOptions) {
  const { hub } = yield* SessionContext
  const pool = yield* ConnectionPool
  const { ending, held, met } = links
  let leafRevision = core.leafRevision

  const feed = (event: Event): Effect.Effect<void> =>
    Effect.gen(function*() {
      for (const command of core.handle(event)) yield* carryOut(command)
      if (core.leafRevision === leafRevision) return
      leafRevision = core.leafRevision
      yield* PubSub.publish(changes, undefined)
    })

  const carryOut = (command: Command): Effect.Effect<void> => {
    switch (command._tag) {
      case "Dial":
        return aside.has(command.peer) ? aside.takeIn(command.peer) : links.dial(command.peer, command.dialect)
      case "Accept": {
        const offer = signals.offerOf(command.peer)
        if (offer === undefined) return Effect.void
        aside.drop(command.peer)
        return links.accept(offer)
      }
      case "Refuse": {
        const offer = signals.offerOf(command.peer)
        if (offer !== undefined && aside.mayHave(command.peer)) return aside.accept(offer)
        return signals.refuse(command.peer, command.reason)
      }
      case "HangUp":
        if (aside.mayHave(command.peer)) return aside.setAside(command.peer)
        if (held.has(command.peer)) ending.set(command.peer, {})
        return links.hangUp(command.peer, command.reason)
      case "Send":
        return links.send(command.to, command.frame)
      case "Signaled":
        return signals.onSignaled(command.from, command.signal)
      case "Unreached":
        // An open link is not concerned: only a candidate of it was late.
        return pool.neighbour(command.peer) === undefined
          ? links.hangUp(command.peer, "no way leads to it")
          : Effect.void
      case "AskHub":
        // Whoever comes is introduced to us anyway: only those that we lost are to be found again.
        return core.known().length === 0 ? Effect.void : Effect.ignore(hub.announce)
    }
  }

  const meet = Effect.fnUntraced(function*(peer: PeerId) {
    const link = pool.neighbour(peer)
    const known = met.get(peer)
    if (link === known || ending.has(peer) || (aside.has(peer) && known === undefined)) return
    if (known !== undefined) {
      met.delete(peer)
      yield* feed(Event.LinkClosed({ now: now(), peer }))
    }
    if (link !== undefined) {
      met.set(peer, link)
      held.add(peer)
      yield* feed(Event.LinkOpened({ now: now(), peer, dialect: link.dialect }))
    }
  })

  return {
    feed,
    meet,
    onEnded: Effect.fnUntraced(function*(peer, refused) {
      held.delete(peer)
      aside.drop(peer)
      const next = ending.get(peer)
      if (next === undefined) {
        yield* meet(peer)
        return yield* feed(Event.LinkFailed({ now: now(), peer, reason: refused ? "refused" : "unreachable" }))
      }
      ending.delete(peer)
      met.delete(peer)
      yield* links.goOn(peer, next)
    }),
    onFrames: Effect.fnUntraced(function*(from, batch) {
      yield* meet(from)
      for (const frame of batch) {
        // The other end's overlay has the link, or wants it.
        if (frame.type === "neighbours" && aside.has(from)) yield* aside.takeIn(from)
        if (!met.has(from) || !isOverlayFrame(frame)) continue
        yield* feed(Event.FrameCame({ now: now(), from, frame }))
        if (frame.type === "release" && !frame.leaving) yield* aside.keepReleased(from)
      }
    })
  } satisfies OverlayShell as OverlayShell
})
