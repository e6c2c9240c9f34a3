/** The two ends of a stream, and a link between them that keeps order within a lane. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { costOf, maxReasonLength, type StreamFrame } from "../../../src/domain/StreamFrame.ts"
import {
  type Command,
  Event,
  offered,
  opening,
  room,
  State,
  step,
  type Terms
} from "../../../src/services/streams/StreamMachine.ts"

const window = 4096
const terms: Terms = { stream: 1, window }

/** One end: its state, what waits for its application, and what it was told. */
class End {
  state: State
  readonly inbox: Array<number> = []
  readonly taken: Array<number> = []
  readonly sent: Array<StreamFrame> = []
  most = 0
  ended = false
  broken: string | undefined

  constructor(state: State) {
    this.state = state
  }

  feed(event: Event) {
    const [next, commands] = step(this.state, event, terms)
    this.state = next
    for (const command of commands) this.#carryOut(command)
  }

  take() {
    const length = this.inbox.shift()
    if (length === undefined) return
    this.taken.push(length)
    this.feed(Event.Took({ cost: costOf(length) }))
  }

  /** What waits here, as the window counts it. */
  get held() {
    return this.inbox.reduce((sum, length) => sum + costOf(length), 0)
  }

  #carryOut(command: Command) {
    switch (command._tag) {
      case "Send":
        return void this.sent.push(command.frame)
      case "Deliver":
        this.inbox.push(command.bytes.length)
        this.most = Math.max(this.most, this.held)
        return
      case "Ended":
        this.ended = true
        return
      case "Broken":
        this.broken = command.reason
        return
      case "Declined":
      case "Writable":
        return
    }
  }
}

/** Two ends of an open stream. */
const pair = () => {
  const [opener, acceptor] = [new End(opening), new End(offered(window))]
  acceptor.feed(Event.Accept())
  for (const frame of acceptor.sent.splice(0)) opener.feed(Event.Came({ frame }))
  return [opener, acceptor] as const
}

const Act = Schema.Struct({
  end: Schema.Literals([0, 1]),
  act: Schema.Literals(["write", "carry", "take", "finish"]),
  size: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 3000 }))
})

