/** Files between real processes over real WebRTC, with the commands that anybody runs. */
import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect } from "effect"
import { createHash } from "node:crypto"
import { createReadStream, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { truncate } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { pipeline } from "node:stream/promises"
import { homing, hub, type Process } from "../support/processes.ts"

const patience = Duration.minutes(4)

/** A directory that goes with the scope. */
const directory = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "homing-files-"))),
  (path) => Effect.sync(() => rmSync(path, { recursive: true }))
)

const sha256 = (path: string) =>
  Effect.promise(async () => {
    const hash = createHash("sha256")
    await pipeline(createReadStream(path), hash)
    return hash.digest("hex")
  })

const event = (process: Process, name: string) =>
  process.lines.first(name, (line): line is string => line.includes(`"event":"${name}"`), patience).pipe(
    Effect.map((line): { readonly [field: string]: unknown } => JSON.parse(line))
  )

/** A process that receives, and its peer's id. */
const receiver = Effect.fnUntraced(function*(url: string, place: string, ...flags: ReadonlyArray<string>) {
  const process = yield* homing(["receive", place, "--json", "--hub", url, "--network", "files", ...flags])
  const { peerId } = yield* event(process, "ready")
  return { ...process, peerId: String(peerId) }
})

/** MiB of a process's memory now, or at most so far; nothing where the system does not say. */
const memory = (process: Process, field: "VmRSS" | "VmHWM") => {
  const file = `/proc/${process.child.pid}/status`
  if (!existsSync(file)) return undefined
  const found = new RegExp(`${field}:\\s+(\\d+)`).exec(readFileSync(file, "utf8"))?.[1]
  return found === undefined ? undefined : Number(found) / 1024
}

describe("homing send and receive", () => {
  it.live(
    "bring a file of 120 MB from one process to another, whole, in memory that does not grow with it",
    () =>
      Effect.gen(function*() {
        const place = yield* directory
        const path = join(place, "large.bin")
        writeFileSync(path, "the beginning")
        yield* Effect.promise(() => truncate(path, 120_000_000))
        const { url } = yield* hub()
        const receives = yield* receiver(url, place)
        const before = memory(receives, "VmRSS")
        const sends = yield* homing([
          "send",
          path,
          "--to",
          receives.peerId,
          "--hub",
          url,
          "--network",
          "files",
          "--json"
        ])
        const received = yield* event(receives, "received")
        const most = memory(receives, "VmHWM")
        const sent = yield* event(sends, "sent")
        assert.strictEqual(yield* sends.exit, 0)
        // Beside the one that was sent, not over it.
        assert.strictEqual(received["path"], join(place, "large (1).bin"))
        const digest = yield* sha256(path)
        assert.deepStrictEqual([sent["sha256"], received["sha256"]], [digest, digest])
        assert.strictEqual(yield* sha256(String(received["path"])), digest)
        if (before !== undefined && most !== undefined) {
          yield* Effect.logInfo(`the receiver grew from ${before.toFixed(0)} to ${most.toFixed(0)} MiB`)
          assert.isBelow(most - before, 110)
        }
        assert.deepStrictEqual(readdirSync(place).filter((name) => name.endsWith(".part")), [])
      }),
    300_000
  )

  it.live("say who is refused, and why, with status 1 and nothing left behind", () =>
    Effect.gen(function*() {
      const place = yield* directory
      const path = join(place, "note.txt")
      writeFileSync(path, "eleven byte")
      const { url } = yield* hub()
      const receives = yield* receiver(url, place, "--max-bytes", "10", "--count", "1")
      const flags = ["--hub", url, "--network", "files"]
      const large = yield* homing(["send", path, "--to", receives.peerId, ...flags])
      assert.strictEqual(yield* large.exit, 1)
      assert.match(large.stderr(), /takes no file "note.txt": it has 11 bytes, and 10 are taken at most/)
      const missing = yield* homing(["send", join(place, "none"), "--to", receives.peerId, ...flags])
      assert.strictEqual(yield* missing.exit, 1)
      assert.match(missing.stderr(), /Cannot read ".*none"/)
      writeFileSync(path, "ten bytes!")
      const fits = yield* homing(["send", path, "--to", receives.peerId, ...flags])
      assert.strictEqual(yield* fits.exit, 0)
      assert.match(fits.lines.entries.at(-1) ?? "", /^note.txt is there: 10 bytes, SHA-256 [0-9a-f]{64}$/)
      assert.strictEqual(yield* receives.exit, 0)
      assert.deepStrictEqual(readdirSync(place).toSorted(), ["note (1).txt", "note.txt"])
    }), 180_000)
})
