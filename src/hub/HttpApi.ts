/**
 * What a hub answers over plain HTTP: how it is, what networks there are, and the files of its page.
 */
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Headers from "effect/http/Headers"
import * as HttpRouter from "effect/http/HttpRouter"
import * as HttpServerRespondable from "effect/http/HttpServerRespondable"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as HttpStaticServer from "effect/http/HttpStaticServer"
import * as Layer from "effect/Layer"
import type { NetworkName } from "../domain/NetworkName.ts"
import type { PeerId } from "../domain/PeerId.ts"
import type { Backplane, Health, HubView } from "./backplane/Backplane.ts"
import type { Listing } from "./Directory.ts"
import type { HubSettings } from "./Options.ts"
import type { HubStats } from "./Traffic.ts"

/** What is there when no page is. */
const text = `This is a Homing hub: peers meet here, over WebSocket, before they talk to each other directly.
Give a peer this address, and see /health for how the hub is and /networks for the networks here.
`

const page = HttpServerResponse.text(text)
const noSuchPage = HttpServerResponse.text(text, { status: 404 })

const isoTime = Effect.map(Clock.currentTimeMillis, (now) => new Date(now).toISOString())

/** What of a hub's surroundings may be known. @category models */
export interface Surroundings {
  readonly hub: PeerId
  readonly kind: Backplane["Service"]["kind"]
  readonly namespace: NetworkName
  readonly hubs: ReadonlyArray<HubView>
  readonly health: Health
}

/** The fields and their meaning are PeerPigeon's; `federation` is ours. */
const health = ({ federation, stats }: Sources, isHub: boolean) =>
  Effect.gen(function*() {
    const { connections, networks, peers, uptime } = yield* stats
    const { health, hubs, kind } = yield* federation
    const isWell = health._tag === "Well"
    return HttpServerResponse.jsonUnsafe({
      status: isWell ? "healthy" : "degraded",
      timestamp: yield* isoTime,
      uptime: Duration.toSeconds(uptime),
      isHub,
      connections,
      peers,
      hubs: hubs.filter(({ connection }) => connection !== "refused").length,
      networks,
      federation: { kind, degraded: !isWell, ...(isWell ? {} : { problem: health.problem }) },
      memory: process.memoryUsage()
    })
  })

const isoOf = (millis: number) => new Date(millis).toISOString()

/** The other hubs that are known, those that are not connected with why. */
const hubs = ({ federation }: Sources) =>
  Effect.gen(function*() {
    const { hub, hubs, namespace } = yield* federation
    return HttpServerResponse.jsonUnsafe({
      timestamp: yield* isoTime,
      hubMeshNamespace: namespace,
      hubId: hub,
      totalHubs: hubs.filter(({ connection }) => connection !== "refused").length,
      hubs: hubs.map(({ connection, hub, lastHeard, memberships, problem, url }) => ({
        peerId: hub ?? null,
        networkName: namespace,
        connection,
        url: url ?? null,
        lastActivity: lastHeard === undefined ? null : isoOf(lastHeard),
        memberships: memberships ?? 0,
        problem: problem ?? null
      }))
    })
  })

/** Where peers meet here, as far as it may be known. */
const networks = (listing: Effect.Effect<Listing>) =>
  Effect.gen(function*() {
    const { networks, total } = yield* listing
    return HttpServerResponse.jsonUnsafe({ timestamp: yield* isoTime, totalNetworks: total, networks })
  })

/** The files of a directory; a file that is not there, or is none, is not found. */
const files = (directory: string) =>
  HttpStaticServer.make({ root: directory }).pipe(
    Effect.map(Effect.catchReason("HttpServerError", "RouteNotFound", () => Effect.succeed(noSuchPage))),
    Effect.orDie
  )

/** Pages of other origins may ask, and `OPTIONS` of anything says so. */
const cors = (origin: string) => {
  const allowed: Headers.Input = { "access-control-allow-origin": origin }
  const preflight = HttpServerResponse.empty({
    status: 200,
    headers: {
      ...allowed,
      "access-control-allow-methods": "GET, POST, OPTIONS",
      "access-control-allow-headers": "Content-Type, Authorization"
    }
  })
  return { preflight, allow: HttpServerResponse.setHeaders(allowed) }
}

/** What the hub knows of itself. @category models */
export interface Sources {
  readonly stats: Effect.Effect<HubStats>
  readonly listing: Effect.Effect<Listing>
  readonly federation: Effect.Effect<Surroundings>
}

/**
 * The handler of the requests that are no upgrades: `GET /health`, `GET /hubs`, `GET /networks`, and the files of
 * `assets`.
 *
 * @category constructors
 */
export const make = Effect.fnUntraced(function*(
  sources: Sources,
  settings: Pick<HubSettings, "assets" | "corsOrigin" | "isHub">
) {
  const { allow, preflight } = cors(settings.corsOrigin)
  const everythingElse = settings.assets === undefined ? Effect.succeed(noSuchPage) : yield* files(settings.assets)

  const routes = Layer.mergeAll(
    HttpRouter.add("GET", "/health", health(sources, settings.isHub)),
    HttpRouter.add("GET", "/hubs", hubs(sources)),
    HttpRouter.add("GET", "/networks", networks(sources.listing)),
    HttpRouter.add(
      "GET",
      "/",
      Effect.map(everythingElse, (response) => response.status === 404 ? page : response)
    ),
    HttpRouter.add("GET", "/*", everythingElse),
    HttpRouter.add("OPTIONS", "/*", preflight)
  )

  const app = (yield* HttpRouter.toHttpEffect(routes)).pipe(
    Effect.catch((error) => HttpServerRespondable.toResponseOrElse(error, noSuchPage)),
    Effect.map(allow)
  )
  return yield* NodeHttpServer.makeHandler(app, { scope: yield* Effect.scope })
}, Effect.provide(NodeHttpServer.layerHttpServices))
