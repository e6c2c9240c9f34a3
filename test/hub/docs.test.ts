/** What the pages on hubs say is there. */
import { assert, describe, it } from "@effect/vitest"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { variables } from "../../src/hub/Options.ts"

const read = (name: string) => readFileSync(join(import.meta.dirname, "../../docs", name), "utf8")

/** The first column of a page's table of settings. */
const documented = (page: string) => Array.from(page.matchAll(/^\| `([A-Z][A-Z_]+)`/gm), ([, name]) => name)

describe("the pages on hubs", () => {
  it("have every variable that a hub's option comes from", () => {
    const all = new Set([...documented(read("hub.md")), ...documented(read("hubs.md"))])
    assert.deepStrictEqual(Object.values(variables).filter((name) => !all.has(name)), [])
  })
})
