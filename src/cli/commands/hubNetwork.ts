/** `homing hub-network`: its flags. What it does is loaded when it is run. */
import * as Command from "effect/cli/Command"
import * as Effect from "effect/Effect"
import * as Federation from "./federation.ts"
import { setting } from "./flags.ts"

/** A whole number from one to another, as `setting` reads it. */
const between = (least: number, most: number, expected: string) => ({
  metavar: "integer",
  expected,
  parse: (text: string) =>
    /^\d{1,15}$/.test(text) && Number(text) >= least && Number(text) <= most ? Number(text) : undefined
})

/** @category commands */
export const hubNetwork = Command.make(
  "hub-network",
  {
    count: setting("count", "HUB_COUNT", {
      ...between(1, 64, "1 to 64 hubs"),
      description: "How many hubs (HUB_COUNT, default 4)"
    }),
    startPort: setting("start-port", "START_PORT", {
      ...between(0, 65535, "a port from 0 to 65535"),
      description: "Port of the first; the others take those above; 0 is any for each (START_PORT, default 3000)"
    }),
    host: setting("host", "HOST", {
      metavar: "string",
      description: "Name or address to listen at; 0.0.0.0 is all of them (HOST, default localhost)",
      expected: "a name or an address",
      parse: (text) => text
    }),
    namespace: Federation.namespace
  },
  ({ count = 4, namespace, startPort = 3000, ...options }) =>
    Effect.flatMap(
      Effect.promise(() => import("../hubNetwork.ts")),
      ({ run }) => run({ count, startPort, ...options, ...(namespace === "" ? {} : { hubMeshNamespace: namespace }) })
    )
).pipe(
  Command.withDescription("Run a whole network of hubs, in one process, and draw who is linked with whom"),
  Command.withExamples([{ command: "homing hub-network --count 8", description: "Eight hubs from port 3000 on" }])
)
