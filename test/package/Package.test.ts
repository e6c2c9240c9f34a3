/** The package as others get it: packed, installed in an empty folder, imported, type-checked and run. */
import { execFile, spawn } from "node:child_process"
import { copyFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { delimiter, dirname, join } from "node:path"
import { env, execPath } from "node:process"
import { createInterface } from "node:readline"
import { afterAll, assert, beforeAll, describe, it } from "vitest"

const root = join(import.meta.dirname, "../..")
const { exports: exported } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"))
const entries = Object.keys(exported).filter((key) => key !== "./package.json").map((key) => key.replace(".", "homing"))

/** This Node for whatever is started by name, npm's own programs among it. */
const environment = { ...env, PATH: [dirname(execPath), env["PATH"]].join(delimiter), NO_COLOR: "1" }

let consumer = ""

/** What a program prints. */
const run = (command: string, args: ReadonlyArray<string>, cwd = consumer) =>
  new Promise<string>((resolve, reject) => {
    execFile(command, args, { cwd, env: environment }, (cause, stdout, stderr) => {
      if (cause === null) resolve(stdout)
      else reject(new Error(`${command} ${args.join(" ")} failed\n${stdout}${stderr}`, { cause }))
    })
  })

const inConsumer = (name: string, text: string) => writeFileSync(join(consumer, name), text)

beforeAll(async () => {
  consumer = mkdtempSync(join(tmpdir(), "homing-consumer-"))
  inConsumer("package.json", JSON.stringify({ private: true, type: "module" }))
  await run("npm", ["pack", "--pack-destination", consumer], root)
  const tarball = readdirSync(consumer).find((name) => name.endsWith(".tgz"))
  await run("npm", ["install", "--prefer-offline", `./${tarball}`])
})

afterAll(() => rmSync(consumer, { recursive: true, force: true }))

describe("the installed package", () => {
  it("brings no Node along, nor anything else of this repository's own", () => {
    const installed = readdirSync(join(consumer, "node_modules"))
    assert.include(installed, "homing")
    assert.deepEqual(installed.filter((name) => name.startsWith("node-") || name === "@homing"), [])
  })

  for (const entry of entries) {
    it(`can be imported as ${entry} from plain JavaScript`, async () => {
      const script = `console.log(Object.keys(await import(${JSON.stringify(entry)})).join())`
      assert.isNotEmpty((await run(execPath, ["--input-type=module", "--eval", script])).trim())
    })
  }

  it("gives browsers the browser's Promise API", async () => {
    const resolved = (condition: ReadonlyArray<string>) =>
      run(execPath, [
        ...condition,
        "--input-type=module",
        "--eval",
        "console.log(import.meta.resolve('homing/promise'))"
      ])
    assert.match(await resolved([]), /promise\/node\.js/)
    assert.match(await resolved(["--conditions=browser"]), /promise\/browser\.js/)
  })

  const compilerOptions = {
    target: "es2024",
    lib: ["es2024", "dom", "dom.iterable"],
    strict: true,
    exactOptionalPropertyTypes: true,
    skipLibCheck: false,
    noEmit: true,
    types: ["node"],
    typeRoots: [join(root, "node_modules/@types")]
  }
  for (
    const [resolution, options] of Object.entries({
      nodenext: { module: "nodenext" },
      bundler: { module: "preserve", moduleResolution: "bundler", customConditions: ["browser"] }
    })
  ) {
    it(`has declarations that a ${resolution} project type-checks against, libraries included`, async () => {
      const files = ["effect.ts", "promise.ts"]
      for (const name of files) copyFileSync(join(import.meta.dirname, "consumer", name), join(consumer, name))
      inConsumer("tsconfig.json", JSON.stringify({ compilerOptions: { ...compilerOptions, ...options }, files }))
      assert.strictEqual(await run(join(root, "node_modules/.bin/tsc"), ["--pretty", "false"]), "")
    })
  }

  it("has a command that explains itself", async () => {
    assert.match(await run("npx", ["--no", "--", "homing", "--help"]), /\bhub\b[\s\S]*\bpeer\b/)
  })

  it("runs a hub that serves its page, and ends when told to", async () => {
    const hub = spawn(join(consumer, "node_modules/.bin/homing"), ["hub", "--port", "0"], {
      cwd: consumer,
      env: environment,
      stdio: ["ignore", "pipe", "inherit"]
    })
    const ended = new Promise<number | null>((resolve) => hub.on("exit", resolve))
    try {
      const address = await addressIn(hub.stdout)
      const health = await fetch(`${address}/health`)
      assert.strictEqual((await health.json()).status, "healthy")
      const page = await (await fetch(address)).text()
      assert.include(page, "<title>Homing</title>")
      for (const [file, type] of [["main.js", /javascript/], ["style.css", /css/]] as const) {
        assert.include(page, file)
        const response = await fetch(`${address}/${file}`)
        assert.match(response.headers.get("content-type") ?? "", type)
        assert.isNotEmpty(await response.text())
      }
    } finally {
      hub.kill("SIGTERM")
    }
    assert.strictEqual(await ended, 0)
  })
})

/** The first address that a hub's output names. */
const addressIn = async (output: NodeJS.ReadableStream): Promise<string> => {
  const lines: Array<string> = []
  for await (const line of createInterface({ input: output })) {
    lines.push(line)
    const port = /(?:ws|http):\/\/[^\s/]+:(\d+)/.exec(line)?.[1]
    if (port !== undefined) {
      // Whatever else it prints has to be read, or it would wait.
      output.resume()
      return `http://localhost:${port}`
    }
  }
  throw new Error(`the hub named no address:\n${lines.join("\n")}`)
}
