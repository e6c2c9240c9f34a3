/** The guide's example is a program: it is taken out of it and run. */
import { assert, describe, it } from "@effect/vitest"
import { execFileSync } from "node:child_process"
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { join, resolve } from "node:path"

const root = resolve(import.meta.dirname, "../..")
const guide = readFileSync(join(root, "docs/testing.md"), "utf8")
const blocksOf = (language: string) =>
  Array.from(guide.matchAll(new RegExp(`\`\`\`${language}\\n([\\s\\S]*?)\`\`\``, "g")), (block) => block[1] ?? "")

const run = (example: string): string => {
  // Below the root, so that packages are found; Node runs no TypeScript below node_modules.
  mkdirSync(join(root, ".cache"), { recursive: true })
  const folder = mkdtempSync(join(root, ".cache", "guide-"))
  try {
    const file = join(folder, "example.ts")
    const code = example
      .replaceAll("from \"homing\"", `from "${join(root, "src/index.ts")}"`)
      .replaceAll("from \"homing/testing\"", `from "${join(root, "src/testing/index.ts")}"`)
    writeFileSync(file, code)
    return execFileSync(process.execPath, [file], { cwd: root, encoding: "utf8", timeout: 60_000 })
  } finally {
    rmSync(folder, { recursive: true })
  }
}

describe("the guide to testing", () => {
  it("has an example that prints what it says", { timeout: 60_000 }, () => {
    const [example] = blocksOf("ts")
    const [printed] = blocksOf("text")
    assert.isDefined(example)
    assert.strictEqual(run(example ?? ""), printed)
  })

  it("has a remedy for large networks that loads", { timeout: 60_000 }, () => {
    assert.strictEqual(run(blocksOf("ts")[1] ?? ""), "")
  })
})
