/** A NATS server as a process of its own, and ways to it that can be cut. */
import * as Effect from "effect/Effect"
import * as Scope from "effect/Scope"
import { spawn, spawnSync } from "node:child_process"
import { connect, createServer, type Server, type Socket } from "node:net"

/** Where Debian has it. */
const candidates = ["nats-server", "/usr/sbin/nats-server", "/usr/local/bin/nats-server"]

/** The program, or nothing where there is none. */
export const program = candidates.find((name) => spawnSync(name, ["--version"]).status === 0)

/** Why tests are skipped. */
export const missing = "there is no nats-server here; Debian has it as a package: apt-get install nats-server"

const listening = (server: Server): Effect.Effect<number> =>
  Effect.callback((resume) => {
    server.listen(0, "127.0.0.1", () => {
      const address = server.address()
      resume(Effect.succeed(typeof address === "object" && address !== null ? address.port : 0))
    })
  })

/** A port that was free a moment ago. */
export const freePort = Effect.acquireUseRelease(
  Effect.sync(() => createServer()),
  listening,
  (server) => Effect.callback<void>((resume) => void server.close(() => resume(Effect.void)))
)

const answers = (port: number): Effect.Effect<boolean> =>
  Effect.callback((resume) => {
    const socket = connect(port, "127.0.0.1")
    socket.once("data", () => {
      socket.destroy()
      resume(Effect.succeed(true))
    })
    socket.once("error", () => resume(Effect.succeed(false)))
  })

/** Runs a server at a port until the scope closes. */
export const serve = (
  port: number,
  options: ReadonlyArray<string> = []
): Effect.Effect<void, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.gen(function*() {
      const process = spawn(program ?? "nats-server", ["-a", "127.0.0.1", "-p", String(port), ...options], {
        stdio: "ignore"
      })
      while (!(yield* answers(port))) yield* Effect.sleep(20)
      return process
    }),
    (process) =>
      Effect.callback<void>((resume) => {
        process.once("exit", () => resume(Effect.void))
        process.kill("SIGKILL")
      })
  )

/** Runs a cluster of two servers; each ends with its scope. */
export const serveTwo = Effect.fnUntraced(function*(scopes: readonly [Scope.Scope, Scope.Scope]) {
  const ports = [yield* freePort, yield* freePort] as const
  const routes = [yield* freePort, yield* freePort] as const
  const urlOf = (port: number) => `nats://127.0.0.1:${port}`
  for (const [self, other] of [[0, 1], [1, 0]] as const) {
    const options = ["--cluster", urlOf(routes[self]), "--cluster_name", "hubs", "--routes", urlOf(routes[other])]
    yield* Scope.provide(serve(ports[self], options), scopes[self])
  }
  return ports
})

/** A way to a port that can be cut: what goes by it then goes nowhere, and it cannot be taken any more. */
export const way = Effect.fnUntraced(function*(to: number) {
  const sockets = new Set<Socket>()
  const server = createServer((near) => {
    const far = connect(to, "127.0.0.1")
    for (const socket of [near, far]) {
      sockets.add(socket)
      socket.on("error", () => undefined)
      socket.on("close", () => {
        sockets.delete(socket)
        near.destroy()
        far.destroy()
      })
    }
    near.pipe(far)
    far.pipe(near)
  })
  const cut = () => {
    server.close()
    for (const socket of sockets) socket.destroy()
  }
  const port = yield* Effect.acquireRelease(listening(server), () => Effect.sync(cut))
  return { port, cut }
})
