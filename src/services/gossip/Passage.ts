/**
 * Direct messages on their way through a peer, its own among them: events in, commands out. No I/O, no clock, no randomness.
 *
 * - A message goes to the neighbour that leads nearest to its addressee. That one says at once that it has it, and looks
 *   after it from then on; one that says nothing for a while is dead or stuck, and the next best is tried.
 * - Who finds no way on gives the message back to whoever gave it, who tries another way or gives it back in turn.
 * - Where nobody nearer is and nobody has heard of the addressee, there is no such peer, and its sender is told.
 * - Trying again can make copies; each peer looks after one, and the addressee hears one.
 */
import { type Gossip as Message, maxPath } from "../../domain/Frame.ts"
import type { PeerId } from "../../domain/PeerId.ts"

/** How long a neighbour may take to say that it has a message: four of the slowest round trips expected. @category constants */
export const patience = 1000

/**
 * How long an addressee to whom we are linked may take to confirm: it does so when its application has the message, and that
 * is its affair. Beyond, the link may be dead.
 *
 * @category constants
 */
export const directPatience = 3000

/** Bytes per millisecond that a link carries at least: large messages are waited for longer. @category constants */
export const pace = 100

/** How long a message is looked after, in milliseconds: as long as its sender waits. @category constants */
export const lives = 15_000

/**
 * Messages that are looked after at a time. Beyond, the oldest that others have are forgotten, which cannot be given back to
 * us then, and without such, newcomers are given back.
 *
 * @category constants
 */
export const capacity = 16_384

/** Bytes of them all. @category constants */
export const maxBytes = 32 * 1024 * 1024

/** Neighbours that lead no nearer and are tried all the same, when those that do are dead. @category constants */
export const detours = 2

/** The longest way that detours are made from: what is lost that far out is better sent anew. @category constants */
export const detourWithin = 16

/** Who leads where. @category models */
export interface Ways {
  /** Whether there is an open link to a peer. */
  isLinked(peer: PeerId): boolean
  /** The neighbour on the way to a peer. */
  next(to: PeerId, except: (peer: PeerId) => boolean): PeerId | undefined
  /** The neighbour through which a peer was last heard. */
  learned(to: PeerId): PeerId | undefined
  /** The best neighbour of those left, leading nearer or not. */
  detour(to: PeerId, except: (peer: PeerId) => boolean): PeerId | undefined
  /** Whether a peer is said to be in the network. */
  isKnown(peer: PeerId): boolean
  /** Whether a neighbour's link has yet to send what it was given. */
  isBusy(peer: PeerId): boolean
}

/** What happens. @category models */
export type Event =
  /** We have something to say; not over those who are `tried`. */
  | {
    readonly _tag: "Started"
    readonly name: string
    readonly message: Message
    readonly to: PeerId
    readonly bytes: number
    readonly tried: Iterable<PeerId>
  }
  /** A neighbour gave us a message for another. */
  | {
    readonly _tag: "Came"
    readonly name: string
    readonly message: Message
    readonly to: PeerId
    readonly bytes: number
    readonly from: PeerId
  }
  /** A link took a message. */
  | { readonly _tag: "Sent"; readonly name: string; readonly to: PeerId }
  /** A link did not. */
  | { readonly _tag: "Unsent"; readonly name: string; readonly to: PeerId }
  | { readonly _tag: "Taken"; readonly from: PeerId; readonly names: ReadonlyArray<string> }
  | { readonly _tag: "Returned"; readonly from: PeerId; readonly name: string; readonly absent: boolean }
  /** Our message arrived, or nobody waits for that any more. */
  | { readonly _tag: "Done"; readonly name: string }
  | { readonly _tag: "Down"; readonly peerId: PeerId }
  /** Time passed. */
  | { readonly _tag: "Due" }

