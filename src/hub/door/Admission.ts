/**
 * Who may come in: one connection per peer id, and so many peers at a time.
 *
 * Ids that differ only in the case of their letters are the same id here, so that nobody can pass for
 * somebody else by a capital letter.
 */
import * as Effect from "effect/Effect"
import type { PeerId } from "../../domain/PeerId.ts"
import type { Session } from "../connection/Session.ts"
import type { Router } from "../exchange/Router.ts"
import type { HubSettings } from "../Options.ts"
import { Refused } from "./Refused.ts"

/** The door of the hub. @category models */
export interface Admission {
  /** Peers that are in. */
  readonly size: number
  /** Whether somebody has an id, whatever the case of its letters, so that admission has to wait. */
  isTaken(peerId: PeerId): boolean
  /**
   * Lets a peer in until it is let out. If its id is taken, the holder has `takeoverPatience` to show
   * that it lives: then the newcomer is refused. Otherwise the holder is put out first, and its networks
   * are told.
   */
  admit(session: Session): Effect.Effect<void, Refused>
  /** Puts the holder of an id out unless it shows that it lives: another hub says that the peer has come there. */
  doubt(peerId: PeerId): Effect.Effect<void>
  /** Lets a peer out, if it is in. */
  release(session: Session): void
}

/** An empty house. Whoever is put out is taken out of its networks by `router`. @category constructors */
export const make = (
  router: Router,
  settings: Pick<HubSettings, "maxConnections" | "takeoverPatience">
): Admission => {
  const holders = new Map<string, Session>()
  const keyOf = (session: Session) => session.peerId.toLowerCase()

  const release = (session: Session) => {
    // A newer connection may hold the id by now.
    if (holders.get(keyOf(session)) === session) holders.delete(keyOf(session))
  }

  const makeWay = Effect.fnUntraced(function*(holder: Session) {
    if (yield* holder.connection.alive(settings.takeoverPatience)) {
      return yield* new Refused({ reason: "Peer already connected" })
    }
    yield* Effect.logInfo("A peer came back before its dead connection was noticed")
    release(holder)
    router.lost(holder)
    holder.connection.terminate()
  })

  const claim = (session: Session) =>
    Effect.suspend(() => {
      // While we waited, another newcomer with this id may have been faster.
      if (holders.has(keyOf(session))) return Effect.fail(new Refused({ reason: "Peer already connected" }))
      if (holders.size >= settings.maxConnections) {
        return Effect.fail(new Refused({ reason: "Maximum connections reached" }))
      }
      holders.set(keyOf(session), session)
      return Effect.void
    })

  return {
    isTaken: (peerId) => holders.has(peerId.toLowerCase()),
    get size() {
      return holders.size
    },
    admit: Effect.fnUntraced(function*(session) {
      const holder = holders.get(keyOf(session))
      if (holder !== undefined) yield* makeWay(holder)
      yield* claim(session)
    }),
    doubt: (peerId) =>
      Effect.suspend(() => {
        const holder = holders.get(peerId.toLowerCase())
        return holder === undefined ? Effect.void : Effect.ignore(makeWay(holder))
      }),
    release
  }
}
