/** What a hub says to others that have, or would take, one of its peers. */
import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Schema from "effect/Schema"
import * as TestClock from "effect/testing/TestClock"
import { hubClose } from "../../../src/domain/Signal.ts"
import * as Claims from "../../../src/hub/backplane/Claims.ts"
import * as Admission from "../../../src/hub/door/Admission.ts"
import { ada } from "../TestPeer.ts"

const takeoverPatience = Duration.seconds(2)

/** A peer at the door of a hub, some seconds old. */
const scene = Effect.fnUntraced(function*(
  { rivals = Claims.none, ...self }: {
    readonly alive: boolean
    readonly proven: boolean
    readonly seconds: number
    readonly rivals?: Claims.Rivals
  }
) {
  const clock = yield* Clock.Clock
  const now = () => clock.currentTimeMillisUnsafe()
  const lost: Array<string> = []
  const admission = Admission.make({
    router: { lost: ({ peerId }) => void lost.push(peerId) },
    rivals,
    settings: { maxConnections: 10, requireProof: false, takeoverPatience },
    now
  })
  let end: number | undefined
  const tenant: Admission.Tenant = {
    peerId: ada,
    proven: self.proven,
    since: now(),
    send: () => true,
    connection: {
      alive: (patience) => self.alive ? Effect.succeed(true) : Effect.as(Effect.sleep(patience), false),
      close: (code) => void (end = code),
      terminate: () => void (end = 1006)
    }
  }
  yield* admission.admit(tenant)
  yield* TestClock.adjust(Duration.seconds(self.seconds))
  return { admission, lost, tenant, end: () => end }
})

const patiently = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function*() {
    const fiber = yield* Effect.forkChild(effect, { startImmediately: true })
    yield* TestClock.adjust(takeoverPatience)
    return yield* Fiber.join(fiber)
  })

/** Seconds, but no two the same: which is older must not be a matter of taste. */
const Seconds = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 50 }))
const Standing = Schema.Struct({
  alive: Schema.Boolean,
  proven: Schema.Boolean,
  seconds: Seconds,
  claimed: Schema.Struct({ proven: Schema.Boolean, seconds: Seconds })
})

describe("a peer that another hub claims", () => {
  it.effect.prop(
    "stays by what was proved, then by age and life",
    { standing: Standing },
    ({ standing: { alive, claimed, proven, seconds } }) =>
      Effect.gen(function*() {
        const { admission, end, lost } = yield* scene({ alive, proven, seconds: 2 * seconds + 1 })
        const kept = yield* patiently(
          admission.answer({ peerId: ada, proven: claimed.proven, age: 2000 * claimed.seconds })
        )
        const isOlder = seconds >= claimed.seconds
        const expected = proven !== claimed.proven ? proven : proven ? !isOlder : isOlder && alive
        assert.strictEqual(kept, expected)
        assert.strictEqual(admission.size, expected ? 1 : 0)
        assert.deepStrictEqual(lost, expected ? [] : [ada])
        assert.strictEqual(end(), expected ? undefined : claimed.proven ? hubClose.takenOver : isOlder ? 1006 : 1008)
      }).pipe(Effect.scoped),
    { arbitrary: { seed: 5, runs: 300 } }
  )

  it.effect("and is not here, is the other's", () =>
    Effect.gen(function*() {
      const { admission, tenant } = yield* scene({ alive: true, proven: false, seconds: 1 })
      admission.release(tenant)
      assert.isFalse(yield* admission.answer({ peerId: ada, proven: false, age: 0 }))
    }))
})

describe("a peer that turns out to be at another hub", () => {
  const rivals = (kept: boolean | undefined, settles = true): Claims.Rivals => ({
    holds: () => true,
    settles: () => settles,
    tell: () => undefined,
    ask: () => kept === undefined ? Effect.never : Effect.succeed(kept)
  })

  it.effect.each(
    [
      ["stays when the other hub lets go", { alive: true, proven: true }, rivals(false), undefined],
      ["stays when the other hub says nothing", { alive: true, proven: false }, rivals(undefined), undefined],
      ["stays when it is for the other hub to ask", { alive: true, proven: false }, rivals(true, false), undefined],
      ["is closed when the other hub keeps it", { alive: true, proven: false }, rivals(true), 1008],
      ["is told that it was taken over, if it proved its key", { alive: true, proven: true }, rivals(true), 4001],
      ["is dropped when it is silent", { alive: false, proven: false }, rivals(true), 1006],
      [
        "is dropped when it is silent, though it proved its key",
        { alive: false, proven: true },
        rivals(true, false),
        1006
      ]
    ] as const
  )("%s", ([, self, rivals, code]) =>
    Effect.gen(function*() {
      const holds = { now: false }
      const { admission, end } = yield* scene({
        ...self,
        seconds: 1,
        rivals: { ...rivals, holds: () => holds.now }
      })
      holds.now = true
      const settling = yield* Effect.forkChild(admission.contest(ada), { startImmediately: true })
      yield* TestClock.adjust("10 seconds")
      assert.strictEqual(end(), code)
      assert.strictEqual(admission.size, code === undefined ? 1 : 0)
      // It is tried again for as long as the peer is at both, and then no more.
      assert.strictEqual(settling.pollUnsafe() === undefined, code === undefined)
      holds.now = false
      yield* TestClock.adjust("10 seconds")
      yield* Fiber.join(settling)
    }))

  it.effect("is asked about again when nothing was heard, and by one at a time", () =>
    Effect.gen(function*() {
      const verdicts = [undefined, undefined, true]
      let asked = 0
      const { admission, end } = yield* scene({
        alive: true,
        proven: false,
        seconds: 1,
        rivals: {
          holds: () => asked > 0,
          settles: () => true,
          tell: () => undefined,
          ask: () => verdicts[asked++] === undefined ? Effect.never : Effect.succeed(true)
        }
      })
      asked = 1
      const settling = yield* Effect.forkChild(admission.contest(ada), { startImmediately: true })
      for (let n = 0; n < 5; n++) yield* admission.contest(ada)
      yield* TestClock.adjust("3900 millis")
      assert.strictEqual(asked, 2)
      assert.isUndefined(end())
      yield* TestClock.adjust("100 millis")
      yield* Fiber.join(settling)
      assert.strictEqual(asked, 3)
      assert.strictEqual(end(), 1008)
    }))
})
