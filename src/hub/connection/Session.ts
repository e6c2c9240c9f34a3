/**
 * An admitted peer on its connection: who it is, and what it may still spend.
 */
import type { Buffer } from "node:buffer"
import type { NetworkName } from "../../domain/NetworkName.ts"
import type { PeerId } from "../../domain/PeerId.ts"
import type { PeerProof } from "../../domain/PeerProof.ts"
import type { Challenge } from "../door/Proofs.ts"
import type { Sender } from "../exchange/Router.ts"
import * as Traffic from "../exchange/Traffic.ts"
import * as Wire from "../exchange/Wire.ts"
import * as Limits from "../Limits.ts"
import type { Connection, Ear } from "./Connection.ts"

/** What the sessions of a hub share. @category models */
export interface Surroundings {
  readonly allowance: Limits.Allowance
  readonly strikes: Limits.Allowance
  /** Of which nothing was spent since the hub began. */
  readonly fullMessages: Limits.Budget
  readonly fullStrikes: Limits.Budget
  /** Acts on a message: its bytes, and whether they came as text. */
  readonly handle: (session: Session, bytes: Buffer, isText: boolean) => void
  readonly traffic: Traffic.Traffic
  /** Milliseconds since 1970. */
  readonly now: () => number
  /** Looks at a token that is to take the place of the one that the peer came with. */
  readonly renewed: (session: Session, token: string) => void
  /** Looks at the proof of a peer that was asked for one. */
  readonly proved: (session: Session, challenge: Challenge, proof: PeerProof) => void
  /** To be called when the peer's connection ends. */
  readonly ended: (session: Session) => void
}

/** A peer that may speak, and the connection it speaks by. @category models */
export class Session implements Sender, Ear {
  readonly peerId: PeerId
  readonly connection: Connection
  /** Settled before anything is heard from the peer; a token that comes later may only add to them. */
  networks: ReadonlySet<NetworkName> | undefined
  /** What the peer is to prove by that it has the key of its id, until it answers; absent when it cannot. */
  challenge: Challenge | undefined
  /** Whether it has proved it. */
  proven = false
  /** When it came, in milliseconds since 1970. */
  readonly since: number
  readonly #shared: Surroundings
  #messages: Limits.Budget
  #strikes: Limits.Budget
  #isWarned = false

  /** The session of a peer with a full budget. */
  constructor(peerId: PeerId, connection: Connection, shared: Surroundings) {
    this.peerId = peerId
    this.connection = connection
    this.#shared = shared
    this.since = shared.now()
    // Whoever has spent nothing shares what is full.
    this.#messages = shared.fullMessages
    this.#strikes = shared.fullStrikes
  }

  send(frame: string | Uint8Array): boolean {
    return this.connection.send(frame)
  }

  get isTalkative(): boolean {
    return this.#messages.tokens < this.#shared.allowance.burst / 2
  }

  afford(tokens: number): boolean {
    const { allowance, now } = this.#shared
    const time = now()
    this.#messages = Limits.spend(allowance, this.#messages, time, tokens)
    this.connection.worked(tokens)
    if (Limits.standing(allowance, this.#messages) !== "within") return this.#overspent(time)
    if (this.#isWarned && !this.isTalkative) this.#isWarned = false
    return true
  }

  strike(): void {
    const { now, strikes } = this.#shared
    this.#strikes = Limits.spend(strikes, this.#strikes, now(), 1)
    if (Limits.standing(strikes, this.#strikes) !== "within") {
      this.connection.expel("Too many malformed messages")
    }
  }

  prove(proof: PeerProof): void {
    const { challenge } = this
    this.challenge = undefined
    if (challenge !== undefined) this.#shared.proved(this, challenge, proof)
  }

  renew(token: string): void {
    this.#shared.renewed(this, token)
  }

  onFrame(bytes: Buffer, isText: boolean): void {
    if (this.afford(Limits.costOf(bytes.length))) this.#shared.handle(this, bytes, isText)
  }

  onControl(): void {
    this.afford(1)
  }

  onCrumb(): void {
    this.afford(1)
  }

  onInsist(): void {
    Traffic.refuse(this.#shared.traffic, "too-fast")
    this.connection.expel("Rate limit exceeded")
  }

  onEnd(): void {
    this.#shared.ended(this)
  }

  /** It has said more than it may: it is heard no faster than that from now on. */
  #overspent(time: number): boolean {
    const { allowance, traffic } = this.#shared
    if (Limits.standing(allowance, this.#messages) === "exhausted") {
      this.onInsist()
      return false
    }
    if (!this.#isWarned) {
      this.#isWarned = true
      traffic.heldBack++
      this.send(Wire.error(`Too many messages: no more than ${allowance.perSecond} per second are read`, time))
    }
    this.connection.hold(Limits.recovery(allowance, this.#messages))
    return true
  }
}
