/** Whatever peers say, in whatever order: nothing throws, nobody is told lies, and nothing is left when they are gone. */
import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import { Buffer } from "node:buffer"
import { NetworkName } from "../../src/domain/NetworkName.ts"
import { ClientSignal } from "../../src/domain/Signal.ts"
import * as Exchange from "../../src/hub/exchange/Exchange.ts"
import * as FastRelay from "../../src/hub/exchange/FastRelay.ts"
import type { Sender } from "../../src/hub/exchange/Router.ts"
import { decodeJson, generator, nth, random } from "./TestPeer.ts"

const now = 1_234_567
const Index = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 3 }))
const Raw = Schema.Struct({
  kind: Schema.tag("raw"),
  seed: Schema.Natural,
  length: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 200 }))
})
const Said = Schema.Struct({ kind: Schema.tag("said"), signal: ClientSignal, to: Index, named: Schema.Boolean })
const Damaged = Schema.Struct({
  kind: Schema.tag("damaged"),
  signal: ClientSignal,
  at: Schema.Natural,
  byte: Schema.Natural
})
const Lost = Schema.Struct({ kind: Schema.tag("lost") })
const Step = Schema.Struct({ who: Index, what: Schema.Union([Said, Damaged, Raw, Lost]) })

const bytesOf = (what: typeof Said.Type | typeof Damaged.Type | typeof Raw.Type): Buffer => {
  if (what.kind === "raw") {
    const draw = generator(what.seed)
    return Buffer.from(Array.from({ length: what.length }, () => Math.floor(draw() * 256)))
  }
  if (what.kind === "said") {
    const { named, signal, to } = what
    const target = "targetPeerId" in signal ? { targetPeerId: nth(to) } : {}
    return Buffer.from(JSON.stringify({ ...signal, ...target, networkName: named ? "red" : undefined }))
  }
  const bytes = Buffer.from(JSON.stringify(what.signal))
  bytes[what.at % bytes.length] = what.byte & 255
  return bytes
}

describe("whatever peers say", () => {
  it.prop("leaves nothing behind, and is told of whoever said it", [Schema.Array(Step)], ([steps]) => {
    const { lookout, registry, router, traffic } = Exchange.make({ now: () => now, random })
    const fast = FastRelay.make({ registry, traffic, now: () => now })
    let speaking = -1
    const senders = Array.from({ length: 4 }, (_, n): Sender => ({
      peerId: nth(n),
      send(frame) {
        const { fromPeerId, targetPeerId, type } = decodeJson(frame)
        assert.isTrue(targetPeerId === undefined || targetPeerId === nth(n))
        if (type === "error") assert.strictEqual(n, speaking)
        else assert.include([nth(speaking), "system"], fromPeerId)
        return true
      },
      afford: () => true,
      strike: () => undefined
    }))
    for (const { what, who } of steps) {
      const sender = senders[who]
      if (sender === undefined) continue
      speaking = who
      if (what.kind === "lost") router.lost(sender)
      else {
        const bytes = bytesOf(what)
        const isText = Buffer.from(bytes.toString()).equals(bytes)
        if (!isText || !fast.pass(sender, bytes)) router.receive(sender, bytes.toString())
      }
    }
    for (const [who, sender] of senders.entries()) {
      speaking = who
      router.lost(sender)
    }
    assert.strictEqual(registry.networkCount, 0)
    for (const sender of senders) assert.deepStrictEqual(registry.networksOf(sender), [])
    assert.strictEqual(lookout.waiting(NetworkName.make("red")), 0)
  }, { arbitrary: { seed: 1, runs: 300 } })
})
