import { assert, describe, it } from "@effect/vitest"
import { Input, parse } from "../../../src/cli/peer/Input.ts"

describe("what is typed", () => {
  it("is said to everyone unless it is a command", () => {
    assert.deepEqual(parse("  hello  there "), Input.Say({ text: "hello  there" }))
    assert.deepEqual(parse("//shrug"), Input.Say({ text: "/shrug" }))
    assert.deepEqual(parse("/dm ab12   for  you "), Input.Direct({ to: "ab12", text: "for  you" }))
    assert.deepEqual(parse("/peers"), Input.Peers())
    assert.deepEqual(parse("/network work"), Input.Network({ name: "work" }))
    assert.deepEqual(parse("/network"), Input.Network({ name: undefined }))
    assert.deepEqual(parse("/networks"), Input.Networks())
    assert.deepEqual(parse("/fallback on"), Input.Fallback({ allow: true }))
    assert.deepEqual(parse("/fallback off"), Input.Fallback({ allow: false }))
    assert.deepEqual(parse("/fallback"), Input.Fallback({ allow: undefined }))
    assert.deepEqual(parse("/status"), Input.Status())
    assert.deepEqual(parse("/help"), Input.Help())
    assert.deepEqual(parse("/quit"), Input.Quit())
  })

  it("is answered with what to type when it is no command", () => {
    assert.deepEqual(parse("/dm ab12"), Input.Unclear({ problem: "Whom, and what? /dm <id> <text>" }))
    assert.deepEqual(parse("/network my work"), Input.Unclear({ problem: "Names have no spaces. /network <name>" }))
    for (const line of ["/fallback maybe", "/fallback on please"]) {
      assert.deepEqual(parse(line), Input.Unclear({ problem: "On or off? /fallback on|off" }))
    }
    assert.deepEqual(parse("/dance"), Input.Unclear({ problem: "/dance is no command. See /help." }))
  })
})
