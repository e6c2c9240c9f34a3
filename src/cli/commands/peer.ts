/** `homing peer`: its flags. What it does is loaded when it is run. */
import * as CliError from "effect/cli/CliError"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { IceServer } from "../../services/WebRtc.ts"

/** Where a hub on this machine is unless told otherwise. */
const defaultHub = "ws://localhost:3000"

const iceServer = (text: string): Effect.Effect<IceServer, CliError.InvalidValue> => {
  const [urls = "", username, ...credential] = text.split(",")
  return /^(stuns?|turns?):./.test(urls)
    ? Effect.succeed(
      username === undefined ? { urls } : { urls, username, credential: credential.join(",") }
    )
    : Effect.fail(
      new CliError.InvalidValue({
        option: "ice-server",
        value: text,
        expected: "stun:host:port, or turn:host:port,username,credential",
        kind: "flag"
      })
    )
}

/** @category commands */
export const peer = Command.make(
  "peer",
  {
    hubs: Flag.String("hub").pipe(
      Flag.withMetavar("URL"),
      Flag.withDescription(`Hub to meet at; give several to have others to turn to (default ${defaultHub})`),
      Flag.atLeast(0),
      Flag.map((hubs) => hubs.length === 0 ? [defaultHub] : hubs)
    ),
    networkName: Flag.String("network").pipe(
      Flag.withAlias("n"),
      Flag.withMetavar("NAME"),
      Flag.withDescription("Network to join (default global)"),
      Flag.withDefault("global")
    ),
    allowGlobalFallback: Flag.Boolean("fallback").pipe(
      Flag.withDescription("Go to global while nobody is in the network, and come back (default yes; --no-fallback)"),
      Flag.withDefault(true)
    ),
    minPeers: Flag.Int("min-peers").pipe(
      Flag.withDescription("Links below which everyone known is dialled, 1 to 50 (default 4)"),
      Flag.optional
    ),
    maxPeers: Flag.Int("max-peers").pipe(
      Flag.withDescription("Links at most, 1 to 50 (default 8)"),
      Flag.optional
    ),
    iceServers: Flag.String("ice-server").pipe(
      Flag.withMetavar("URL[,USERNAME,CREDENTIAL]"),
      Flag.withDescription("STUN or TURN server; may be given several times (default none)"),
      Flag.atLeast(0),
      Flag.mapEffect((servers) => Effect.forEach(servers, iceServer))
    ),
    json: Flag.Boolean("json").pipe(
      Flag.withDescription("Speak JSON lines on standard input and output, for programs (docs/peer-json.md)"),
      Flag.withDefault(false)
    )
  },
  ({ json, maxPeers, minPeers, ...options }) =>
    Effect.promise(() => import("../peer.ts")).pipe(
      Effect.flatMap(({ run }) =>
        run({
          json,
          mesh: {
            ...options,
            ...Option.match(minPeers, { onNone: () => ({}), onSome: (minPeers) => ({ minPeers }) }),
            ...Option.match(maxPeers, { onNone: () => ({}), onSome: (maxPeers) => ({ maxPeers }) })
          }
        })
      )
    )
).pipe(
  Command.withDescription("Be a peer: talk to everyone in a network, or to one of them"),
  Command.withExamples([
    { command: "homing peer --network gaming", description: "Talk in the network gaming" },
    { command: "homing peer --network gaming --json", description: "The same for a program in any language" }
  ])
)
