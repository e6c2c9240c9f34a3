/**
 * What waits to be sent over one link: first in, first out, bounded by bytes and by number. A full outbox suspends its
 * senders, which is how a slow link's backpressure reaches whoever sends.
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import type { LinkClosed } from "../../domain/Errors.ts"
import type { Packet } from "../../domain/Frame.ts"

/** A frame as the link will carry it. Shared by every link that it fans out to. @category models */
export interface Parcel {
  readonly packets: ReadonlyArray<Packet>
  readonly bytes: number
}

/** @category models */
export interface Outbox {
  /** Puts a parcel in, waiting for room. Fails once the link is closed. */
  offer(parcel: Parcel): Effect.Effect<void, LinkClosed>
  /** Puts a parcel in if there is room at once, and says whether. */
  tryOffer(parcel: Parcel): boolean
  /** The next parcel; waits for one. */
  readonly take: Effect.Effect<Parcel>
  /** The next parcel if there is one and it suits; never waits. */
  poll(suits: (parcel: Parcel) => boolean): Parcel | undefined
  /** Parcels that wait. */
  size(): number
  /** Waits until nothing waits any more. */
  readonly drained: Effect.Effect<void>
  /** Fails everyone who waits for room, and every later sender. What waits to be sent is given up. */
  close(error: LinkClosed): Effect.Effect<void>
}

/** The size of a parcel for the outbox's bound: exact for bytes, characters for text. @category constructors */
export const parcel = (packets: ReadonlyArray<Packet>): Parcel => {
  let bytes = 0
  for (const packet of packets) bytes += packet.length
  return { packets, bytes }
}

/** A sender that waits for room, with what it wants to send. */
interface Waiting {
  readonly parcel: Parcel
  readonly accepted: Deferred.Deferred<void, LinkClosed>
}

/** An empty outbox that holds up to `bytes` and `frames`, or a single parcel of any size. @category constructors */
export const make = (limit: { readonly bytes: number; readonly frames: number }): Outbox => {
  const parcels: Array<Parcel> = []
  const waiting = new Set<Waiting>()
  let head = 0
  let bytes = 0
  let closed: LinkClosed | undefined
  let taker: Deferred.Deferred<void> | undefined
  let drainers: Array<Deferred.Deferred<void>> = []

  const size = () => parcels.length - head
  const full = () => size() > 0 && (bytes >= limit.bytes || size() >= limit.frames)

  // A fiber that is woken may run, and come back here, before the call that woke it returns: forget it first.
  const append = (parcel: Parcel): void => {
    parcels.push(parcel)
    bytes += parcel.bytes
    const woken = taker
    taker = undefined
    if (woken !== undefined) Deferred.doneUnsafe(woken, Effect.void)
  }

  const wakeDrainers = (): void => {
    const woken = drainers
    drainers = []
    for (const drainer of woken) Deferred.doneUnsafe(drainer, Effect.void)
  }

  const tryOffer = (parcel: Parcel): boolean => {
    // Whoever waits came first.
    if (closed !== undefined || waiting.size > 0 || full()) return false
    append(parcel)
    return true
  }

  const offer = (parcel: Parcel): Effect.Effect<void, LinkClosed> =>
    Effect.suspend(() => {
      if (tryOffer(parcel)) return Effect.void
      if (closed !== undefined) return Effect.fail(closed)
      const sender: Waiting = { parcel, accepted: Deferred.makeUnsafe() }
      waiting.add(sender)
      return Effect.onInterrupt(Deferred.await(sender.accepted), () => Effect.sync(() => waiting.delete(sender)))
    })

  const poll = (suits: (parcel: Parcel) => boolean): Parcel | undefined => {
    const parcel = parcels[head]
    if (parcel === undefined || !suits(parcel)) return undefined
    head++
    bytes -= parcel.bytes
    // Forget what was taken now and then, so that the array does not grow with the link's age.
    if (head === parcels.length || head > 1024) {
      parcels.splice(0, head)
      head = 0
    }
    for (const sender of waiting) {
      if (full()) break
      waiting.delete(sender)
      append(sender.parcel)
      Deferred.doneUnsafe(sender.accepted, Effect.void)
    }
    return parcel
  }

  const take: Effect.Effect<Parcel> = Effect.suspend(() => {
    const parcel = poll(() => true)
    if (parcel !== undefined) return Effect.succeed(parcel)
    wakeDrainers()
    taker = Deferred.makeUnsafe<void>()
    return Effect.andThen(Deferred.await(taker), take)
  })

  return {
    offer,
    tryOffer,
    take,
    poll,
    size,
    // The one who sends asks for the next parcel only when the last one is out, so an idle taker means drained.
    drained: Effect.suspend(() => {
      if (closed !== undefined || (size() === 0 && taker !== undefined)) return Effect.void
      const drained = Deferred.makeUnsafe<void>()
      drainers.push(drained)
      return Deferred.await(drained)
    }),
    close: (error) =>
      Effect.sync(() => {
        closed = error
        parcels.length = 0
        head = 0
        bytes = 0
        for (const sender of waiting) Deferred.doneUnsafe(sender.accepted, Effect.fail(error))
        waiting.clear()
        wakeDrainers()
      })
  }
}