/** What is to be done, in this order. @category models */
export type Command =
  /** Send a message on. */
  | { readonly _tag: "Pass"; readonly name: string; readonly message: Message; readonly to: PeerId }
  /** Say that we have it. */
  | { readonly _tag: "Take"; readonly name: string; readonly to: PeerId }
  /** Give it back. */
  | { readonly _tag: "Return"; readonly name: string; readonly to: PeerId; readonly absent: boolean }
  /** Our own found no way. `absent`: since there is no such peer, as those say who would know. */
  | { readonly _tag: "Failed"; readonly name: string; readonly absent: boolean }

/** @category models */
export interface Passage {
  /** `now` is in milliseconds and never goes back. */
  handle(event: Event, now: number): ReadonlyArray<Command>
  /** When to come with `Due`; `Infinity` when there is nothing to wait for. */
  wakeAt(): number
  /** Who has a message now, as far as is known here. */
  holder(name: string): PeerId | undefined
  /** Messages that are looked after. */
  size(): number
}

interface Transit {
  /** As it goes on from here. */
  readonly message: Message
  readonly to: PeerId
  readonly bytes: number
  readonly isOurs: boolean
  /** Those who gave it to us. */
  readonly givers: Set<PeerId>
  readonly tried: Set<PeerId>
  /** Who has it now; nobody once it was given back. */
  via: PeerId | undefined
  /** When the one who has it must have said so; `Infinity` when there is nothing to wait for. */
  due: number
  detours: number
  readonly endsAt: number
}

const nothing: ReadonlyArray<Command> = []

/** From its origin to its addressee, without anybody in between: it is confirmed, and needs not be taken. */
const isDirect = ({ isOurs, to, via }: Transit): boolean => isOurs && via === to

