import { assert, describe, it } from "@effect/vitest"
import { global, NetworkName } from "../../../src/domain/NetworkName.ts"
import { maxListed } from "../../../src/domain/Signal.ts"
import * as Directory from "../../../src/hub/exchange/Directory.ts"
import type { Peer } from "../../../src/hub/exchange/Member.ts"
import * as Registry from "../../../src/hub/exchange/Registry.ts"
import { ada, nth, random } from "../TestPeer.ts"

const red = NetworkName.make("red")
const peer = (n: number): Peer => ({ peerId: nth(n), send: () => true })

const world = () => {
  let time = 0
  const registry = Registry.make({ networksPerPeer: 1000, random })
  const directory = Directory.make({ registry, waiting: (name) => name === red ? 2 : 0, now: () => time })
  return {
    registry,
    names: () => directory.listing.networks.map(({ name }) => name),
    directory,
    pass: (millis: number) => void (time += millis)
  }
}

describe("Directory", () => {
  it("hides a network while any member asks for it, and never global", () => {
    const { names, pass, registry } = world()
    const [a, b] = [peer(1), peer(2)]
    registry.join(a, red, {})
    registry.join(a, global, { discoverable: false })
    assert.deepStrictEqual<unknown>(names(), ["red", "global"])
    registry.join(b, red, { discoverable: false })
    pass(100)
    assert.deepStrictEqual<unknown>(names(), ["global"])
    registry.leave(b, red)
    pass(100)
    assert.deepStrictEqual<unknown>(names(), ["red", "global"])
  })

  it("does not list a network that peers only wait for", () => {
    assert.deepStrictEqual(world().directory.listing, { total: 0, networks: [] })
  })

  it("lists the networks with most members, those that are waited for and the first of the alphabet", () => {
    const { directory, registry } = world()
    const lonely = Array.from({ length: maxListed + 10 }, (_, n) => NetworkName.make(`z${String(n).padStart(3, "0")}`))
    for (const name of [...lonely, NetworkName.make("big"), red]) registry.join(peer(0), name, {})
    registry.join(peer(1), NetworkName.make("big"), {})
    const { networks, total } = directory.listing
    assert.strictEqual(total, maxListed + 12)
    assert.strictEqual(networks.length, maxListed)
    assert.deepStrictEqual<unknown>(networks.slice(0, 2), [
      { name: "big", present: 2, waiting: 0 },
      { name: "red", present: 1, waiting: 2 }
    ])
    const rest = networks.slice(2).map(({ name }) => name)
    assert.deepStrictEqual(rest, lonely.slice(0, maxListed - 2))
  })

  it("makes the list anew when it is old, or the clock goes back", () => {
    const { names, pass, registry } = world()
    const a: Peer = { peerId: ada, send: () => true }
    assert.deepStrictEqual(names(), [])
    registry.join(a, red, {})
    pass(99)
    assert.deepStrictEqual(names(), [])
    pass(1)
    assert.deepStrictEqual(names(), [red])
    registry.leave(a, red)
    pass(-5000)
    assert.deepStrictEqual(names(), [])
  })
})
