import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as TestClock from "effect/testing/TestClock"
import { execFileSync, spawnSync } from "node:child_process"
import { copyFileSync, writeFileSync } from "node:fs"
import { request } from "node:https"
import { join as joinPath } from "node:path"
import { connect as connectTls } from "node:tls"
import { WebSocket } from "ws"
import * as Tls from "../../../src/hub/http/Tls.ts"
import { Hub } from "../../../src/hub/Hub.ts"
import type { HubOptions } from "../../../src/hub/Options.ts"
import { temporary } from "../../support/configuration.ts"
import { ada, decodeJson, eventually } from "../TestPeer.ts"

/** A certificate that vouches for itself, made by openssl. */
const certificate = (directory: string, name: string) => {
  const [tlsCert, tlsKey] = [joinPath(directory, `${name}.crt`), joinPath(directory, `${name}.key`)]
  const kind = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2".split(" ")
  execFileSync("openssl", [...kind, "-subj", `/CN=${name}`, "-keyout", tlsKey, "-out", tlsCert], { stdio: "ignore" })
  return { tlsCert, tlsKey }
}

const start = (options: HubOptions) => Effect.map(Layer.build(Hub.layer({ port: 0, ...options })), Context.get(Hub))

/** Whom the certificate names that a server shows now; nobody when the connection ends before it has. */
const commonName = (port: number) =>
  Effect.callback<string | undefined>((resume) => {
    const socket = connectTls({ host: "127.0.0.1", port, rejectUnauthorized: false }, () => {
      const { subject } = socket.getPeerCertificate()
      socket.destroy()
      resume(Effect.succeed(String(subject.CN)))
    })
    socket.on("error", () => undefined)
    socket.on("close", () => resume(Effect.undefined))
  })

const openssl = spawnSync("openssl", ["version"]).status === 0
if (!openssl) console.warn("The tests of TLS are skipped: openssl, which makes their certificates, is not installed")

describe.skipIf(!openssl)("TLS", () => {
  it.effect("is spoken with the certificate of the files, for WebSockets and for HTTP", () =>
    Effect.gen(function*() {
      const directory = yield* temporary
      const { port, url } = yield* start(certificate(directory, "localhost"))
      assert.strictEqual(url, `wss://localhost:${port}`)

      const greeted = yield* Deferred.make<unknown>()
      const socket = yield* Effect.acquireRelease(
        Effect.sync(() => new WebSocket(`${url}/?peerId=${ada}`, { rejectUnauthorized: false })),
        (socket) => Effect.sync(() => socket.terminate())
      )
      socket.on("error", (error) => Deferred.doneUnsafe(greeted, Effect.die(error)))
      socket.on("message", (data) => Deferred.doneUnsafe(greeted, Effect.succeed(decodeJson(String(data))["type"])))
      assert.strictEqual(yield* Deferred.await(greeted), "connected")

      const status = yield* Effect.callback<number | undefined>((resume) => {
        request({ port, path: "/health/ready", rejectUnauthorized: false }, (response) => {
          response.resume()
          resume(Effect.succeed(response.statusCode))
        }).end()
      })
      assert.strictEqual(status, 200)
    }))

  it.effect("takes a renewed certificate over, and keeps the old one when the new one is none", () =>
    Effect.gen(function*() {
      const directory = yield* temporary
      const used = certificate(directory, "old")
      const renewed = certificate(directory, "new")
      const { port } = yield* start(used)
      assert.strictEqual(yield* commonName(port), "old")
      for (const unfinished of ["half a file", ""]) {
        writeFileSync(used.tlsCert, unfinished)
        yield* TestClock.adjust(Tls.renewal)
        assert.strictEqual(yield* commonName(port), "old")
        assert.include((yield* Effect.flip(Tls.load(used))).message, used.tlsCert)
      }
      copyFileSync(renewed.tlsCert, used.tlsCert)
      copyFileSync(renewed.tlsKey, used.tlsKey)
      // The file is read by the real clock, the next look is by this one.
      yield* eventually(Effect.andThen(
        TestClock.adjust(Tls.renewal),
        Effect.map(commonName(port), (name) => name === "new")
      ))
    }))

  it.effect("says so when nobody renews the certificate", () =>
    Effect.gen(function*() {
      const logs: Array<string> = []
      const logger = Logger.make(({ logLevel, message }) => void logs.push(`${logLevel}: ${String(message)}`))
      const warnings = () => logs.filter((log) => log.includes("expired on"))
      yield* TestClock.setTime(Date.now())
      const used = certificate(yield* temporary, "old")
      yield* Effect.provide(start(used), Logger.layer([logger]))
      assert.deepStrictEqual(warnings(), [])
      // It is good for two days.
      yield* TestClock.adjust("49 hours")
      yield* eventually(Effect.andThen(TestClock.adjust(Tls.renewal), Effect.sync(() => warnings().length > 0)))
      assert.match(String(warnings()[0]), /^Warn: .*old\.crt \(TLS_CERT\)/)
    }))

  it.effect("fails to start with files that are none, and names both settings", () =>
    Effect.gen(function*() {
      const directory = yield* temporary
      const good = certificate(directory, "good")
      const other = certificate(directory, "other")
      for (
        const options of [
          { tlsCert: joinPath(directory, "missing.crt"), tlsKey: good.tlsKey },
          { tlsCert: good.tlsCert, tlsKey: other.tlsKey },
          { tlsCert: good.tlsKey, tlsKey: good.tlsKey }
        ]
      ) {
        const error = yield* Effect.flip(start(options))
        assert.strictEqual(error._tag, "CertificateUnusable")
        assert.include(error.message, "TLS_CERT")
        assert.include(error.message, options.tlsCert)
        assert.include(error.message, "TLS_KEY")
      }
    }))
})
