/**
 * How long a neighbour without room may keep the others waiting: a burst is waited for, a link that is slower than the
 * others is not.
 */
import type { PeerId } from "../../domain/PeerId.ts"

/** Milliseconds that one neighbour may cost in `window`. @category constants */
export const allowance = 1000

/** Milliseconds after which the waits of the past are forgiven. @category constants */
export const window = 10_000

/** @category models */
export interface Leniency {
  /** How long the neighbour may be waited for now, in milliseconds. */
  allowed(peerId: PeerId, now: number): number
  /** The neighbour was waited for. */
  spend(peerId: PeerId, millis: number, now: number): void
  forget(peerId: PeerId): void
}

/** Nobody was waited for yet. @category constructors */
export const make = (): Leniency => {
  const accounts = new Map<PeerId, { since: number; spent: number }>()
  const spent = (peerId: PeerId, now: number) => {
    const account = accounts.get(peerId)
    return account === undefined || now - account.since >= window ? 0 : account.spent
  }
  return {
    allowed: (peerId, now) => Math.max(0, allowance - spent(peerId, now)),
    spend: (peerId, millis, now) => {
      const before = spent(peerId, now)
      const since = before === 0 ? now : accounts.get(peerId)?.since ?? now
      accounts.set(peerId, { since, spent: before + millis })
    },
    forget: (peerId) => void accounts.delete(peerId)
  }
}
