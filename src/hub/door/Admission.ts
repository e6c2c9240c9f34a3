/**
 * Who may come in: one connection per peer id, and so many peers at a time.
 *
 * An id belongs to whoever proves to have its key: a peer that does is let in at once, and whatever held its id goes. An id
 * that nobody proved belongs to whoever has it, for as long as that one gives signs of life. Both hold across hubs, which
 * tell each other what they know.
 *
 * Ids that differ only in the case of their letters are the same id here, so that nobody can pass for
 * somebody else by a capital letter.
 */
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Result from "effect/Result"
import { caseless, type PeerId } from "../../domain/PeerId.ts"
import { hubClose } from "../../domain/Signal.ts"
import type { Claim, Rivals } from "../backplane/Claims.ts"
import { closeCode, type Connection } from "../connection/Connection.ts"
import type { Peer } from "../exchange/Member.ts"
import type { Router } from "../exchange/Router.ts"
import type { HubSettings } from "../Options.ts"
import { Refused } from "./Refused.ts"

/** A peer and its connection, as the door sees them. @category models */
export interface Tenant extends Peer {
  readonly connection: Pick<Connection, "alive" | "close" | "terminate">
  /** Whether it has proved by now that it has the key of its id. */
  readonly proven: boolean
  /** When it came, in milliseconds since 1970. */
  readonly since: number
}

/** The door of the hub. @category models */
export interface Admission {
  /** Peers that are in. */
  readonly size: number
  /** Whether a peer of this id is in, whatever the case of its letters. */
  holds(peerId: PeerId): boolean
  /** Whether a peer of this id cannot be let in without waiting: somebody has the id, here or at another hub. */
  mustWait(peerId: PeerId): boolean
  /**
   * Lets a peer in until it is let out. If its id is taken, `proof` asks it to prove that it has the id's key, and completes
   * with whether it did. If it did, the holder is put out. Otherwise the holder has `takeoverPatience` to show that it
   * lives; if it does, or has proved its own key, the newcomer is refused, and else the holder is put out. Its networks are
   * told of who is put out. Without `proof`, the peer cannot prove anything.
   */
  admit(tenant: Tenant, proof?: Effect.Effect<boolean>): Effect.Effect<void, Refused>
  /** Settles with other hubs who keeps a peer, if it is in and turns out to be there, too. */
  contest(peerId: PeerId): Effect.Effect<void>
  /** Another hub has a peer with that id: tells whether the one here stays; otherwise it is gone. */
  answer(claim: Claim): Effect.Effect<boolean>
  /** Lets a peer out, if it is in. */
  release(tenant: Tenant): void
}

/** What the closing of a connection says that had to make way for one that proved its key. @category constants */
export const takenOver = "Taken over by a newer connection of the same peer"

/**
 * An empty house. Whoever is put out is taken out of its networks by `router`. `now` gives milliseconds since 1970.
 *
 * @category constructors
 */
