/**
 * The TCP side: HTTP servers on the first free port, over TLS where there is a certificate.
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import { createServer, type IncomingMessage, type Server as HttpServer, type ServerResponse } from "node:http"
import { createServer as createSecureServer, type Server as HttpsServer } from "node:https"
import type { Socket } from "node:net"
import type { Duplex } from "node:stream"
import { waitAtMost } from "../../services/Patience.ts"
import * as Limits from "../Limits.ts"
import type { HubSettings } from "../Options.ts"
import * as Tls from "./Tls.ts"

/** The hub cannot listen where it was told to. @category errors */
export class HubCannotListen extends Schema.TaggedError<HubCannotListen>()("HubCannotListen", {
  host: Schema.String,
  port: Schema.Int,
  /** How many ports above it were tried. */
  retries: Schema.Int,
  /** The error of the operating system, such as `EADDRINUSE` or `EACCES`. */
  code: Schema.String
}) {
  override get message() {
    const place = `port ${this.port} of ${this.host}`
    switch (this.code) {
      case "EADDRINUSE":
        return this.retries === 0
          ? `The hub cannot listen at ${place}: it is taken. Choose another port, or 0 for any`
          : `The hub cannot listen at ${place}, nor at the ${this.retries} ports above: all are taken. Choose another port, or 0 for any`
      case "EACCES":
        return `The hub may not listen at ${place}. Ports below 1024 often need a privilege; choose a higher one`
      case "ENOTFOUND":
      case "EADDRNOTAVAIL":
        return `The hub cannot listen at ${place}: this machine has no such address. Choose localhost, or 0.0.0.0 for all`
      default:
        return `The hub cannot listen at ${place} (${this.code})`
    }
  }
}

/** What the servers do. @category models */
export interface Handlers {
  /** A TCP connection; `false` cuts it. */
  readonly connection: (socket: Socket) => boolean
  /** A TCP connection was cut since there are too many. */
  readonly dropped: () => void
  readonly request: (request: IncomingMessage, response: ServerResponse) => void
  readonly upgrade: (request: IncomingMessage, socket: Duplex, head: Buffer) => void
}

/** A request's headers must be there in so many milliseconds, so that idle connections do not pile up. */
const headersTimeout = 10_000
/** How often, in milliseconds, that is looked after. */
const connectionsCheckingInterval = 5000
/** And the whole request, in milliseconds: nothing that we serve takes a body. */
const requestTimeout = 20_000
/** And the TLS before it, in milliseconds. */
const handshakeTimeout = 10_000
/** Whoever takes nothing of an answer in so many milliseconds does not want it. Of WebSockets `ws` takes this away. */
const idleTimeout = 20_000

/** `localhost` is an IPv4 address to some clients and an IPv6 address to others, so it is both here. */
const addressesOf = (host: string): ReadonlyArray<string> => host === "localhost" ? ["127.0.0.1", "::1"] : [host]

/** A machine without IPv6 has no ::1, and none is missed. */
const isAbsent = (error: HubCannotListen): boolean => ["EADDRNOTAVAIL", "EAFNOSUPPORT", "EINVAL"].includes(error.code)

const codeOf = (error: Error): string => "code" in error && typeof error.code === "string" ? error.code : error.message

type Server = HttpServer | HttpsServer

/** Bytes that are taken over from the system and wait here for who is not read from: crumbs, each with a price, at worst. */
const highWaterMark = 16_384

const limits = { connectionsCheckingInterval, headersTimeout, highWaterMark, requestTimeout }

const listenOne = (server: Server, host: string, port: number): Effect.Effect<number, HubCannotListen> =>
  Effect.callback((resume) => {
    const onError = (error: Error) => {
      server.off("listening", onListening)
      resume(Effect.fail(new HubCannotListen({ host, port, retries: 0, code: codeOf(error) })))
    }
    const onListening = () => {
      server.off("error", onError)
      const address = server.address()
      resume(Effect.succeed(typeof address === "object" && address !== null ? address.port : port))
    }
    server.once("error", onError).once("listening", onListening).listen({ host, port })
  })

/** Stops accepting; what is connected stays so. */
const stop = (server: Server) =>
  Effect.sync(() => {
    server.close()
    server.closeIdleConnections()
  })

/** Cuts what is left and waits until the server is closed, or `patience` is over. */
const drain = (server: Server, patience: HubSettings["closingPatience"]) =>
  Effect.callback<void>((resume) => {
    server.close(() => resume(Effect.void))
    server.closeAllConnections()
  }).pipe(waitAtMost(patience))

