import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { NetworkName } from "../../../src/domain/NetworkName.ts"
import * as Claims from "../../../src/hub/backplane/Claims.ts"
import type { ClaimMessage } from "../../../src/hub/backplane/HubMessage.ts"
import * as Roster from "../../../src/hub/backplane/Roster.ts"
import { ada, bob, nth } from "../TestPeer.ts"

const [self, one, two] = [nth(9001), nth(9000), nth(9002)]
const claim: Claims.Claim = { peerId: ada, proven: false, age: 1.5 }

/** A hub that knows of a peer at others, and hears from them what the test says. */
const scene = (...hubs: ReadonlyArray<typeof self>) => {
  const roster = Roster.make()
  for (const hub of hubs) roster.put(hub, NetworkName.make("red"), ada, {})
  const said: Array<Omit<ClaimMessage, "number">> = []
  const claims = Claims.make({ hub: self, incarnation: 7, roster }, (message) => void said.push(message))
  const answer = (hub: typeof self, held: boolean, number = said.at(-1)?.claim ?? 0) =>
    claims.hear({ type: "verdict", hub, incarnation: 1, number: 0, to: self, claim: number, held })
  return { ...claims, said, answer }
}

const ask = ({ rivals }: Claims.Claims) => Effect.forkChild(rivals.ask(claim), { startImmediately: true })

describe("a question about a peer", () => {
  it.effect("goes to the other hubs that have it, and is answered when all of them have said no", () =>
    Effect.gen(function*() {
      const place = scene(self, one, two)
      const asked = yield* ask(place)
      assert.deepStrictEqual(place.said.map(({ age, hub, peer, to }) => ({ age, hub, peer, to })), [
        { age: 1, hub: self, peer: ada, to: one },
        { age: 1, hub: self, peer: ada, to: two }
      ])
      place.answer(one, false)
      place.answer(one, false)
      assert.isUndefined(asked.pollUnsafe())
      place.answer(two, false)
      assert.isFalse(yield* Fiber.join(asked))
    }))

  it.effect("is answered as soon as one keeps it, and not by whoever was not asked", () =>
    Effect.gen(function*() {
      const place = scene(one, two)
      const asked = yield* ask(place)
      place.answer(nth(5), true)
      place.answer(two, true, 99)
      assert.isUndefined(asked.pollUnsafe())
      place.answer(two, true)
      assert.isTrue(yield* Fiber.join(asked))
      place.answer(one, false)
    }))

  it.effect("that nobody waits for any more is forgotten", () =>
    Effect.gen(function*() {
      const place = scene(one)
      const asked = yield* ask(place)
      yield* Fiber.interrupt(asked)
      place.answer(one, true)
      const again = yield* ask(place)
      place.answer(one, true, 0)
      assert.isUndefined(again.pollUnsafe())
      place.answer(one, false)
      assert.isFalse(yield* Fiber.join(again))
    }))

  it.effect("is none where nobody else has the peer", () =>
    Effect.gen(function*() {
      const place = scene(self)
      assert.isFalse(place.rivals.holds(ada))
      assert.isFalse(yield* place.rivals.ask(claim))
      assert.deepStrictEqual(place.said, [])
    }))
})

describe("whoever settles it", () => {
  it("is the hub with the least id of those that have the peer", () => {
    assert.isTrue(scene(self, two).rivals.settles(ada))
    assert.isFalse(scene(self, one, two).rivals.settles(ada))
    assert.isFalse(scene(self).rivals.settles(ada))
    assert.isFalse(scene(self, two).rivals.settles(bob))
  })
})