describe("a stream's two ends", () => {
  it.effect.prop(
    "never hold more than the window, lose nothing, and come to rest",
    { acts: Schema.Array(Act).check(Schema.isMinLength(20), Schema.isMaxLength(400)) },
    ({ acts }) =>
      Effect.sync(() => {
        const ends = pair()
        const written: [Array<number>, Array<number>] = [[], []]
        const carry = (from: 0 | 1) => {
          const frame = ends[from].sent.shift()
          if (frame !== undefined) ends[from === 0 ? 1 : 0].feed(Event.Came({ frame }))
        }
        for (const { act, end, size } of acts) {
          const one = ends[end]
          if (act === "carry") carry(end)
          else if (act === "take") one.take()
          else if (act === "write" && room(one.state) > 0) {
            const length = Math.min(size, room(one.state))
            written[end].push(length)
            one.feed(Event.Write({ bytes: new Uint8Array(length) }))
          } else if (act === "finish" && size < 300) one.feed(Event.Finish())
        }
        // Whatever happened so far, what is on its way arrives, what waits is taken, and there is room again.
        for (let round = 0; round < 2000; round++) {
          for (const end of [0, 1] as const) {
            carry(end)
            ends[end].take()
          }
        }
        for (const end of [0, 1] as const) {
          const [one, other] = [ends[end], ends[end === 0 ? 1 : 0]]
          assert.isAtMost(one.most, window)
          assert.isUndefined(one.broken)
          assert.deepStrictEqual(other.taken, written[end])
          if (one.state._tag === "Open" && one.state.sending) assert.isAtLeast(room(one.state), window / 2 - costOf(0))
        }
        for (const one of ends) one.feed(Event.Finish())
        for (const end of [0, 1] as const) while (ends[end].sent.length > 0) carry(end)
        assert.deepStrictEqual(ends.map(({ ended, state }) => [ended, state._tag]), [[true, "Closed"], [
          true,
          "Closed"
        ]])
      }),
    { arbitrary: { seed: 11, runs: 200 } }
  )

  const AnyEvent = Schema.Union([
    Schema.Struct({
      frame: Schema.Literals(["stream-accept", "stream-credit", "stream-end", "stream-data", "stream-open"])
    }),
    Schema.Struct({ own: Schema.Literals(["accept", "finish", "write", "took"]) })
  ])

  it.effect.prop(
    "bear whatever the other end says: never more than the window, one reset at most, and nothing after it",
    { events: Schema.Array(AnyEvent).check(Schema.isMaxLength(60)), isOpener: Schema.Boolean },
    ({ events, isOpener }) =>
      Effect.sync(() => {
        const one = new End(isOpener ? opening : offered(window))
        for (const event of events) {
          if ("frame" in event) {
            const fields = { stream: 1, window, bytes: 100, name: "s" }
            const frame: StreamFrame = event.frame === "stream-data"
              ? { type: "stream-data", stream: 1, bytes: new Uint8Array(900) }
              : { ...fields, type: event.frame }
            one.feed(Event.Came({ frame }))
          } else if (event.own === "write") {
            if (room(one.state) > 100) one.feed(Event.Write({ bytes: new Uint8Array(100) }))
          } else if (event.own === "took") one.take()
          else one.feed(event.own === "accept" ? Event.Accept() : Event.Finish())
        }
        assert.isAtMost(one.most, window)
        const resets = one.sent.filter(({ type }) => type === "stream-reset")
        assert.isAtMost(resets.length, 1)
        if (resets.length === 1) assert.strictEqual(one.sent.at(-1)?.type, "stream-reset")
        assert.strictEqual(one.broken !== undefined, resets.length === 1)
      }),
    { arbitrary: { seed: 12, runs: 300 } }
  )
})

describe("one end of a stream", () => {
  const open = () => pair()[0]
  const came = (end: End, frame: StreamFrame) => end.feed(Event.Came({ frame }))

  it("resets the stream for what makes no sense, and says what", () => {
    const wrongs: ReadonlyArray<readonly [StreamFrame, RegExp]> = [
      [{ type: "stream-data", stream: 1, bytes: new Uint8Array(window) }, /more bytes came than were granted/],
      [{ type: "stream-accept", stream: 1, window }, /stream-accept came/],
      [{ type: "stream-credit", stream: 1, bytes: 2 ** 41 }, /more credit/]
    ]
    for (const [frame, problem] of wrongs) {
      const end = open()
      came(end, frame)
      assert.strictEqual(end.state._tag, "Closed")
      assert.match(end.broken ?? "", problem)
      assert.deepInclude(end.sent.at(-1), { type: "stream-reset", stream: 1 })
    }
  })

  it("keeps what came before a reset, and is not broken where it was at its end", () => {
    const end = open()
    came(end, { type: "stream-data", stream: 1, bytes: new Uint8Array(10) })
    came(end, { type: "stream-end", stream: 1 })
    const [, commands] = step(
      end.state,
      Event.Came({ frame: { type: "stream-reset", stream: 1, reason: "bye" } }),
      terms
    )
    assert.deepStrictEqual(commands, [{ _tag: "Broken", reason: "bye", reading: false, writing: true, byPeer: true }])
    assert.deepStrictEqual(end.inbox, [10])
  })

  it("takes back what did not leave, and cuts reasons that are too long", () => {
    const end = open()
    const before = room(end.state)
    end.feed(Event.Write({ bytes: new Uint8Array(100) }))
    assert.strictEqual(room(end.state), before - costOf(100))
    end.feed(Event.Unsent({ cost: costOf(100) }))
    assert.strictEqual(room(end.state), before)
    end.feed(Event.Abort({ reason: "x".repeat(10_000) }))
    const last = end.sent.at(-1)
    assert.strictEqual(last?.type === "stream-reset" ? last.reason.length : 0, maxReasonLength)
  })
})
