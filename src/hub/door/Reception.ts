/**
 * Lets peers in: each from the handshake of its WebSocket until it is greeted, or told why not. And looks at what a peer
 * that is in shows of itself: the proof of its key, and a fresh token.
 */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { Buffer } from "node:buffer"
import { PeerId } from "../../domain/PeerId.ts"
import type { PeerProof } from "../../domain/PeerProof.ts"
import { verifier } from "../../services/Identity.ts"
import { closeCode, type Connection } from "../connection/Connection.ts"
import * as Session from "../connection/Session.ts"
import * as Traffic from "../exchange/Traffic.ts"
import * as Wire from "../exchange/Wire.ts"
import type { Metrics } from "../Metrics.ts"
import type { HubSettings } from "../Options.ts"
import type { IceServers } from "../Turn.ts"
import type { Admission } from "./Admission.ts"
import * as Antechamber from "./Antechamber.ts"
import * as PeerToken from "./PeerToken.ts"
import * as Proofs from "./Proofs.ts"
import { Refused } from "./Refused.ts"

/** What a request for a WebSocket says. @category models */
export interface Handshake {
  readonly target: string
  /** The host that the request is addressed to. */
  readonly host: string | undefined
  readonly token: string | undefined
}

/** @category models */
export interface Reception {
  /** Serves a connection until its peer is let in. From then on the connection calls its session, and no fiber waits. */
  receive(connection: Connection, handshake: Handshake): Effect.Effect<void>
  /** Lets a peer stay for longer. What it may do already it may go on doing: less begins with another connection. */
  renew(session: Session.Session, token: string): Effect.Effect<void>
  /** Looks at the proof of a peer that was asked for one. */
  judge(session: Session.Session, challenge: Proofs.Challenge, proof: PeerProof): Effect.Effect<void>
}

const decodePeerId = Schema.decodeUnknownResult(PeerId)

/** A string of its own: a part of a longer one keeps all of that in memory. */
const detached = (text: string | null): string | null => text === null ? null : Buffer.from(text).toString()

/** The query of a request's target, on whatever path; any target can be read. */
const queryOf = (target: string): URLSearchParams => {
  const query = target.indexOf("?")
  return new URLSearchParams(query < 0 ? "" : target.slice(query))
}

/** What metrics call the reasons of a refusal. */
const refusalOf: Record<Refused["reason"], Traffic.Refusal> = {
  "Invalid peerId format": "invalid-peer-id",
  "Peer already connected": "peer-id-taken",
  "Maximum connections reached": "hub-full",
  "A proof of the peer's key is needed": "proof",
  "A peer token is needed": "token",
  "The peer token is not valid": "token",
  "The peer token has expired": "token",
  "The peer token is for another peer": "token"
}

/** The hosts by which a hub goes, if they are known. */
const hostsOf = ({ proofHosts, publicUrl }: Pick<HubSettings, "proofHosts" | "publicUrl">) =>
  proofHosts ?? (publicUrl === undefined ? undefined : [new URL(publicUrl).host])

/**
 * A reception of which sessions are made with `sessions`. `welcomed` is called with each peer that is let in, and `now`
 * gives milliseconds since 1970.
 *
 * @category constructors
 */