export const make = (options: {
  readonly router: Pick<Router, "lost">
  readonly rivals: Rivals
  readonly settings: Pick<HubSettings, "maxConnections" | "requireProof" | "takeoverPatience">
  readonly now: () => number
}): Admission => {
  const { now, rivals, router, settings } = options
  const holders = new Map<string, Tenant>()
  const keyOf = ({ peerId }: Pick<Tenant, "peerId">) => caseless(peerId)
  const ageOf = ({ since }: Tenant) => Math.max(0, now() - since)

  const release = (tenant: Tenant) => {
    // A newer connection may hold the id by now.
    if (holders.get(keyOf(tenant)) === tenant) holders.delete(keyOf(tenant))
  }

  const putOut = (holder: Tenant, close: () => void) => {
    release(holder)
    router.lost(holder)
    close()
  }
  const drop = (holder: Tenant) => putOut(holder, () => holder.connection.terminate())
  const giveOver = (holder: Tenant) => putOut(holder, () => holder.connection.close(hubClose.takenOver, takenOver))
  const dismiss = (holder: Tenant) =>
    putOut(holder, () => holder.connection.close(closeCode.policy, "Peer already connected"))

  /** Whether a holder stays because it lives; it is dropped when it does not. */
  const isAlive = Effect.fnUntraced(function*(holder: Tenant) {
    if (yield* holder.connection.alive(settings.takeoverPatience)) return true
    if (holders.get(keyOf(holder)) === holder) {
      yield* Effect.logInfo("A peer came back before its dead connection was noticed")
      drop(holder)
    }
    return false
  })

  /** Whether a holder keeps its id from one that proved nothing. */
  const stays = (holder: Tenant) => holder.proven ? Effect.succeed(true) : isAlive(holder)

  /** Whether another hub keeps the peer; a hub that says nothing for as long as one may be silent does not. */
  const isKeptElsewhere = (claim: Claim) =>
    rivals.holds(claim.peerId)
      ? Effect.map(
        Effect.timeoutOption(rivals.ask(claim), settings.takeoverPatience),
        (kept) => kept._tag === "Some" && kept.value
      )
      : Effect.succeed(false)

  const refusal = (reason: Refused["reason"]) => Effect.fail(new Refused({ reason }))

  /** Completes when nobody has the id any more. */
  const makeWay = Effect.fnUntraced(function*(tenant: Tenant) {
    const holder = holders.get(keyOf(tenant))
    const [here, elsewhere] = yield* Effect.all([
      holder === undefined ? Effect.succeed(false) : stays(holder),
      isKeptElsewhere({ peerId: tenant.peerId, proven: false, age: ageOf(tenant) })
    ], { concurrency: 2 })
    if (here || elsewhere) return yield* refusal("Peer already connected")
  })

  const enter = (tenant: Tenant): Effect.Effect<void, Refused> =>
    Effect.suspend(() => {
      // While we waited, another newcomer with this id may have been faster.
      if (holders.has(keyOf(tenant))) return refusal("Peer already connected")
      if (holders.size >= settings.maxConnections) return refusal("Maximum connections reached")
      holders.set(keyOf(tenant), tenant)
      return Effect.void
    })

  /** Lets a peer in that has proved its key: of several that did, the last. */
  const enterByProof = (tenant: Tenant) =>
    Effect.suspend(() => {
      const holder = holders.get(keyOf(tenant))
      if (holder !== undefined) giveOver(holder)
      rivals.tell({ peerId: tenant.peerId, proven: true, age: ageOf(tenant) })
      return enter(tenant)
    })

  const mustWait = (peerId: PeerId) =>
    settings.requireProof || holders.has(peerId.toLowerCase()) || rivals.holds(peerId)

  const admit = Effect.fnUntraced(function*(tenant: Tenant, proof?: Effect.Effect<boolean>) {
    if (!mustWait(tenant.peerId)) return yield* enter(tenant)
    if (proof === undefined) {
      if (settings.requireProof) return yield* refusal("A proof of the peer's key is needed")
      yield* makeWay(tenant)
      return yield* enter(tenant)
    }
    const proving = yield* Effect.forkChild(
      Effect.timeoutOrElse(proof, { duration: settings.takeoverPatience, orElse: () => Effect.succeed(false) })
    )
    const isProven = Fiber.join(proving)
    if (settings.requireProof) {
      return (yield* isProven) ? yield* enterByProof(tenant) : yield* refusal("A proof of the peer's key is needed")
    }
    // Whichever comes first: who proves need not wait until it is known whether the holder lives.
    const first = yield* Effect.raceFirst(
      Effect.flatMap(isProven, (proven) => proven ? Effect.succeed("proven" as const) : Effect.never),
      Effect.result(makeWay(tenant))
    )
    if (first === "proven" || (Result.isFailure(first) && (yield* isProven))) return yield* enterByProof(tenant)
    yield* Result.isFailure(first) ? Effect.fail(first.failure) : enter(tenant)
  })

  /** Peers whose place is being settled with other hubs. */
  const contested = new Set<string>()

  /** Settles who keeps a peer. Again and again as long as there is something to settle: what hubs say can be lost. */
  const settle = Effect.fnUntraced(function*(peerId: PeerId) {
    while (true) {
      const holder = holders.get(peerId.toLowerCase())
      if (holder === undefined || !(yield* isAlive(holder)) || !rivals.holds(peerId)) return
      const claim = { peerId, proven: holder.proven, age: ageOf(holder) }
      if (rivals.settles(peerId) && (yield* isKeptElsewhere(claim)) && holders.get(keyOf(holder)) === holder) {
        yield* Effect.logInfo("A peer that was at two hubs is left to the other")
        return holder.proven ? giveOver(holder) : dismiss(holder)
      }
      yield* Effect.sleep(settings.takeoverPatience)
    }
  })

  return {
    get size() {
      return holders.size
    },
    holds: (peerId) => holders.has(peerId.toLowerCase()),
    mustWait,
    admit,
    release,
    contest: (peerId) =>
      Effect.suspend(() => {
        if (contested.has(peerId.toLowerCase())) return Effect.void
        contested.add(peerId.toLowerCase())
        return Effect.ensuring(settle(peerId), Effect.sync(() => void contested.delete(peerId.toLowerCase())))
      }),
    answer: Effect.fnUntraced(function*({ age, peerId, proven }) {
      const holder = holders.get(peerId.toLowerCase())
      if (holder === undefined) return false
      if (proven) {
        // Of two that proved it the newer is the one that its owner uses.
        if (holder.proven && age > ageOf(holder)) return true
        giveOver(holder)
        return false
      }
      // Of two that proved nothing the older stays, if it lives; the other hub has looked after its own.
      if (holder.proven || age <= ageOf(holder)) return yield* stays(holder)
      dismiss(holder)
      return false
    })
  }
}
