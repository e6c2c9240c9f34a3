/** The house's arrows, read from its imports: domain ← services ← runtime ← everything else. The simulated world has our hub in it. */
import { assert, describe, it } from "@effect/vitest"
import { globSync, readFileSync } from "node:fs"
import { dirname, join, relative } from "node:path"

const source = join(import.meta.dirname, "../src")

/** What the files of a room may import: the rooms inward of it. */
const mayImport: Readonly<Record<string, ReadonlyArray<string>>> = {
  domain: [],
  services: ["domain"],
  runtime: ["domain", "services"],
  hub: ["domain", "services", "runtime"],
  testing: ["domain", "services", "runtime", "hub"],
  console: ["domain", "services", "runtime"],
  cli: ["domain", "services", "runtime", "hub"],
  "index.ts": ["domain", "services", "runtime"]
}

/** Where a platform has a name. Everywhere else it is a layer that somebody else provides. */
const edges = [
  /^runtime\/node(\.ts$|\/)/,
  /^runtime\/promise\/node\.ts$/,
  /^services\/WebRtcNative\.ts$/,
  /^services\/webrtc\/datachannel\.ts$/,
  /^services\/WebRtcWerift\.ts$/,
  /^services\/webrtc\/werift(\.ts$|\/)/,
  /^hub\//,
  /^cli\//
]
const platform = /^(node:|ws$|werift$|node-datachannel$|@effect\/platform-node)/

const roomOf = (file: string): string => file.split("/")[0] ?? file

const specifiers = /^(?:import|export)\s(?:[^"']*?\sfrom\s)?"([^"]+)"|\bimport\("([^"]+)"\)/gm

const imports = globSync("**/*.ts", { cwd: source }).flatMap((file) =>
  Array.from(readFileSync(join(source, file), "utf8").matchAll(specifiers), (match) => {
    const name = match[1] ?? match[2] ?? ""
    const target = name.startsWith(".") ? relative(source, join(source, dirname(file), name)) : undefined
    return { file, name, target }
  })
)

const offenders = (isWrong: (found: typeof imports[number]) => boolean) =>
  imports.filter(isWrong).map(({ file, name }) => `${file} imports ${name}`)

describe("src", () => {
  it("is read by this test", () => {
    assert.isAbove(imports.length, 100)
  })

  it("has arrows that point one way", () => {
    assert.deepStrictEqual(
      offenders(({ file, target }) =>
        target !== undefined && roomOf(target) !== roomOf(file) &&
        mayImport[roomOf(file)]?.includes(roomOf(target)) !== true
      ),
      []
    )
  })

  it("has no file that needs another which needs it", () => {
    const settled = new Set<string>()
    const circles: Array<string> = []
    const visit = (file: string, path: ReadonlyArray<string>): void => {
      const start = path.indexOf(file)
      if (start >= 0) return void circles.push([...path.slice(start), file].join(" → "))
      if (settled.has(file)) return
      for (const found of imports) {
        if (found.file === file && found.target !== undefined) visit(found.target, [...path, file])
      }
      settled.add(file)
    }
    for (const { file } of imports) visit(file, [])
    assert.deepStrictEqual(circles, [])
  })

  it("names a platform only at its edges", () => {
    assert.deepStrictEqual(
      offenders(({ file, name }) => platform.test(name) && !edges.some((edge) => edge.test(file))),
      []
    )
  })

  it("brings no platform along into the simulated world", () => {
    const seen = new Set<string>()
    const visit = (file: string): ReadonlyArray<string> => {
      if (seen.has(file)) return []
      seen.add(file)
      return imports.filter((found) => found.file === file).flatMap(({ name, target }) =>
        platform.test(name) ? [`${file} imports ${name}`] : target === undefined ? [] : visit(target)
      )
    }
    assert.deepStrictEqual(visit("testing/index.ts"), [])
    assert.isTrue(seen.has("hub/exchange/Router.ts"))
  })

  it("imports Effect by module, never the barrel", () => {
    assert.deepStrictEqual(
      offenders(({ name }) => name === "effect" || /^effect\/[a-z-]+$/.test(name) || name === "@effect/platform-node"),
      []
    )
  })
})
