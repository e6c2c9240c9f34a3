/**
 * What a hub answers over plain HTTP: how it is, what networks there are, and the files of its page.
 */
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as HttpApiBuilder from "effect/http-api/HttpApiBuilder"
import type * as Headers from "effect/http/Headers"
import * as HttpMiddleware from "effect/http/HttpMiddleware"
import * as HttpRouter from "effect/http/HttpRouter"
import * as HttpServerRequest from "effect/http/HttpServerRequest"
import * as HttpServerRespondable from "effect/http/HttpServerRespondable"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as HttpStaticServer from "effect/http/HttpStaticServer"
import * as Layer from "effect/Layer"
import type { NetworkName } from "../../domain/NetworkName.ts"
import type { PeerId } from "../../domain/PeerId.ts"
import type { Listing } from "../exchange/Directory.ts"
import type { HubStats } from "../exchange/Traffic.ts"
import type { HubSettings } from "../Options.ts"
import type { Others } from "../Others.ts"
import { type Health, HubApi } from "./Api.ts"
import * as Docs from "./Docs.ts"
import * as Requests from "./Requests.ts"

/** What is there when no page is. */
const text = `This is a Homing hub: peers meet here, over WebSocket, before they talk to each other directly.
Give a peer this address. See /health for how the hub is, /networks for the networks here, and /docs for the rest.
`

const page = HttpServerResponse.text(text)
const noSuchPage = HttpServerResponse.text(text, { status: 404 })

const isoTime = Effect.map(Clock.currentTimeMillis, (now) => new Date(now).toISOString())

/** What the hub knows of itself. @category models */
export interface Sources {
  readonly stats: Effect.Effect<HubStats>
  readonly listing: Effect.Effect<Listing>
  readonly others: Effect.Effect<Others>
  /** What the hub is among hubs. */
  readonly self: { readonly isHub: boolean; readonly hubId: PeerId; readonly hubMeshNamespace: NetworkName }
  readonly draining: Effect.Effect<boolean>
  /** The metrics, as Prometheus reads them. */
  readonly metrics: Effect.Effect<string>
}

const draining = "the hub is about to stop"

/** What is wrong, the worst first. */
const assess = (isDraining: boolean, { health }: Others): Pick<Health, "status" | "ready" | "problem"> =>
  isDraining
    ? { status: "draining", ready: false, problem: draining }
    : health._tag === "Degraded"
    // Its own peers are served: were it not ready, an engine that fails would take every hub away at once.
    ? { status: "degraded", ready: true, problem: health.problem }
    : { status: "healthy", ready: true }

const connected = ({ hubs }: Others) => hubs.filter(({ connection }) => connection !== "refused")

const handlers = (sources: Sources) =>
  HttpApiBuilder.group(HubApi, "hub", (handlers) =>
    handlers.handleAll({
      health: Effect.fnUntraced(function*() {
        const { connections, networks, peers, uptime } = yield* sources.stats
        const others = yield* sources.others
        return {
          ...assess(yield* sources.draining, others),
          live: true,
          timestamp: yield* isoTime,
          uptime: Duration.toSeconds(uptime),
          isHub: sources.self.isHub,
          connections,
          peers,
          hubs: connected(others).length,
          networks,
          memory: { ...process.memoryUsage() }
        }
      }),
      live: () => Effect.succeed({ live: true } as const),
      ready: Effect.fnUntraced(function*() {
        if (yield* sources.draining) return yield* Effect.fail({ ready: false, problem: draining } as const)
        return { ready: true } as const
      }),
      hubs: Effect.fnUntraced(function*() {
        const others = yield* sources.others
        const { hubId, hubMeshNamespace } = sources.self
        return {
          timestamp: yield* isoTime,
          hubMeshNamespace,
          hubId,
          totalHubs: connected(others).length,
          hubs: others.hubs
        }
      }),
      networks: Effect.fnUntraced(function*() {
        const { networks, total } = yield* sources.listing
        return { timestamp: yield* isoTime, totalNetworks: total, networks }
      }),
      metrics: () => sources.metrics
    }))

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

const methods: ReadonlyArray<string> = ["GET", "HEAD", "OPTIONS"]
const notAllowed = HttpServerResponse.empty({ status: 405, headers: { allow: methods.join(", ") } })

/** Nothing here changes by being asked for. */
const onlyReading = <E, R>(app: Effect.Effect<HttpServerResponse.HttpServerResponse, E, R>) =>
  Effect.flatMap(
    HttpServerRequest.HttpServerRequest,
    ({ method }) => methods.includes(method) ? app : Effect.succeed(notAllowed)
  )

/** What is said of now is not to be kept; files, which say when they changed, may be. */
const fresh = (response: HttpServerResponse.HttpServerResponse) =>
  response.headers["etag"] !== undefined || response.headers["cache-control"] !== undefined
    ? response
    : HttpServerResponse.setHeader(response, "cache-control", "no-store")

/**
 * The handler of the requests that are no upgrades: those of `HubApi`, its document at `/openapi.json` and as a page at
 * `/docs`, and the files of `assets`. Each request is a span.
 *
 * @category constructors
 */
export const make = Effect.fnUntraced(function*(
  sources: Sources,
  settings: Pick<HubSettings, "assets" | "corsOrigin">
) {
  const { allow, preflight } = cors(settings.corsOrigin)
  const everythingElse = settings.assets === undefined ? Effect.succeed(noSuchPage) : yield* files(settings.assets)

  const routes = Layer.mergeAll(
    HttpApiBuilder.layer(HubApi, { openapiPath: "/openapi.json" }).pipe(Layer.provide(handlers(sources))),
    HttpRouter.add("GET", "/docs", yield* Docs.make),
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
    onlyReading,
    Effect.map(fresh),
    Effect.map(allow),
    HttpMiddleware.tracer
  )
  return Requests.inTurn(yield* NodeHttpServer.makeHandler(app, { scope: yield* Effect.scope }))
}, Effect.provide(NodeHttpServer.layerHttpServices))
