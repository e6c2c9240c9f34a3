/**
 * Proofs of peers that they have the keys of their ids, asked for by a nonce that is good for one connection and one answer.
 *
 * A proof names the host that the peer dialled, and must name this hub: so whoever runs another hub cannot pass our nonce
 * on to a peer there and come in here with its answer.
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import { randomBytes } from "node:crypto"
import type { PeerId } from "../../domain/PeerId.ts"
import { hostOf, Nonce, nonceBytes, type PeerProof, signedBytes } from "../../domain/PeerProof.ts"
import type { Verify } from "../../services/Identity.ts"

/** A proof, looked at. @category models */
export type Finding = "proven" | "forged" | "for another host"

/** A nonce that was given to a connection, until it is answered. @category models */
export interface Challenge {
  readonly nonce: Nonce
  /** Looks at the answer, and lets `found` know before whoever waits. To be called once. */
  check(proof: PeerProof, found: (finding: Finding) => Effect.Effect<void>): Effect.Effect<void>
  /** Completes once there is an answer that was looked at, with whether the peer proved its key. */
  readonly proven: Effect.Effect<boolean>
}

/** @category models */
export interface Proofs {
  /** Makes up a nonce for a connection of a peer whose request was addressed to `host`. */
  challenge(peerId: PeerId, host: string | undefined): Challenge
}

/**
 * Proofs for the hub that goes by these hosts, such as `hub.example.org` or `localhost:3000`; by whatever host it is
 * addressed, when there are none.
 *
 * @category constructors
 */
export const make = (verify: Verify, hosts: ReadonlyArray<string> | undefined): Proofs => {
  const names = hosts === undefined ? undefined : new Set(hosts.map(hostOf))
  return {
    challenge(peerId, addressed) {
      const nonce = Nonce.make(randomBytes(nonceBytes).toString("base64url"))
      const answered = Deferred.makeUnsafe<boolean>()
      const isOurs = (host: string): boolean =>
        names === undefined ? addressed !== undefined && hostOf(addressed) === host : names.has(host)
      const look = Effect.fnUntraced(function*({ host, signature }: PeerProof) {
        if (!isOurs(hostOf(host))) return "for another host"
        const bytes = signedBytes({ nonce, host, peerId })
        return (yield* verify({ peerId, purpose: "hub", bytes, signature })) ? "proven" : "forged"
      })
      return {
        nonce,
        check: Effect.fnUntraced(function*(proof, found) {
          const finding = yield* look(proof)
          yield* found(finding)
          yield* Deferred.succeed(answered, finding === "proven")
        }),
        proven: Deferred.await(answered)
      }
    }
  }
}