/** Servers that can be made to listen. @category models */
export interface Listener {
  /**
   * Listens at the first free port from the chosen one on, and returns it. The handlers serve from then on.
   * When the scope closes nobody new is let in, but the connections stay.
   */
  listen(handlers: Handlers): Effect.Effect<number, HubCannotListen, Scope.Scope>
  /** Whether it speaks TLS. */
  readonly secure: boolean
}

/** Takes a renewed certificate over, for connections to come. What cannot be used is reported, and the old one stays. */
const renew = Effect.fnUntraced(function*(
  servers: ReadonlyArray<Server>,
  settings: Pick<HubSettings, "tlsCert" | "tlsKey">,
  first: Tls.Certificate
) {
  let used = first
  const step = Effect.gen(function*() {
    const found = yield* Tls.load(settings)
    if (found === undefined || (found.cert === used.cert && found.key === used.key)) {
      return yield* Tls.reportExpiry(settings, used)
    }
    used = found
    for (const server of servers) if ("setSecureContext" in server) server.setSecureContext(found)
    yield* Effect.logInfo("The hub uses a renewed certificate")
  })
  yield* step.pipe(
    Effect.catch((error) => Effect.logWarning(`The certificate is not renewed: ${error.message}`)),
    Effect.delay(Tls.renewal),
    Effect.forever
  )
})

/**
 * The servers, not listening yet. Their scope must outlive that of `listen` and those of the connections, which it
 * waits for.
 *
 * @category constructors
 */
export const make = Effect.fnUntraced(
  function*(
    settings: Pick<
      HubSettings,
      "host" | "port" | "portRetries" | "maxConnections" | "closingPatience" | "tlsCert" | "tlsKey"
    >
  ) {
    const certificate = yield* Tls.load(settings)
    const servers = yield* Effect.acquireRelease(
      Effect.sync(() =>
        addressesOf(settings.host).map((host) => {
          const server: Server = certificate === undefined
            ? createServer(limits)
            : createSecureServer({ ...limits, handshakeTimeout, ...certificate })
          server.timeout = idleTimeout
          server.maxConnections = settings.maxConnections + Limits.headroom
          return { host, server }
        })
      ),
      Effect.forEach(({ server }) => drain(server, settings.closingPatience), {
        concurrency: "unbounded",
        discard: true
      })
    )

    if (certificate !== undefined) {
      yield* Tls.reportExpiry(settings, certificate)
      yield* Effect.forkScoped(renew(servers.map(({ server }) => server), settings, certificate))
    }

    /** All addresses at the same port, or none. */
    const listenAt = Effect.fnUntraced(function*(wanted: number) {
      let port = wanted
      for (const [index, { host, server }] of servers.entries()) {
        port = yield* listenOne(server, host, port).pipe(
          Effect.catchIf((error) => index > 0 && isAbsent(error), () => Effect.succeed(port))
        )
      }
      return port
    }, Effect.tapError(() => Effect.forEach(servers, ({ server }) => stop(server), { discard: true })))

    const firstFree = (port: number, retries: number): Effect.Effect<number, HubCannotListen> =>
      Effect.catchIf(
        listenAt(port),
        (error) => error.code === "EADDRINUSE" && retries > 0 && port < 65535,
        () => firstFree(port === 0 ? 0 : port + 1, retries - 1)
      )

    const acquire = Effect.fnUntraced(function*(handlers: Handlers) {
      const port = yield* Effect.mapError(
        // A port that is free at one address of `localhost` may be taken at the other: of any port that is no reason to fail.
        firstFree(settings.port, settings.port === 0 ? 10 : settings.portRetries),
        ({ code }) =>
          new HubCannotListen({ host: settings.host, port: settings.port, retries: settings.portRetries, code })
      )
      if (settings.port !== 0 && port !== settings.port) {
        yield* Effect.logWarning(`Port ${settings.port} is taken: this hub listens at port ${port} instead`)
      }
      const run = Effect.runForkWith(yield* Effect.context())
      for (const { server } of servers) {
        server.on("connection", (socket) => {
          if (!handlers.connection(socket)) socket.destroy()
        })
        server.on("drop", handlers.dropped)
        server.on("request", handlers.request).on("upgrade", handlers.upgrade)
        // For want of file descriptors, say. It passes, and without a listener it would end the process.
        server.on("error", (error) => run(Effect.logWarning(`A connection could not be accepted: ${error.message}`)))
      }
      return port
    })

    const release = (handlers: Handlers) =>
      Effect.forEach(servers, ({ server }) => {
        // A connection that is kept alive could still ask for an upgrade.
        server.off("upgrade", handlers.upgrade)
        return stop(server)
      }, { discard: true })

    return {
      secure: certificate !== undefined,
      listen: (handlers) => Effect.acquireRelease(acquire(handlers), () => release(handlers))
    } satisfies Listener as Listener
  }
)
