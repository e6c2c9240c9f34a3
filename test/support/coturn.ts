/** A TURN server as a process: Debian's coturn, where it is installed. */
import { Effect, Schedule } from "effect"
import { spawn, spawnSync } from "node:child_process"
import { createSocket } from "node:dgram"
import { join } from "node:path"
import { temporary } from "./configuration.ts"

/** Whether there is a coturn. */
export const installed = spawnSync("turnserver", ["--version"]).error === undefined

/** A UDP port that was free a moment ago. */
const freePort = Effect.callback<number>((resume) => {
  const socket = createSocket("udp4").bind(0, "127.0.0.1", () => {
    const { port } = socket.address()
    socket.close(() => resume(Effect.succeed(port)))
  })
})

/** Runs a server that shares a secret with a hub, until the scope closes. */
export const start = Effect.fnUntraced(function*(secret: string) {
  const port = yield* freePort
  const directory = yield* temporary
  const child = yield* Effect.acquireRelease(
    Effect.sync(() =>
      spawn("turnserver", [
        ..."-n --simple-log --verbose --log-file=stdout --no-cli --no-tls --no-dtls --allow-loopback-peers".split(" "),
        ..."--listening-ip=127.0.0.1 --relay-ip=127.0.0.1 --realm=homing.test --use-auth-secret".split(" "),
        `--listening-port=${port}`,
        `--static-auth-secret=${secret}`,
        `--pidfile=${join(directory, "pid")}`,
        `--userdb=${join(directory, "turndb")}`
      ], { stdio: ["ignore", "pipe", "ignore"] })
    ),
    (child) => Effect.sync(() => child.kill("SIGKILL"))
  )
  let log = ""
  child.stdout.setEncoding("utf8").on("data", (text: string) => void (log += text))
  /** Waits until the log says something. */
  const says = (pattern: RegExp) =>
    Effect.suspend(() => pattern.test(log) ? Effect.void : Effect.fail("not yet")).pipe(
      Effect.retry(Schedule.max([Schedule.spaced("50 millis"), Schedule.recurs(400)])),
      Effect.mapError(() => new Error(`coturn does not say ${pattern}:\n${log}`)),
      Effect.orDie
    )
  yield* says(/UDP listener opened/)
  return { url: `turn:127.0.0.1:${port}`, says, log: () => log }
})
