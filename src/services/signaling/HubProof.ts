/** How a peer proves to hubs that it has the key of its id. */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import * as PeerProof from "../../domain/PeerProof.ts"
import type { Signature } from "../../domain/Signature.ts"
import type { Identity } from "../Identity.ts"

/** What a hub wants signed: its nonce, and the host as it was dialled. @category models */
export interface Question {
  readonly nonce: PeerProof.Nonce
  readonly host: string
}

/** Signs what a hub wants signed. @category models */
export type Prover = (question: Question) => Effect.Effect<Signature>

/**
 * Proves who we are to hubs that ask. Without one nothing is proved, and a hub that still holds an old connection of ours
 * lets us in only once it has found that one silent. Default: none.
 *
 * @category references
 */
export const HubProof = Context.Reference<Prover | undefined>("homing/HubProof", { defaultValue: () => undefined })

/** By the key of an identity. @category constructors */
export const of = ({ peerId, sign }: Pick<Identity["Service"], "peerId" | "sign">): Prover => (question) =>
  sign("hub", PeerProof.signedBytes({ ...question, peerId }))
