/** The memberships of one session, and which of them a signal is for. */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import * as Queue from "effect/Queue"
import type { HubRefused, HubUnreachable } from "../../domain/Errors.ts"
import * as NetworkName from "../../domain/NetworkName.ts"
import type { PeerId } from "../../domain/PeerId.ts"
import type { HubSignal } from "../../domain/Signal.ts"
import type { Farewell, JoinOptions, MembershipNews } from "../SignalingTransport.ts"

/** How much news a membership holds for a slow reader; beyond it the oldest give way. @category constants */
export const maxNews = 1024

/** Signals that named a network we are not in. @category metrics */
export const foreign = Metric.counter("homing_hub_signals_foreign", {
  description: "Signals from hubs that named a network this peer is not in",
  incremental: true
})

/** One membership, seen from its session. @category models */
export interface Member {
  readonly networkName: NetworkName.NetworkName
  readonly news: Queue.Queue<MembershipNews>
  /** Whether a hub has taken the announcement, or why none did. */
  readonly announced: Deferred.Deferred<void, HubUnreachable | HubRefused>
  readonly farewell: Effect.Effect<Farewell>
  readonly discoverable: boolean
}

/** A member that is not announced yet. @category constructors */
export const makeMember = Effect.fnUntraced(function*(
  networkName: NetworkName.NetworkName,
  { discoverable = true, farewell = Effect.succeed("goodbye") }: JoinOptions = {}
) {
  return {
    networkName,
    news: yield* Queue.sliding<MembershipNews>(maxNews),
    announced: yield* Deferred.make<void, HubUnreachable | HubRefused>(),
    farewell,
    discoverable
  } satisfies Member
})

/** Whether a PeerPigeon client would take the signal: it is not for somebody else, nor our own echo. */
const concerns = (peerId: PeerId, signal: HubSignal): boolean =>
  !("targetPeerId" in signal && signal.targetPeerId !== peerId) &&
  !("fromPeerId" in signal && signal.fromPeerId === peerId)

/**
 * The members of a session. Two of them may be in the same network, while one takes over from the other.
 *
 * @category models
 */
export class Members {
  readonly #peerId: PeerId
  readonly #members = new Set<Member>()
  #foreign = 0

  constructor(peerId: PeerId) {
    this.#peerId = peerId
  }

  get size(): number {
    return this.#members.size
  }

  /** Signals so far that named none of the members' networks. */
  get foreign(): number {
    return this.#foreign
  }

  [Symbol.iterator](): IterableIterator<Member> {
    return this.#members.values()
  }

  has(member: Member): boolean {
    return this.#members.has(member)
  }

  add(member: Member): void {
    this.#members.add(member)
  }

  /** Forgets a member; says whether there was one to forget. */
  remove(member: Member): boolean {
    return this.#members.delete(member)
  }

  /** The networks the members are in, each once. */
  get networks(): ReadonlySet<NetworkName.NetworkName> {
    return new Set(Array.from(this.#members, ({ networkName }) => networkName))
  }

  /** The network of the member that came last. */
  get newest(): NetworkName.NetworkName | undefined {
    return Array.from(this.#members).at(-1)?.networkName
  }

  /** Whether a network may be listed: no member is against it. */
  discoverable(networkName: NetworkName.NetworkName): boolean {
    return Array.from(this.#members).every((member) => member.networkName !== networkName || member.discoverable)
  }

  /** Hands a signal to the members of exactly its network. */
  deliver(signal: HubSignal & { readonly networkName?: NetworkName.NetworkName }): Effect.Effect<void> {
    return Effect.suspend(() => {
      if (!concerns(this.#peerId, signal)) return Effect.void
      const networkName = NetworkName.ofMessage(signal)
      let delivered = false
      for (const member of this.#members) {
        if (member.networkName !== networkName) continue
        Queue.offerUnsafe(member.news, { _tag: "Signal", signal })
        delivered = true
      }
      if (delivered) return Effect.void
      this.#foreign += 1
      return Metric.update(foreign, 1)
    })
  }
}