/** Nothing on its way. @category constructors */
export const make = (ways: Ways): Passage => {
  // In the order in which they came, and so in which they end.
  const transits = new Map<string, Transit>()
  let bytes = 0
  let wakeAt = Infinity

  const forget = (name: string) => {
    const transit = transits.get(name)
    if (transit === undefined) return
    transits.delete(name)
    bytes -= transit.bytes
  }

  const hasRoom = (more: number) => transits.size < capacity && bytes + more <= maxBytes

  const makeRoom = (more: number): boolean => {
    for (const [name, { due, isOurs }] of transits) {
      if (hasRoom(more)) break
      if (due === Infinity && !isOurs) forget(name)
    }
    return hasRoom(more)
  }

  const choose = (transit: Transit): PeerId | undefined => {
    const { givers, message, to, tried } = transit
    const except = (peer: PeerId) => tried.has(peer) || givers.has(peer) || message.path.includes(peer)
    if (ways.isLinked(to) && !except(to)) return to
    const next = ways.next(to, except)
    if (next !== undefined) return next
    const learned = ways.learned(to)
    if (learned !== undefined && !except(learned) && ways.isLinked(learned)) return learned
    // Where those who lead nearer failed, or the addressee is said to be, there may be a way around.
    if (tried.size === 0 && !ways.isKnown(to)) return undefined
    if (transit.detours >= detours || message.path.length > detourWithin) return undefined
    transit.detours++
    return ways.detour(to, except)
  }

  const giveBack = (name: string, transit: Transit, absent: boolean): ReadonlyArray<Command> => {
    transit.via = undefined
    transit.due = Infinity
    if (transit.isOurs) {
      forget(name)
      return [{ _tag: "Failed", name, absent }]
    }
    // It is remembered, so that nobody who comes upon us once more waits for us.
    return Array.from(transit.givers, (to) => ({ _tag: "Return", name, to, absent }) as const)
  }

  const goOn = (name: string, transit: Transit): ReadonlyArray<Command> => {
    const to = choose(transit)
    if (to === undefined) {
      return giveBack(name, transit, transit.tried.size === 0 && !ways.isKnown(transit.to))
    }
    transit.tried.add(to)
    transit.via = to
    transit.due = Infinity
    return [{ _tag: "Pass", name, message: transit.message, to }]
  }

  const begin = (name: string, transit: Transit): ReadonlyArray<Command> => {
    forget(name)
    transits.set(name, transit)
    bytes += transit.bytes
    wakeAt = Math.min(wakeAt, transit.endsAt)
    return goOn(name, transit)
  }

  const came = (event: Extract<Event, { readonly _tag: "Came" }>, now: number): ReadonlyArray<Command> => {
    const { from, message, name, to } = event
    const known = transits.get(name)
    if (known !== undefined) {
      // Whoever has it from us, or finds that we could not bring it on, is to try another way.
      if (known.via === undefined || known.via === from) return [{ _tag: "Return", name, to: from, absent: false }]
      known.givers.add(from)
      return [{ _tag: "Take", name, to: from }]
    }
    if (message.ttl <= 0 || message.path.length >= maxPath || !makeRoom(event.bytes)) {
      return [{ _tag: "Return", name, to: from, absent: false }]
    }
    return [
      { _tag: "Take", name, to: from },
      ...begin(name, {
        message,
        to,
        bytes: event.bytes,
        isOurs: false,
        givers: new Set([from]),
        tried: new Set(),
        via: undefined,
        due: Infinity,
        detours: 0,
        endsAt: now + lives
      })
    ]
  }

  /** Whoever has it has failed. */
  const failed = (name: string, peer: PeerId): ReadonlyArray<Command> => {
    const transit = transits.get(name)
    return transit === undefined || transit.via !== peer ? nothing : goOn(name, transit)
  }

  const due = (now: number): ReadonlyArray<Command> => {
    const commands: Array<Command> = []
    if (wakeAt > now) return commands
    wakeAt = Infinity
    for (const [name, transit] of Array.from(transits)) {
      if (transit.endsAt <= now) {
        forget(name)
        continue
      }
      if (transit.due <= now && transit.via !== undefined) {
        // What waits in our own outbox has not been kept from us by anybody else.
        if (ways.isLinked(transit.via) && ways.isBusy(transit.via)) transit.due = now + patience
        else commands.push(...goOn(name, transit))
      }
      wakeAt = Math.min(wakeAt, transit.due, transit.endsAt)
    }
    return commands
  }

  const handle = (event: Event, now: number): ReadonlyArray<Command> => {
    switch (event._tag) {
      case "Started": {
        const { message, name, to } = event
        return begin(name, {
          message,
          to,
          bytes: event.bytes,
          isOurs: true,
          givers: new Set(),
          tried: new Set(event.tried),
          via: undefined,
          due: Infinity,
          detours: 0,
          endsAt: now + lives
        })
      }
      case "Came":
        return came(event, now)
      case "Sent": {
        const transit = transits.get(event.name)
        if (transit === undefined || transit.via !== event.to) return nothing
        transit.due = isDirect(transit)
          // Without a confirmation to come, whether it arrives is for those to find out who wait for it.
          ? transit.message.acknowledge === true ? now + directPatience + transit.bytes / pace : Infinity
          : now + patience + transit.bytes / pace
        wakeAt = Math.min(wakeAt, transit.due)
        return nothing
      }
      case "Unsent":
        return failed(event.name, event.to)
      case "Taken":
        for (const name of event.names) {
          const transit = transits.get(name)
          if (transit !== undefined && transit.via === event.from) transit.due = Infinity
        }
        return nothing
      case "Returned": {
        const transit = transits.get(event.name)
        if (transit === undefined || transit.via !== event.from) return nothing
        // Whoever is nearest knows best; only its sender asks twice.
        return event.absent ? giveBack(event.name, transit, true) : goOn(event.name, transit)
      }
      case "Done":
        forget(event.name)
        return nothing
      case "Down": {
        const commands: Array<Command> = []
        for (const [name, transit] of Array.from(transits)) {
          if (transit.via === event.peerId) commands.push(...goOn(name, transit))
        }
        return commands
      }
      case "Due":
        return due(now)
    }
  }

  return { handle, wakeAt: () => wakeAt, holder: (name) => transits.get(name)?.via, size: () => transits.size }
}
