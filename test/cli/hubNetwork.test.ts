import { assert, describe, it } from "@effect/vitest"
import { topology } from "../../src/cli/hubNetwork.ts"

const ports = (count: number) => Array.from({ length: count }, (_, index) => 3000 + index)

describe("the picture of a network of hubs", () => {
  it("shows each way in its own sign, from each hub to each", () => {
    const lines = topology(ports(3), (from, to) => from === 3000 ? "webrtc" : to === 3000 ? "websocket" : undefined)
    assert.deepStrictEqual(lines, [
      "          3000  3001  3002",
      "    3000     ■    ══    ══",
      "    3001    ──     ■      ",
      "    3002    ──           ■",
      "  ══ WebRTC   ── WebSocket   ·· across other hubs"
    ])
  })

  it("fits into eighty columns, with ten hubs by their ports and with twenty by their numbers", () => {
    for (const [count, name] of [[4, "3003"], [10, "3009"], [12, "3011"], [13, "13"], [24, "24"]] as const) {
      const lines = topology(ports(count), () => "relayed")
      for (const line of lines) assert.isAtMost(line.length, 80, `${count} hubs`)
      assert.isTrue(lines[0]?.endsWith(` ${name}`), `${count} hubs`)
      assert.isTrue(lines[count]?.trimStart().startsWith(`${name} `), `${count} hubs`)
    }
  })
})