export const make = Effect.fnUntraced(function*(options: {
  readonly settings: Pick<HubSettings, "peerTokenSecret" | "proofHosts" | "publicUrl">
  readonly admission: Admission
  readonly sessions: Session.Surroundings
  readonly iceServers: IceServers
  readonly metrics: Pick<Metrics, "timeAdmission">
  readonly traffic: Traffic.Traffic
  readonly welcomed: (session: Session.Session) => void
  readonly now: () => number
}) {
  const { admission, iceServers, metrics, now, sessions, settings, traffic, welcomed } = options
  const proofs = Proofs.make(yield* verifier, hostsOf(settings))
  const tokens = settings.peerTokenSecret === undefined
    ? PeerToken.anybody
    : PeerToken.make(settings.peerTokenSecret, now)

  const grant = (session: Session.Session, { expiresAt, networks }: PeerToken.Grant): void => {
    session.connection.expiresAt = expiresAt
    session.networks = networks
  }

  const remaining = (expiresAt: number): number => Math.max(0, Math.floor(expiresAt - now()))

  const greet = (session: Session.Session, nonce: Proofs.Challenge["nonce"] | undefined): void => {
    const { expiresAt } = session.connection
    session.send(Wire.connected(session.peerId, now(), iceServers.issue(session.peerId, now()), {
      challenge: nonce,
      expiresIn: expiresAt === undefined ? undefined : remaining(expiresAt)
    }))
  }

  const serve = Effect.fnUntraced(function*(connection: Connection, handshake: Handshake) {
    const query = queryOf(handshake.target)
    const claimed = decodePeerId(detached(query.get("peerId")))
    if (Result.isFailure(claimed)) return yield* new Refused({ reason: "Invalid peerId format" })
    const session = new Session.Session(claimed.success, connection, sessions)
    grant(session, yield* tokens.verify(handshake.token, session.peerId))
    const challenge = query.get("proof") === "1" ? proofs.challenge(session.peerId, handshake.host) : undefined
    session.challenge = challenge
    const antechamber = challenge === undefined ? undefined : Antechamber.make(session, challenge, now)
    const admitted = Effect.useSpan(
      "Hub.admit",
      { attributes: { peerId: session.peerId } },
      () => metrics.timeAdmission(admission.admit(session, antechamber?.prove))
    )
    yield* admission.mustWait(session.peerId) ? Effect.raceFirst(admitted, connection.ended) : admitted
    if (connection.endedAt !== undefined) return admission.release(session)
    welcomed(session)
    greet(session, antechamber?.asked === true ? undefined : challenge?.nonce)
    if (antechamber === undefined) connection.listen(session)
    else antechamber.leave()
  })

  let isHostNoted = false
  /** Says once that proofs are for a host that this hub does not know as its own. */
  const noteHost = (host: string): Effect.Effect<void> => {
    if (isHostNoted) return Effect.void
    isHostNoted = true
    return Effect.logWarning(
      `Proofs of peers that name the host ${
        JSON.stringify(host.slice(0, 128))
      } do not count. If this hub goes by that name, say so by PROOF_HOSTS`
    )
  }

  return {
    receive: (connection, handshake) =>
      serve(connection, handshake).pipe(
        Effect.catchTag("Refused", ({ reason }) => {
          Traffic.refuse(traffic, refusalOf[reason])
          connection.close(closeCode.policy, reason)
          return Effect.logDebug(`A connection was refused: ${reason}`)
        }),
        Effect.tapDefect((defect) => Effect.logError("A connection ended by a bug", defect))
      ),
    renew: (session, token) =>
      tokens.verify(token, session.peerId).pipe(
        Effect.filterOrFail(
          (fresh) => PeerToken.covers(fresh, session),
          () => ({ reason: "It is for fewer networks than the one that you came with" })
        ),
        Effect.match({
          onFailure: ({ reason }) => void session.send(Wire.error(`Your fresh token does not count: ${reason}`, now())),
          onSuccess(fresh) {
            grant(session, fresh)
            if (fresh.expiresAt !== undefined) session.send(Wire.token(remaining(fresh.expiresAt), now()))
          }
        })
      ),
    judge: (session, challenge, proof) =>
      challenge.check(proof, (finding) => {
        if (finding === "proven") {
          session.proven = true
          traffic.proven++
          return Effect.void
        }
        const problem = finding === "forged" ? "it was not made by the key of your id" : "it is for another host"
        session.send(Wire.error(`Your proof does not count: ${problem}`, now()))
        return finding === "forged" ? Effect.void : noteHost(proof.host)
      })
  } satisfies Reception as Reception
})
