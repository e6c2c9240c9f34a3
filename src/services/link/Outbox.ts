/**
 * What waits to be sent over one link, bounded by bytes and by number. A full outbox suspends its senders, which is how a
 * slow link's backpressure reaches whoever sends.
 *
 * There are two lanes, each first in, first out: messages, and what comes in bulk, which is taken in turn with messages so
 * that neither waits for more than one parcel of the other. The lane for bulk is short: who sends a lot waits outside.
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
  /** As `offer`, in the lane for what comes in bulk. */
  offerBulk(parcel: Parcel): Effect.Effect<void, LinkClosed>
  /** As `tryOffer`, in that lane. */
  tryOfferBulk(parcel: Parcel): boolean
  /** The next parcel; waits for one. Of two lanes with parcels, the one that was not the last. */
  readonly take: Effect.Effect<Parcel>
  /** The next message if there is one and it suits; never waits. */
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

/** @category models */
export interface Limit {
  readonly bytes: number
  readonly frames: number
}

/** What the lane for bulk holds: enough to keep the writer busy while a sender is woken. @category constants */
export const bulk: Limit = { bytes: 64 * 1024, frames: 64 }

/**
 * Small messages are let in many at a time, since to wait and to be woken costs more than to send one; bulk as soon as there
 * is room, since its lane is short.
 */
const resumeAt = { messages: 0.5, bulk: 1 } as const

/** One of the lanes. */
interface Lane {
  tryOffer(parcel: Parcel): boolean
  offer(parcel: Parcel): Effect.Effect<void, LinkClosed>
  poll(suits?: (parcel: Parcel) => boolean): Parcel | undefined
  size(): number
  close(error: LinkClosed): void
}

/**
 * An empty lane that holds up to `limit`, or a single parcel of any size. Those who wait for room are let in once no more
 * than a share of it, `resumeAt`, is taken.
 */
const makeLane = (limit: Limit, resumeAt: number, appended: () => void): Lane => {
  const parcels: Array<Parcel> = []
  const waiting = new Set<Waiting>()
  let head = 0
  let bytes = 0
  let closed: LinkClosed | undefined

  const size = () => parcels.length - head
  const full = () => size() > 0 && (bytes >= limit.bytes || size() >= limit.frames)
  const roomy = () => size() === 0 || (bytes <= limit.bytes * resumeAt && size() <= limit.frames * resumeAt)

  const append = (parcel: Parcel): void => {
    parcels.push(parcel)
    bytes += parcel.bytes
    appended()
  }

  const admit = (): void => {
    for (const sender of waiting) {
      if (full()) break
      waiting.delete(sender)
      append(sender.parcel)
      Deferred.doneUnsafe(sender.accepted, Effect.void)
    }
  }

  const tryOffer = (parcel: Parcel): boolean => {
    // Whoever waits came first.
    if (closed !== undefined || waiting.size > 0 || full()) return false
    append(parcel)
    return true
  }

  return {
    size,
    tryOffer,
    offer: (parcel) =>
      Effect.suspend(() => {
        if (tryOffer(parcel)) return Effect.void
        if (closed !== undefined) return Effect.fail(closed)
        const sender: Waiting = { parcel, accepted: Deferred.makeUnsafe() }
        waiting.add(sender)
        return Effect.onInterrupt(Deferred.await(sender.accepted), () => Effect.sync(() => waiting.delete(sender)))
      }),
    poll: (suits) => {
      const parcel = parcels[head]
      if (parcel === undefined || suits?.(parcel) === false) return undefined
      head++
      bytes -= parcel.bytes
      // Forget what was taken now and then, so that the array does not grow with the link's age.
      if (head === parcels.length || head > 1024) {
        parcels.splice(0, head)
        head = 0
      }
      if (waiting.size > 0 && roomy()) admit()
      return parcel
    },
    close: (error) => {
      closed = error
      parcels.length = 0
      head = 0
      bytes = 0
      for (const sender of waiting) Deferred.doneUnsafe(sender.accepted, Effect.fail(error))
      waiting.clear()
    }
  }
}

/** An empty outbox whose messages are bounded by `limit`. @category constructors */
export const make = (limit: Limit): Outbox => {
  let closed = false
  let taker: Deferred.Deferred<void> | undefined
  let drainers: Array<Deferred.Deferred<void>> = []
  let wasBulk = false

  // A fiber that is woken may run, and come back here, before the call that woke it returns: forget it first.
  const wakeTaker = (): void => {
    const woken = taker
    taker = undefined
    if (woken !== undefined) Deferred.doneUnsafe(woken, Effect.void)
  }

  const wakeDrainers = (): void => {
    const woken = drainers
    drainers = []
    for (const drainer of woken) Deferred.doneUnsafe(drainer, Effect.void)
  }

  const messages = makeLane(limit, resumeAt.messages, wakeTaker)
  const inBulk = makeLane(bulk, resumeAt.bulk, wakeTaker)

  const next = (): Parcel | undefined => {
    const [first, second] = wasBulk ? [messages, inBulk] : [inBulk, messages]
    const parcel = first.poll()
    wasBulk = parcel === undefined ? second === inBulk : first === inBulk
    return parcel ?? second.poll()
  }

  const take: Effect.Effect<Parcel> = Effect.suspend(() => {
    const parcel = next()
    if (parcel !== undefined) return Effect.succeed(parcel)
    wakeDrainers()
    taker = Deferred.makeUnsafe<void>()
    return Effect.andThen(Deferred.await(taker), take)
  })

  const size = () => messages.size() + inBulk.size()

  return {
    offer: messages.offer,
    tryOffer: messages.tryOffer,
    offerBulk: inBulk.offer,
    tryOfferBulk: inBulk.tryOffer,
    take,
    poll: messages.poll,
    size,
    // The one who sends asks for the next parcel only when the last one is out, so an idle taker means drained.
    drained: Effect.suspend(() => {
      if (closed || (size() === 0 && taker !== undefined)) return Effect.void
      const drained = Deferred.makeUnsafe<void>()
      drainers.push(drained)
      return Deferred.await(drained)
    }),
    close: (error) =>
      Effect.sync(() => {
        closed = true
        messages.close(error)
        inBulk.close(error)
        wakeDrainers()
      })
  }
}
