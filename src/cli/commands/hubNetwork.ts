/** `homing hub-network`: its flags. What it does is loaded when it is run. */
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as Federation from "./federation.ts"
import { wholeNumber } from "./flags.ts"

/** @category commands */
export const hubNetwork = Command.make(
  "hub-network",
  {
    count: wholeNumber("count", "HUB_COUNT", 4).pipe(
      Flag.filter((count) => count >= 1 && count <= 64, () => "--count (HUB_COUNT): expected 1 to 64 hubs"),
      Flag.withDescription("How many hubs (HUB_COUNT, default 4)")
    ),
    startPort: wholeNumber("start-port", "START_PORT", 3000).pipe(
      Flag.withDescription("Port of the first; the others take those above (START_PORT, default 3000)")
    ),
    host: Flag.String("host").pipe(
      Flag.withDescription("Name or address to listen at; 0.0.0.0 is all of them (HOST, default localhost)"),
      Flag.withFallbackConfig(Config.String("HOST")),
      Flag.withDefault("localhost")
    ),
    namespace: Federation.namespace
  },
  ({ namespace, ...options }) =>
    Effect.flatMap(
      Effect.promise(() => import("../hubNetwork.ts")),
      ({ run }) => run({ ...options, ...(namespace === "" ? {} : { hubMeshNamespace: namespace }) })
    )
).pipe(
  Command.withDescription("Run a whole network of hubs, in one process, and draw who is linked with whom"),
  Command.withExamples([{ command: "homing hub-network --count 8", description: "Eight hubs from port 3000 on" }])
)
