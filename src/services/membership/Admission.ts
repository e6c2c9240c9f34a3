/** Which offers are taken: those of the nearest, of peers that were promised a place, and others while there is room. */
import type { Dialect } from "../../domain/Frame.ts"
import type { PeerId } from "../../domain/PeerId.ts"
import type { Hearsay } from "./Hearsay.ts"
import type { LettingGo } from "./LettingGo.ts"
import type { Links } from "./Links.ts"
import type { LongLinks } from "./LongLinks.ts"
import type { Known } from "./Neighbourhood.ts"
import { Command } from "./OverlayEvent.ts"
import type { PigeonLinks } from "./PigeonLinks.ts"
import type { RingLinks } from "./RingLinks.ts"
import { isSmall, type State } from "./State.ts"

/** @category models */
export interface Admission {
  /** Takes or refuses an offer. */
  judge(peer: PeerId, dialect: Dialect): void
}

/** @category constructors */
export const make = (
  state: State,
  links: Links,
  hearsay: Hearsay,
  lettingGo: LettingGo,
  ringLinks: RingLinks,
  longLinks: LongLinks,
  pigeonLinks: PigeonLinks
): Admission => {
  const { maxPeers, most, peers } = state

  const accepts = (known: Known, dialect: Dialect, isStranger: boolean): boolean => {
    if (dialect === "pigeon") return pigeonLinks.hasRoom()
    if (ringLinks.isNear(known)) return lettingGo.makeRoom()
    if (longLinks.isPromised(known.position.id)) return links.total < most
    if (isStranger) return lettingGo.makeRoom(false)
    return links.total < (isSmall(state) ? most : maxPeers)
  }

  return {
    judge(peer, dialect) {
      const refuse = (reason: string) => void state.commands.push(Command.Refuse({ peer, reason }))
      const before = peers.get(peer)
      // Nobody here has spoken of it: it is new, or from a ring of its own that is to be joined to ours.
      const isStranger = before === undefined || before.introducedAt !== undefined
      const known = hearsay.learn(peer, dialect, false)
      if (state.hasLeft) return refuse("this peer leaves the network")
      if (known === undefined) return refuse("not a peer to link")
      if (!links.open.has(peer) && !links.underway.has(peer)) {
        if (!accepts(known, dialect, isStranger)) return refuse(`all ${maxPeers} links are taken`)
        const intent = longLinks.isPromised(peer) ? "long" : "spare"
        links.underway.set(peer, { since: state.now, intent, ours: false, dialect })
      }
      state.commands.push(Command.Accept({ peer }))
    }
  }
}
