/** What one may tell a hub about other hubs: flags, and variables of the environment. */
import * as CliError from "effect/cli/CliError"
import * as Flag from "effect/cli/Flag"
import * as Config from "effect/Config"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { HubOptions } from "../../hub/Options.ts"
import { parse } from "../Durations.ts"

/** A text from a flag or else from the environment; empty when neither is there. */
const text = (flag: string, metavar: string, ...variables: ReadonlyArray<string>) =>
  variables.reduce(
    (made, variable) => made.pipe(Flag.withFallbackConfig(Config.String(variable))),
    Flag.String(flag).pipe(Flag.withMetavar(metavar))
  ).pipe(Flag.withDefault(""))

const invalid = (option: string, value: string, expected: string) =>
  new CliError.InvalidValue({ option, value, expected, kind: "flag" })

/** The parts of a list; `none` is one without any. */
const partsOf = (list: string): ReadonlyArray<string> =>
  list.split(",").map((part) => part.trim()).filter((part) => part !== "" && part !== "none")

/** Where the first hub of a machine is unless told otherwise. */
const first = { port: 3000, url: "ws://localhost:3000" } as const

/**
 * The first hub of this machine, for one that was put at another port of it and told of no others: as with PeerPigeon's
 * scripts, those that are started side by side find each other. One that everybody can reach is told whom to look for.
 */
const nearby = ({ bootstrap, nats }: Given, { host, port, tlsCert }: HubOptions): ReadonlyArray<string> =>
  bootstrap === "" && nats === "" && tlsCert === undefined && (host === undefined || isLocal(host)) &&
    port !== undefined && port !== 0 && port !== first.port
    ? [first.url]
    : []

const isLocal = (host: string): boolean => ["localhost", "127.0.0.1", "::1"].includes(host)

/** `--hub-mesh-namespace`. @category flags */
export const namespace = text("hub-mesh-namespace", "NAME", "HUB_MESH_NAMESPACE").pipe(
  Flag.withDescription("Network on which hubs find each other (HUB_MESH_NAMESPACE, default pigeonhub-mesh)")
)

const migrationDelay = text("mesh-migration-delay", "DURATION", "MESH_MIGRATION_DELAY").pipe(
  Flag.withDescription("How long a WebRTC link stands before its socket is let go (MESH_MIGRATION_DELAY, default 10s)"),
  Flag.mapEffect((given) => {
    if (given === "") return Effect.succeed(Duration.seconds(10))
    // PeerPigeon's variable is in milliseconds.
    const result = parse(/^\d+$/.test(given) ? `${given}ms` : given, Duration.millis(1), Duration.hours(1))
    return result._tag === "Success"
      ? Effect.succeed(result.success)
      : Effect.fail(invalid("mesh-migration-delay", given, `${result.failure}, there or in MESH_MIGRATION_DELAY`))
  })
)

const autoConnect = text("auto-connect", "true|false", "AUTO_CONNECT").pipe(
  Flag.withDescription("Whether to dial other hubs (AUTO_CONNECT, default true)"),
  Flag.mapEffect((given) =>
    given === "" || given === "true" || given === "false"
      ? Effect.succeed(given !== "false")
      : Effect.fail(invalid("auto-connect", given, "true or false, there or in the environment's AUTO_CONNECT"))
  )
)

const maxPeers = text("hub-mesh-max-peers", "integer", "HUB_MESH_MAX_PEERS").pipe(
  Flag.withDescription("Most WebRTC links with other hubs, 0 for sockets only (HUB_MESH_MAX_PEERS, default 8)"),
  Flag.mapEffect((given) =>
    given === "" || /^\d{1,3}$/.test(given)
      ? Effect.succeed(given === "" ? 8 : Number(given))
      : Effect.fail(invalid("hub-mesh-max-peers", given, "a whole number, there or in HUB_MESH_MAX_PEERS"))
  )
)

/** All that concerns other hubs. @category flags */
export const flags = {
  namespace,
  bootstrap: text("bootstrap", "URLS", "BOOTSTRAP_HUBS", "BOOTSTRAP").pipe(
    Flag.withAlias("b"),
    Flag.withDescription(
      "Hubs to begin with, with commas between, or none (BOOTSTRAP_HUBS or BOOTSTRAP, default the one at port 3000, for hubs at localhost)"
    )
  ),
  hubId: text("hub-id", "ID", "HUB_ID").pipe(
    Flag.withDescription("Id among hubs, 40 hexadecimal digits (HUB_ID, default a new one each time)")
  ),
  autoConnect,
  publicUrl: text("public-url", "URL", "HUB_URL").pipe(
    Flag.withDescription("Where others reach this hub (HUB_URL, default where it listens)")
  ),
  migrationDelay,
  maxPeers,
  nats: text("nats", "URLS", "NATS_URL").pipe(
    Flag.withDescription("NATS servers over which hubs are one, instead of links of their own (NATS_URL, default none)")
  )
}

type Given = { readonly [Name in keyof typeof flags]: typeof flags[Name] extends Flag.Flag<infer A> ? A : never }

/** The options of a hub among hubs, which has some of its own. @category combinators */
export const optionsOf = (given: Given, own: HubOptions) =>
  ({
    isHub: true,
    autoConnect: given.autoConnect,
    bootstrapHubs: partsOf(given.bootstrap),
    nearbyHubs: nearby(given, own),
    hubMeshMaxPeers: given.maxPeers,
    meshMigrationDelay: given.migrationDelay,
    ...(given.namespace === "" ? {} : { hubMeshNamespace: given.namespace }),
    ...(given.hubId === "" ? {} : { hubId: given.hubId }),
    ...(given.publicUrl === "" ? {} : { publicUrl: given.publicUrl }),
    ...(given.nats === "" ? {} : { natsUrl: given.nats })
  }) satisfies HubOptions
