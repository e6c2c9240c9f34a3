/**
 * Questions between hubs about a peer that is, or wants to be, at several: who may keep it.
 */
import * as Effect from "effect/Effect"
import type { PeerId } from "../../domain/PeerId.ts"
import * as HubMessage from "./HubMessage.ts"
import type { Presence } from "./Presence.ts"

/** That a hub has a connection of a peer, or would let it in. @category models */
export interface Claim {
  readonly peerId: PeerId
  /** Whether the peer has proved that it has the key of its id. */
  readonly proven: boolean
  /** For how many milliseconds the connection has been there. */
  readonly age: number
}

/** The other hubs, as far as they may have a peer that is here. @category models */
export interface Rivals {
  /** Whether a peer is at another hub, as far as is known here. */
  holds(peerId: PeerId): boolean
  /** Whether it is for this hub, out of all that have a peer, to settle with the others who keeps it. */
  settles(peerId: PeerId): boolean
  /** Tells the hubs that have a peer of a claim. */
  tell(claim: Claim): void
  /** Asks the hubs that have a peer whether one of them keeps it. Completes when one does or all do not, if they answer. */
  ask(claim: Claim): Effect.Effect<boolean>
}

/** Nobody is elsewhere. @category constructors */
export const none: Rivals = {
  holds: () => false,
  settles: () => false,
  tell: () => undefined,
  ask: () => Effect.succeed(false)
}

/** The most hubs that are asked about one peer. @category constants */
export const most = 16

/** Rivals, and what to do with the answers of other hubs. @category models */
export interface Claims {
  readonly rivals: Rivals
  /** Takes what another hub says about one of our claims. */
  hear(verdict: HubMessage.Verdict): void
}

/**
 * Claims of a hub, over whatever carries `say` to one other hub. What is lost on the way is not said again: whoever waits
 * gives up waiting.
 *
 * @category constructors
 */
export const make = (
  { hub: self, incarnation, roster }: Pick<Presence, "hub" | "incarnation" | "roster">,
  say: (claim: Omit<HubMessage.ClaimMessage, "number">) => void
): Claims => {
  const open = new Map<number, { readonly left: Set<PeerId>; readonly done: (kept: boolean) => void }>()
  let made = 0

  const claim = ({ age, peerId, proven }: Claim): readonly [claim: number, hubs: ReadonlyArray<PeerId>] => {
    const hubs = roster.holders(peerId).filter((hub) => hub !== self).slice(0, most)
    const claim = made++
    for (const to of hubs) {
      say({ type: "claim", hub: self, incarnation, to, claim, peer: peerId, proven, age: Math.floor(age) })
    }
    return [claim, hubs]
  }

  return {
    rivals: {
      holds: (peerId) => roster.isHeldElsewhere(peerId, self),
      settles(peerId) {
        const hubs = roster.holders(peerId).filter((hub) => hub !== self)
        return hubs.length > 0 && hubs.every((hub) => self < hub)
      },
      tell: (said) => void claim(said),
      ask: (asked) =>
        Effect.callback((resume) => {
          const [number, hubs] = claim(asked)
          if (hubs.length === 0) return resume(Effect.succeed(false))
          open.set(number, { left: new Set(hubs), done: (kept) => resume(Effect.succeed(kept)) })
          return Effect.sync(() => void open.delete(number))
        })
    },
    hear({ claim, held, hub }) {
      const question = open.get(claim)
      if (question?.left.delete(hub) !== true || (!held && question.left.size > 0)) return
      open.delete(claim)
      question.done(held)
    }
  }
}
