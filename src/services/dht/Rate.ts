/** How much a neighbour may send: a token bucket for each. */
import type { PeerId } from "../../domain/PeerId.ts"

/** @category models */
export interface Rate {
  /** Takes `amount` from what a neighbour may send, or nothing, and then says `false`. */
  take(peer: PeerId, amount: number, now: number): boolean
  forget(peer: PeerId): void
}

/** Full buckets of `burst`, filled at `perSecond`. @category constructors */
export const make = ({ burst, perSecond }: { readonly burst: number; readonly perSecond: number }): Rate => {
  const buckets = new Map<PeerId, { level: number; at: number }>()
  return {
    take: (peer, amount, now) => {
      const bucket = buckets.get(peer) ?? { level: burst, at: now }
      buckets.set(peer, bucket)
      bucket.level = Math.min(burst, bucket.level + Math.max(0, now - bucket.at) / 1000 * perSecond)
      bucket.at = now
      if (bucket.level < amount) return false
      bucket.level -= amount
      return true
    },
    forget: (peer) => void buckets.delete(peer)
  }
}
