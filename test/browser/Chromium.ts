/**
 * A headless Chromium that comes entirely from npm (Linux on x64), as a scoped service. `CHROMIUM_PATH` names another.
 */
import { assert } from "@effect/vitest"
import { Config, Context, Effect, Layer, Option, type Scope } from "effect"
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs"
import { createRequire } from "node:module"
import { dirname, join, resolve } from "node:path"
import { arch, env, pid, platform } from "node:process"
import { type Browser, chromium, type Page } from "playwright-core"

/** Why there is no Chromium to test with here, or `undefined`. */
export const unavailable: string | undefined =
  env["CHROMIUM_PATH"] !== undefined || (platform === "linux" && arch === "x64")
    ? undefined
    : `npm has no Chromium for ${platform}-${arch}; set CHROMIUM_PATH to one`

const cache = resolve("node_modules/.cache/chromium")

/** Unpacks the browser, its libraries and a font: 200 MB, which the checkout keeps. */
const unpack = async () => {
  const packed = dirname(createRequire(import.meta.url).resolve("@sparticuz/chromium"))
  // Aside first, so that a run which is cut short leaves no half of a browser behind.
  const aside = `${cache}-${pid}`
  mkdirSync(aside, { recursive: true })
  env["TMPDIR"] = aside
  const { inflate } = await import("@sparticuz/chromium")
  await Promise.all(
    ["chromium.br", "fonts.tar.br", "al2023.tar.br"].map((name) => inflate(join(packed, "../bin", name)))
  )
  delete env["TMPDIR"]
  if (existsSync(cache)) rmSync(aside, { recursive: true })
  else renameSync(aside, cache)
}

const packaged = Effect.promise(async () => {
  if (!existsSync(cache)) await unpack()
  // Each time, for a checkout may have been moved.
  writeFileSync(
    join(cache, "fonts.conf"),
    `<fontconfig><dir>${cache}/fonts</dir><cachedir>${cache}/fonts-cache</cachedir></fontconfig>`
  )
  // Containers have neither fonts nor the libraries for keys.
  env["FONTCONFIG_FILE"] = join(cache, "fonts.conf")
  env["LD_LIBRARY_PATH"] = [join(cache, "al2023/lib"), env["LD_LIBRARY_PATH"]].filter(Boolean).join(":")
  return join(cache, "chromium")
})

const args = [
  // Containers often run as root, where Chromium's sandbox does not start.
  "--no-sandbox",
  // Nothing but the tests' own traffic.
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--no-first-run"
]

/** A running browser. */
export class Chromium extends Context.Service<Chromium, {
  /** A page with nothing in common with others. It closes with the scope, and must have had no errors by then. */
  page(url: string): Effect.Effect<Page, never, Scope.Scope>
}>()("test/Chromium") {
  static readonly layer = Layer.effect(
    Chromium,
    Effect.gen(function*() {
      const path = yield* Effect.orDie(Config.option(Config.String("CHROMIUM_PATH")))
      const executablePath = Option.isSome(path) ? path.value : yield* packaged
      const browser = yield* Effect.acquireRelease(
        Effect.promise(() => chromium.launch({ executablePath, headless: true, args })),
        (browser) => Effect.promise(() => browser.close())
      )
      return Chromium.of({ page: (url) => open(browser, url) })
    })
  )
}

const open = Effect.fnUntraced(function*(browser: Browser, url: string) {
  const problems: Array<string> = []
  const page = yield* Effect.acquireRelease(
    Effect.promise(() => browser.newPage()),
    (page) => Effect.promise(() => page.close()).pipe(Effect.andThen(Effect.sync(() => assert.deepEqual(problems, []))))
  )
  page.on("pageerror", (error) => problems.push(error.message))
  page.on("console", (message) => {
    if (message.type() === "error") problems.push(message.text())
  })
  yield* Effect.promise(() => page.goto(url))
  return page
})
