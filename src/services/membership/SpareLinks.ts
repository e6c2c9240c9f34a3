/** Links to anyone: below the minimum every candidate is fair, alive or only remembered. */
import type { Dialling } from "./Dialling.ts"
import type { Links } from "./Links.ts"
import type { Known } from "./Neighbourhood.ts"
import type { Requests } from "./Requests.ts"
import type { State } from "./State.ts"

/** @category models */
export interface SpareLinks {
  /** Dials as many as are missing to the minimum. */
  link(): void
}

/** @category constructors */
export const make = (state: State, links: Links, dialling: Dialling, requests: Requests): SpareLinks => {
  const { minPeers, peers, random } = state

  // One that left the hub could only be reached over the mesh.
  const isReachable = (known: Known) => !known.departed || links.open.size > 0
  const isAlive = (known: Known) => peers.isAlive(known, state.now)

  return {
    link() {
      let missing = minPeers - links.total - requests.drawing
      if (missing <= 0) return
      const fair = peers.around.filter((known) =>
        !known.linked && isReachable(known) && !links.underway.has(known.position.id) && state.now >= known.restsUntil
      )
      // Those that are only remembered come last.
      for (const pool of [fair.filter(isAlive), fair.filter((known) => !isAlive(known))]) {
        while (missing > 0 && pool.length > 0) {
          const [known] = pool.splice(Math.floor(random() * pool.length), 1)
          if (known === undefined) break
          dialling.dial(known.position.id, "spare")
          missing--
        }
      }
      if (missing > 0) {
        for (const known of peers.around) if (!known.linked && isReachable(known)) dialling.mayDial(known)
      }
    }
  }
}
