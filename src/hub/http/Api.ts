/**
 * The HTTP side of a hub as a definition: the handlers are checked against it, and the OpenAPI document is made of it.
 *
 * The fields of `/health` and `/hubs` are PeerPigeon's; what it does not have is ours.
 */
import * as HttpApi from "effect/http-api/HttpApi"
import * as HttpApiEndpoint from "effect/http-api/HttpApiEndpoint"
import * as HttpApiGroup from "effect/http-api/HttpApiGroup"
import * as HttpApiSchema from "effect/http-api/HttpApiSchema"
import * as OpenApi from "effect/http-api/OpenApi"
import * as Schema from "effect/Schema"
import { maxListed, NetworkCounts } from "../../domain/Signal.ts"

const described = <S extends Schema.Top>(schema: S, description: string) => schema.annotate({ description })
const Time = described(Schema.String, "When this was said, as in ISO 8601")
const count = (description: string) => described(Schema.Natural, description)

/** How a hub is. @category schemas */
export const Health = Schema.Struct({
  status: described(
    Schema.Literals(["healthy", "degraded", "draining"]),
    "degraded: peers are served, but hubs that should be reached are not. draining: peers are sent away"
  ),
  live: described(Schema.Boolean, "The process does what it should; always true in an answer"),
  ready: described(Schema.Boolean, "New peers are let in; false while the hub drains"),
  problem: Schema.optionalKey(described(Schema.String, "What is wrong, if anything is")),
  timestamp: Time,
  uptime: described(Schema.Finite, "Seconds"),
  isHub: described(Schema.Boolean, "Whether it is one of several hubs that act as one"),
  connections: count("Open connections"),
  peers: count("Peers that were admitted"),
  hubs: count("Other hubs that are connected"),
  networks: count("Networks with a member"),
  memory: described(Schema.Record(Schema.String, Schema.Finite), "Bytes, as Node counts them")
}).annotate({ identifier: "Health" })
/** @category models */
export type Health = typeof Health.Type

const Live = Schema.Struct({ live: Schema.Literal(true) }).annotate({ identifier: "Live" })
const Ready = Schema.Struct({ ready: Schema.Literal(true) }).annotate({ identifier: "Ready" })
const NotReady = Schema.Struct({ ready: Schema.Literal(false), problem: Schema.String })
  .annotate({ identifier: "NotReady" }).pipe(HttpApiSchema.status(503))

const Hubs = Schema.Struct({
  timestamp: Time,
  hubMeshNamespace: described(Schema.String, "The network on which hubs find each other"),
  hubId: described(Schema.String, "This hub's id among hubs"),
  totalHubs: count("Other hubs that are connected"),
  hubs: Schema.Array(
    Schema.Struct({
      hub: Schema.optionalKey(described(Schema.String, "Its id among hubs, once that is known")),
      url: Schema.optionalKey(described(Schema.String, "Where peers reach it")),
      connection: described(
        Schema.Literals(["webrtc", "websocket", "relayed", "nats", "refused"]),
        "How it is connected; refused: not at all, and problem says why"
      ),
      lastHeard: Schema.optionalKey(described(Schema.Finite, "When it was heard last, in milliseconds since 1970")),
      memberships: Schema.optionalKey(count("Memberships that it holds")),
      problem: Schema.optionalKey(Schema.String)
    }).annotate({ identifier: "Hub" }).pipe(Schema.encodeKeys({ hub: "peerId", lastHeard: "lastActivity" }))
  )
}).annotate({ identifier: "Hubs" })

const Networks = Schema.Struct({
  timestamp: Time,
  totalNetworks: count(`How many networks may be listed; at most ${maxListed} are`),
  networks: Schema.Array(
    Schema.Struct({ name: Schema.String, ...NetworkCounts.fields }).annotate({ identifier: "Network" })
  )
}).annotate({ identifier: "Networks" })

const Metrics = Schema.String.pipe(HttpApiSchema.asText({ contentType: "text/plain; version=0.0.4; charset=utf-8" }))

const saying = (summary: string) => OpenApi.annotations({ summary })

/** Everything but the files of the page, and the WebSocket. @category definitions */
export class HubApi extends HttpApi.make("hub")
  .add(
    HttpApiGroup.make("hub", { topLevel: true }).add(
      HttpApiEndpoint.get("health", "/health", { success: Health })
        .annotateMerge(saying("How the hub is. Always 200 while it lives")),
      HttpApiEndpoint.get("live", "/health/live", { success: Live })
        .annotateMerge(saying("Whether to let the process live")),
      HttpApiEndpoint.get("ready", "/health/ready", { success: Ready, error: NotReady })
        .annotateMerge(saying("Whether to send new peers here. 503 while the hub drains")),
      HttpApiEndpoint.get("hubs", "/hubs", { success: Hubs })
        .annotateMerge(saying("The other hubs, and how each is connected")),
      HttpApiEndpoint.get("networks", "/networks", { success: Networks })
        .annotateMerge(saying("The networks that may be listed, those with most members first")),
      HttpApiEndpoint.get("metrics", "/metrics", { success: Metrics })
        .annotateMerge(saying("The hub in numbers, for Prometheus"))
    )
  )
  .annotateMerge(OpenApi.annotations({
    title: "Homing hub",
    version: "1",
    description: "What a hub answers over plain HTTP. Peers meet it over WebSocket, at the same address: /?peerId=…",
    license: { name: "MIT" }
  }))
{}
