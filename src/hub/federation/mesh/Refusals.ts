/** Hubs that dialled this one and were refused, by where they came from: for whoever runs it to see. Plain data. */
import type { PeerId } from "../../../domain/PeerId.ts"
import type { HubView } from "../../backplane/Backplane.ts"

interface Refusal {
  readonly hub: PeerId | undefined
  readonly problem: string
  readonly since: number
  readonly at: number
}

/** @category models */
export interface Refusals {
  /** Notes a refusal, and says whether it is news. */
  add(address: string, hub: PeerId | undefined, problem: string): boolean
  /** One that is admitted now. */
  remove(address: string, hub: PeerId): void
  /** Those of late. */
  readonly views: ReadonlyArray<HubView>
}

/** Addresses that are remembered, those that came last. */
const most = 64

/** For how long, in milliseconds: a hub that is refused dials again after half a minute at most. */
const lives = 10 * 60_000

/** Nobody was refused. `now` gives milliseconds since 1970. @category constructors */
export const make = (now: () => number): Refusals => {
  const refusals = new Map<string, Refusal>()
  const keyOf = (address: string, hub: PeerId | undefined) => `${address} ${hub ?? ""}`
  return {
    add(address, hub, problem) {
      const key = keyOf(address, hub)
      const before = refusals.get(key)
      refusals.delete(key)
      refusals.set(key, { hub, problem, since: before?.since ?? now(), at: now() })
      const [oldest] = refusals.keys()
      if (refusals.size > most && oldest !== undefined) refusals.delete(oldest)
      return before?.problem !== problem
    },
    remove: (address, hub) => void refusals.delete(keyOf(address, hub)),
    get views() {
      for (const [key, { at }] of refusals) if (now() - at > lives) refusals.delete(key)
      return Array.from(refusals, ([key, { at, hub, problem, since }]) => ({
        ...(hub === undefined ? {} : { hub }),
        address: key.split(" ")[0] ?? "",
        connection: "refused" as const,
        metAt: since,
        lastHeard: at,
        problem
      }))
    }
  }
}
