import { assert, describe, it } from "@effect/vitest"
import * as Doorkeeper from "../../../src/hub/door/Doorkeeper.ts"
import * as Limits from "../../../src/hub/Limits.ts"

const start = (connections: number, perSecond: number) => {
  let time = 0
  const door = Doorkeeper.make({ connections, perSecond, now: () => time })
  return { door, pass: (millis: number) => void (time += millis) }
}

describe("Doorkeeper", () => {
  it("lets an address have so many connections, and others be", () => {
    const { door } = start(2, 100)
    assert.deepStrictEqual(["a", "a", "a", "b"].map((address) => door.enter(address)), [
      "welcome",
      "welcome",
      "too many",
      "welcome"
    ])
    door.leave("a")
    // Two were opened at once, and a hundredth of a second has to pass for the third.
    assert.strictEqual(door.enter("a"), "too fast")
  })

  it("lets an address in as fast as it may come, however often it tries", () => {
    const { door, pass } = start(5, 10)
    const comes = () => {
      const said = door.enter("a")
      if (said === "welcome") door.leave("a")
      return said === "welcome" ? 1 : 0
    }
    let entered = 0
    for (let n = 0; n < 1000; n++) {
      entered += comes()
      pass(1)
    }
    assert.isAtMost(entered, 5 + 10)
    assert.isAtLeast(entered, 5 + 9)
  })

  it("forgets who did nothing for long, and never who is there", () => {
    const { door, pass } = start(5, 1)
    for (let n = 0; n < 100; n++) door.enter(`stays ${n}`)
    for (let n = 0; n < 1000; n++) {
      door.enter(`goes ${n}`)
      door.leave(`goes ${n}`)
      pass(10)
    }
    assert.isBelow(door.size, 100 + 400)
    for (let n = 0; n < 100; n++) for (let more = 0; more < 4; more++) door.enter(`stays ${n}`)
    assert.strictEqual(door.enter("stays 7"), "too many")
  })

  it("knows so many addresses and no more", () => {
    const { door } = start(5, 1)
    for (let n = 0; n < Limits.addresses + 5000; n++) {
      door.enter(String(n))
      door.leave(String(n))
    }
    assert.isAtMost(door.size, Limits.addresses)
  })
})
