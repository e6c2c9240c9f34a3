/**
 * Where a newcomer waits that can prove who it is, while it is found out whether it may come in. What else it says there is
 * kept until it is in.
 */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import type { Buffer } from "node:buffer"
import { PeerProof } from "../../domain/PeerProof.ts"
import { closeCode, type Ear } from "../connection/Connection.ts"
import type { Session } from "../connection/Session.ts"
import * as Wire from "../exchange/Wire.ts"
import type { Challenge } from "./Proofs.ts"

/** The most messages that are heard: peers of ours say one before they are greeted. @category constants */
export const most = 16

/** @category models */
export interface Antechamber {
  /** Asks for the proof, and completes with whether it came and is good; never, when none comes. */
  readonly prove: Effect.Effect<boolean>
  /** Whether the peer was asked for its proof here. */
  readonly asked: boolean
  /** Lets the peer be heard, with what it has said so far. */
  leave(): void
}

const decodeProof = Schema.decodeUnknownResult(
  Schema.fromJsonString(Schema.Struct({ type: Schema.tag("prove"), data: PeerProof }))
)

/** An antechamber for one peer. `now` gives milliseconds since 1970. @category constructors */
export const make = (session: Session, challenge: Challenge, now: () => number): Antechamber => {
  const { connection } = session
  const said: Array<readonly [bytes: Buffer, isText: boolean]> = []
  let asked = false
  let count = 0
  const mayGoOn = (): boolean => {
    if (++count <= most) return true
    connection.close(closeCode.policy, "Too many messages before the greeting")
    return false
  }
  const ear: Ear = {
    isTalkative: false,
    onFrame(bytes, isText) {
      if (!mayGoOn()) return
      const proof = decodeProof(isText ? bytes.toString() : undefined)
      if (Result.isSuccess(proof)) session.prove(proof.success.data)
      else said.push([bytes, isText])
    },
    onCrumb: () => undefined,
    onInsist: () => undefined,
    onControl: () => void mayGoOn(),
    onEnd: () => undefined
  }
  return {
    prove: Effect.suspend(() => {
      asked = true
      connection.send(Wire.challenge(challenge.nonce, now()))
      connection.listen(ear)
      return challenge.proven
    }),
    get asked() {
      return asked
    },
    leave() {
      connection.listen(session)
      for (const [bytes, isText] of said) session.onFrame(bytes, isText)
    }
  }
}
