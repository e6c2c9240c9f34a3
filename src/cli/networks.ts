/** Asking a hub for its networks from the command line, without joining one. */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { NetworkSummary } from "../domain/Signal.ts"
import { resolve } from "../runtime/MeshOptions.ts"
import * as Node from "../runtime/node.ts"
import { Identity } from "../services/Identity.ts"
import * as HubProof from "../services/signaling/HubProof.ts"
import { SignalingTransport } from "../services/SignalingTransport.ts"
import * as Failure from "./Failure.ts"
import { Output } from "./Output.ts"
import * as Picture from "./peer/Picture.ts"

/** @category models */
export interface NetworksOptions {
  readonly hubs: ReadonlyArray<string>
  /** For a program rather than a person. */
  readonly json: boolean
}

const encode = Schema.encodeEffect(Schema.fromJsonString(Schema.Array(NetworkSummary)))

/**
 * Prints the networks of the first hub that answers. Fails when none does, when it does not list its networks, and when
 * an option cannot be used.
 *
 * @category running
 */
export const run = ({ hubs, json }: NetworksOptions) =>
  Effect.gen(function*() {
    const settings = yield* resolve({ hubs }, {})
    const identity = yield* Identity
    const transport = yield* SignalingTransport
    const hub = yield* transport.open({ peerId: identity.peerId, hubs: settings.hubs }).pipe(
      Effect.provideService(HubProof.HubProof, HubProof.of(identity))
    )
    const all = yield* hub.networks
    const output = yield* Output
    for (const line of json ? [yield* Effect.orDie(encode(all))] : Picture.networks(all)) yield* output.line(line)
  }).pipe(Effect.scoped, Effect.provide([Node.layer, Output.layer]), Failure.shown)
