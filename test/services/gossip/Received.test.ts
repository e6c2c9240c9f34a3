/** What is remembered of direct messages from one session of a network to the next. */
import { assert, describe, it } from "@effect/vitest"
import { Duration } from "effect"
import { NetworkName } from "../../../src/domain/NetworkName.ts"
import * as Received from "../../../src/services/gossip/Received.ts"

const home = NetworkName.make("home")
const away = NetworkName.make("away")

describe("what was received", () => {
  it("is known in the next session of the same network, and in no other network", () => {
    const received = Received.make()
    assert.isTrue(received.of(home).add("coo", 0))
    assert.isFalse(received.of(away).has("coo"))
    assert.isTrue(received.of(home).has("coo"))
    assert.isFalse(received.of(home).add("coo", 1))
  })

  it("is forgotten after a while, and with the network that was left longest ago", () => {
    const received = Received.make()
    received.of(home).add("coo", 0)
    received.of(home).add("other", Duration.toMillis(Received.window))
    assert.isFalse(received.of(home).has("coo"))
    received.of(away).add("hoo", 0)
    assert.isTrue(received.of(home).has("other"))
    for (let n = 0; n < Received.maxNetworks - 1; n++) received.of(NetworkName.make(`network-${n}`))
    assert.isTrue(received.of(home).has("other"))
    assert.isFalse(received.of(away).has("hoo"))
  })
})
