/**
 * Who is in the network, and whom of them to link.
 *
 * One actor hears the hub's news and the links', keeps the candidates, and dials. The choice itself is in
 * `membership/choose`.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as PubSub from "effect/PubSub"
import * as Queue from "effect/Queue"
import * as Random from "effect/Random"
import * as Schedule from "effect/Schedule"
import type { Dialect } from "../domain/Frame.ts"
import type { PeerId } from "../domain/PeerId.ts"
import type { HubSignal } from "../domain/Signal.ts"
import { ConnectionPool, type LinkNews } from "./ConnectionPool.ts"
import { admit, target, toDial } from "./membership/choose.ts"
import { SessionContext } from "./SessionContext.ts"
import { Supervisor } from "./Supervisor.ts"

/** Members remembered at most; the oldest give way. @category constants */
export const maxCandidates = 512

/** How often the links are looked at when nothing happens, jittered by half. @category constants */
export const round = Duration.seconds(3)

/** How long a peer that could not be linked is left alone; doubles each time, up to `restCap`. @category constants */
export const rest = Duration.seconds(3)

/** Failures in a row after which a peer is forgotten, until somebody speaks of it again. @category constants */
export const maxFailures = 5

/** The longest time that a peer is left alone. @category constants */
export const restCap = Duration.minutes(1)

interface Candidate {
  readonly dialect: Dialect
  readonly failures: number
  /** Milliseconds since 1970 before which the peer is not dialled. */
  readonly restsUntil: number
}

type Mail =
  | { readonly _tag: "Signal"; readonly signal: HubSignal }
  | { readonly _tag: "Link"; readonly news: LinkNews }
  | { readonly _tag: "Round" }

/** @category services */
export class Membership extends Context.Service<Membership, {
  /** Members that are known, linked or not. */
  known(): Iterable<PeerId>
  /** How many these are. */
  knownCount(): number
  /** How a member speaks, as far as is known. */
  dialectOf(peerId: PeerId): Dialect | undefined
}>()("homing/Membership") {
  static readonly layer = Layer.effect(
    Membership,
    Effect.gen(function*() {
      const { hub, maxPeers, minPeers, networkName, self } = yield* SessionContext
      const pool = yield* ConnectionPool
      const supervisor = yield* Supervisor
      const candidates = new Map<PeerId, Candidate>()
      const linked = new Set<PeerId>()
      // Before this time there is nobody to dial, unless something happens.
      let idleUntil = 0

      const learn = (peerId: PeerId, dialect: Dialect) => {
        if (peerId === self) return
        candidates.delete(peerId)
        candidates.set(peerId, { dialect, failures: 0, restsUntil: 0 })
        for (const oldest of candidates.keys()) {
          if (candidates.size <= maxCandidates) break
          candidates.delete(oldest)
        }
      }

      const dial = Effect.gen(function*() {
        if (linked.size >= maxPeers) return
        const now = yield* Clock.currentTimeMillis
        if (now < idleUntil) return
        const awake: Array<PeerId> = []
        let wakes = Infinity
        for (const [peer, { restsUntil }] of candidates) {
          if (restsUntil <= now) awake.push(peer)
          else wakes = Math.min(wakes, restsUntil)
        }
        // The order matters only where some are chosen among equals.
        const isOpen = linked.size < target({ minPeers, maxPeers })
        const inRandomOrder = isOpen ? yield* Random.shuffle(awake) : awake
        const chosen = toDial({ self, candidates: inRandomOrder, linked, minPeers, maxPeers })
        if (chosen.length === 0) idleUntil = wakes
        for (const peer of chosen) {
          linked.add(peer)
          yield* pool.dial(peer, { dialect: candidates.get(peer)?.dialect ?? "homing" })
        }
      })

      const onOffer = Effect.fnUntraced(function*(signal: Extract<HubSignal, { readonly type: "offer" }>) {
        const from = signal.fromPeerId
        if (!linked.has(from)) {
          const admission = admit(from, { self, linked, maxPeers })
          if (admission._tag === "Refuse") {
            return yield* Effect.ignore(hub.send({
              type: "connection-rejected",
              targetPeerId: from,
              data: {
                reason: "max_peers_reached",
                details: `all ${maxPeers} links are taken`,
                ...(signal.data.homing === undefined ? {} : { homing: signal.data.homing })
              }
            }))
          }
          if (admission._tag === "AdmitInsteadOf") {
            linked.delete(admission.evicted)
            yield* Effect.forkChild(pool.hangUp(admission.evicted, "made room for a nearer peer"))
          }
          linked.add(from)
        }
        yield* pool.receive(signal)
      })

      const onSignal = Effect.fnUntraced(function*(signal: HubSignal) {
        switch (signal.type) {
          case "peer-discovered":
            learn(signal.data.peerId, signal.data.homing === undefined ? "pigeon" : "homing")
            return yield* dial
          case "peer-disconnected":
            return void candidates.delete(signal.data.peerId)
          case "goodbye":
            candidates.delete(signal.fromPeerId)
            return yield* pool.receive(signal)
          case "offer":
            return yield* onOffer(signal)
          case "answer":
          case "ice-candidate":
          case "connection-rejected":
            return yield* pool.receive(signal)
        }
      })

      const onLink = Effect.fnUntraced(function*(news: LinkNews) {
        switch (news._tag) {
          case "Opened": {
            const known = candidates.get(news.peerId)
            candidates.set(news.peerId, { dialect: news.dialect, failures: 0, restsUntil: known?.restsUntil ?? 0 })
            return
          }
          case "Closed":
            return
          case "Ended": {
            linked.delete(news.peerId)
            const known = candidates.get(news.peerId)
            if (known !== undefined && known.failures >= maxFailures) candidates.delete(news.peerId)
            else if (known !== undefined) {
              const pause = Math.min(Duration.toMillis(restCap), Duration.toMillis(rest) * 2 ** known.failures)
              const restsUntil = (yield* Clock.currentTimeMillis) + pause * (yield* Random.nextBetween(0.5, 1.5))
              candidates.set(news.peerId, { ...known, failures: known.failures + 1, restsUntil })
            }
            return yield* dial
          }
        }
      })

      const links = yield* pool.news
      const actor = yield* supervisor.spawn<Mail, never, never>({
        path: `mesh/${networkName}/membership`,
        capacity: 4096,
        behaviour: Effect.fnUntraced(function*(actor) {
          while (true) {
            actor.become(`${linked.size} linked, ${candidates.size} known`)
            const mail = yield* actor.receive
            if (mail._tag !== "Round") idleUntil = 0
            switch (mail._tag) {
              case "Signal":
                yield* onSignal(mail.signal)
                break
              case "Link":
                yield* onLink(mail.news)
                break
              case "Round":
                yield* dial
                break
            }
          }
        })
      })
      yield* Queue.take(hub.news).pipe(
        Effect.flatMap((news) => news._tag === "Signal" ? actor.tell(news) : Effect.void),
        Effect.forever,
        Effect.forkScoped
      )
      yield* PubSub.take(links).pipe(
        Effect.flatMap((news) => actor.tell({ _tag: "Link", news })),
        Effect.forever,
        Effect.forkScoped
      )
      yield* actor.tell({ _tag: "Round" }).pipe(
        Effect.repeat(Schedule.spaced(round).pipe(Schedule.jittered)),
        Effect.forkScoped
      )

      return Membership.of({
        known: () => candidates.keys(),
        knownCount: () => candidates.size,
        dialectOf: (peerId) => candidates.get(peerId)?.dialect
      })
    })
  )
}
