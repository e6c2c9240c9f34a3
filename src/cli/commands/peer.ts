/** `homing peer`: its flags. What it does is loaded when it is run. */
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Flags from "./flags.ts"

/** @category commands */
export const peer = Command.make(
  "peer",
  {
    hubs: Flags.hubs("Hub to meet at; give several to have others to turn to"),
    networkName: Flag.String("network").pipe(
      Flag.withAlias("n"),
      Flag.withMetavar("NAME"),
      Flag.withDescription("Network to join (default: the profile's, or global)"),
      Flag.optional
    ),
    allowGlobalFallback: Flag.Boolean("fallback").pipe(
      Flag.withDescription(
        "Go to global while nobody is in the network, and come back (default: as in the profile, or yes; --no-fallback)"
      ),
      Flag.optional
    ),
    profile: Flag.String("profile").pipe(
      Flag.withMetavar("NAME"),
      Flag.withDescription(
        "Keep id, network and fallback setting under this name, for one peer at a time (default: nothing is kept)"
      ),
      Flag.optional
    ),
    grace: Flags.duration("grace", Duration.zero, Duration.hours(24)).pipe(
      Flag.withDescription("How long to be alone before going to global, such as 500ms, 10s or 2m (default 10s)"),
      Flag.optional
    ),
    healthInterval: Flags.duration("health-interval", Duration.millis(100), Duration.hours(1)).pipe(
      Flag.withDescription("How often to look whether to go or come back when there is no news (default 5s)"),
      Flag.optional
    ),
    minPeers: Flag.Int("min-peers").pipe(
      Flag.withDescription("Links below which everyone known is dialled, 1 to 50 (default 4)"),
      Flag.optional
    ),
    maxPeers: Flag.Int("max-peers").pipe(
      Flag.withDescription("Links at most, 1 to 50 (default 8)"),
      Flag.optional
    ),
    iceServers: Flags.iceServers,
    engine: Flags.engine,
    json: Flag.Boolean("json").pipe(
      Flag.withDescription("Speak JSON lines on standard input and output, for programs (docs/peer-json.md)"),
      Flag.withDefault(false)
    )
  },
  (
    {
      allowGlobalFallback,
      engine,
      grace,
      healthInterval,
      hubs,
      iceServers,
      json,
      maxPeers,
      minPeers,
      networkName,
      profile
    }
  ) =>
    Effect.promise(() => import("../peer.ts")).pipe(
      Effect.flatMap(({ run }) =>
        run({
          engine,
          json,
          profile: Option.getOrUndefined(profile),
          grace: Option.getOrUndefined(grace),
          healthInterval: Option.getOrUndefined(healthInterval),
          mesh: {
            hubs,
            iceServers,
            ...Flags.given(networkName, (networkName) => ({ networkName })),
            ...Flags.given(allowGlobalFallback, (allowGlobalFallback) => ({ allowGlobalFallback })),
            ...Flags.given(minPeers, (minPeers) => ({ minPeers })),
            ...Flags.given(maxPeers, (maxPeers) => ({ maxPeers }))
          }
        })
      )
    )
).pipe(
  Command.withDescription("Be a peer: talk to everyone in a network, or to one of them"),
  Command.withExamples([
    { command: "homing peer --network gaming", description: "Talk in the network gaming" },
    { command: "homing peer --network gaming --json", description: "The same for a program in any language" },
    { command: "homing peer --profile ada", description: "With the id and network that ada had last" }
  ])
)
