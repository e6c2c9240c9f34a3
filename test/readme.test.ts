/** The README's examples are programs: they are taken out of it and run. */
import { assert, layer } from "@effect/vitest"
import { Effect, Queue } from "effect"
import { spawn } from "node:child_process"
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { dirname, join, resolve } from "node:path"
import { fileURLToPath } from "node:url"
import { Hub } from "../src/hub/Hub.ts"

const root = resolve(dirname(fileURLToPath(import.meta.url)), "..")
const readme = readFileSync(join(root, "README.md"), "utf8")
const examples = Array.from(readme.matchAll(/```ts\n([\s\S]*?)```/g), (block) => block[1] ?? "")

/** Where the package's names lead while it is not installed. */
const sources: ReadonlyArray<readonly [string, string]> = [
  ["\"homing\"", "src/index.ts"],
  ["\"homing/node\"", "src/runtime/node.ts"],
  ["\"homing/promise\"", "src/runtime/promise/node.ts"]
]

const fromSource = (example: string, hub: string) =>
  sources.reduce((code, [name, file]) => code.replaceAll(`from ${name}`, `from "${join(root, file)}"`), example)
    .replaceAll("ws://localhost:3000", hub)

/** Runs an example until the scope closes; what it prints comes out line by line. */
const run = Effect.fnUntraced(function*(example: string, hub: string) {
  const lines = yield* Queue.unbounded<string>()
  yield* Effect.acquireRelease(
    Effect.sync(() => {
      // Below the root, so that packages are found; Node runs no TypeScript below node_modules.
      mkdirSync(join(root, ".cache"), { recursive: true })
      const folder = mkdtempSync(join(root, ".cache", "readme-"))
      const file = join(folder, "example.ts")
      writeFileSync(file, fromSource(example, hub))
      const child = spawn(process.execPath, [file], { cwd: root, stdio: ["ignore", "pipe", "pipe"] })
      for (const stream of [child.stdout, child.stderr]) {
        stream.setEncoding("utf8").on("data", (text: string) => {
          for (const line of text.split("\n")) Queue.offerUnsafe(lines, line)
        })
      }
      child.on("exit", (code) => Queue.offerUnsafe(lines, `exited with ${code}`))
      return { child, folder }
    }),
    ({ child, folder }) =>
      Effect.sync(() => {
        child.kill("SIGKILL")
        rmSync(folder, { recursive: true })
      })
  )
  return lines
})

/** Waits for a line, and shows what came instead when the example ends. */
const until = Effect.fnUntraced(function*(lines: Queue.Queue<string>, text: string) {
  const seen: Array<string> = []
  while (true) {
    const line = yield* Queue.take(lines)
    seen.push(line)
    if (line.includes(text)) return
    if (line.startsWith("exited with") && !line.endsWith(" 0")) assert.fail(seen.join("\n"))
  }
})

layer(Hub.layer({ port: 0 }))("README", (it) => {
  it.effect(
    "has an example with Effect and one with promises, and they talk to each other",
    () =>
      Effect.gen(function*() {
        const hub = yield* Hub
        const [withEffect, withPromises] = examples
        assert.isDefined(withEffect)
        assert.isDefined(withPromises)
        const first = yield* run(withEffect, hub.url)
        const second = yield* run(withPromises, hub.url)
        yield* until(first, "hello from a promise")
        yield* until(second, "from Effect")
      }),
    60_000
  )

  it.effect("has an example with records that comes to its end", () =>
    Effect.gen(function*() {
      const hub = yield* Hub
      const withRecords = examples[2]
      assert.isDefined(withRecords)
      const lines = yield* run(withRecords, hub.url)
      yield* until(lines, "{ hello: 'all' }")
    }), 60_000)

  it.effect("has an example with questions and a channel, in which two peers play", () =>
    Effect.gen(function*() {
      const hub = yield* Hub
      const withChannel = examples[3]
      assert.isDefined(withChannel)
      const lines = yield* run(withChannel, hub.url)
      yield* until(lines, "ada plays with { player: 'bob' }")
      yield* until(lines, "ada moves to e4")
    }), 60_000)

  it.effect("has an example with files, in which one arrives", () =>
    Effect.gen(function*() {
      const hub = yield* Hub
      const withFiles = examples[4]
      assert.isDefined(withFiles)
      const lines = yield* run(withFiles, hub.url)
      yield* until(lines, "bob has README.md # Homing")
    }), 60_000)

  for (const [index, part] of [[5, "iceServers"], [6, "FallbackPolicy"], [7, "NetworkBridge"]] as const) {
    it.effect(`has an example with ${part} that loads`, () =>
      Effect.gen(function*() {
        const hub = yield* Hub
        const example = examples[index]
        assert.isDefined(example)
        assert.include(example, part)
        yield* until(yield* run(example, hub.url), "exited with 0")
      }), 60_000)
  }
})
