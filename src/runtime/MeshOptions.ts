/** What a mesh is made with, checked once. */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { InvalidInput } from "../domain/Errors.ts"
import { ChosenNetworkName, global, type NetworkName } from "../domain/NetworkName.ts"
import type { Remembered } from "../services/Preferences.ts"
import * as HubLoss from "../services/signaling/HubLoss.ts"
import { type HubToken, isToken } from "../services/signaling/HubToken.ts"
import type { IceServer } from "../services/WebRtc.ts"

/** @category models */
export interface MeshOptions {
  /** URLs of hubs (`ws:`, `wss:`, `http:` or `https:`), tried in order. At least one. */
  readonly hubs: string | ReadonlyArray<string>
  /**
   * The network to join: lower case letters, digits, dots, hyphens and underscores. Default: the one that `Preferences`
   * remember, or `global`.
   */
  readonly networkName?: string
  /**
   * Whether to go to `global` while nobody is in the network, and to come back when somebody is. Default: what
   * `Preferences` remember, or true.
   */
  readonly allowGlobalFallback?: boolean
  /** Links below which every known peer is dialled. 1 to 50. Default: 4, or `maxPeers` if that is less. */
  readonly minPeers?: number
  /** Links at most. 1 to 50. Default: 8. */
  readonly maxPeers?: number
  /**
   * The token for hubs that ask for one, or a function that gets a fresh one, which is called for each connection. Default
   * none. See docs/admission.md.
   */
  readonly hubToken?: string | (() => string | PromiseLike<string>)
  /** STUN and TURN servers. Default: none, which is enough on one machine and in a LAN. */
  readonly iceServers?: ReadonlyArray<IceServer>
}

/** Options with everything in its place. @category models */
export interface Settings {
  readonly hubs: readonly [string, ...ReadonlyArray<string>]
  readonly networkName: NetworkName
  readonly allowGlobalFallback: boolean
  readonly minPeers: number
  readonly maxPeers: number
  readonly iceServers: ReadonlyArray<IceServer>
}

/** Links a mesh has at most unless told otherwise. @category constants */
export const defaultMaxPeers = 8

/** Links below which every known peer is dialled unless told otherwise. @category constants */
export const defaultMinPeers = 4

const decodeName = Schema.decodeUnknownEffect(ChosenNetworkName)
const decodeLinks = Schema.decodeUnknownEffect(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 50 })))

const isHubUrl = (url: string): boolean =>
  URL.canParse(url) && ["ws:", "wss:", "http:", "https:"].includes(new URL(url).protocol)

const checked = <A>(field: string, effect: Effect.Effect<A, Schema.SchemaError>) =>
  Effect.mapError(effect, (error) => new InvalidInput({ field, problem: error.message }))

/** Reads a network's name as a person chose it. @category constructors */
export const networkNameFrom = (name: string): Effect.Effect<NetworkName, InvalidInput> =>
  checked("networkName", decodeName(name))

/** The token as sessions ask for it. @category getters */
export const hubTokenOf = ({ hubToken }: Pick<MeshOptions, "hubToken">): (typeof HubToken)["Service"] => {
  if (hubToken === undefined) return Effect.succeed(undefined)
  const unreachable = (problem: string) => HubLoss.Unreachable({ problem })
  return Effect.tryPromise({
    try: async () => typeof hubToken === "string" ? hubToken : await hubToken(),
    catch: (cause) => unreachable(`the token for it could not be had: ${String(cause)}`)
  }).pipe(
    Effect.filterOrFail(isToken, () => unreachable("the token for it is none: expected letters, digits and .-_~"))
  )
}

/** Checks options, and fills in what is remembered and then the defaults. @category constructors */
export const resolve = Effect.fnUntraced(function*(
  options: MeshOptions,
  remembered: Remembered
): Effect.fn.Return<Settings, InvalidInput> {
  const [first, ...others] = typeof options.hubs === "string" ? [options.hubs] : options.hubs
  if (first === undefined) {
    return yield* new InvalidInput({
      field: "hubs",
      problem: "at least one hub is needed, such as ws://localhost:3000"
    })
  }
  for (const url of [first, ...others]) {
    if (!isHubUrl(url)) {
      return yield* new InvalidInput({
        field: "hubs",
        problem: `"${url}" is not the address of a hub; expected a URL such as ws://localhost:3000`
      })
    }
  }
  const maxPeers = yield* checked("maxPeers", decodeLinks(options.maxPeers ?? defaultMaxPeers))
  const minPeers = yield* checked("minPeers", decodeLinks(options.minPeers ?? Math.min(defaultMinPeers, maxPeers)))
  if (minPeers > maxPeers) {
    return yield* new InvalidInput({ field: "minPeers", problem: `${minPeers} is more than maxPeers, ${maxPeers}` })
  }
  return {
    hubs: [first, ...others],
    networkName: yield* networkNameFrom(options.networkName ?? remembered.networkName ?? global),
    allowGlobalFallback: options.allowGlobalFallback ?? remembered.allowGlobalFallback ?? true,
    minPeers,
    maxPeers,
    iceServers: options.iceServers ?? []
  }
})
