import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import type { PeerId } from "../../../src/domain/PeerId.ts"
import { Command, Event, type Parties, State, step } from "../../../src/services/link/LinkMachine.ts"
import { peer } from "../../support/simulation.ts"

const [greater, smaller] = [peer(1), peer(2)].toSorted().toReversed()

/** One end of a link: the machine, and a shell that carries out commands by sending to the other end. */
interface End {
  readonly self: PeerId
  readonly other: PeerId
  state: State
  offered: number
}

/** What is on its way to one end, in order. */
type Mail = Array<Event>

/**
 * Two machines and the wires between them, driven by a list of choices: who moves next, and whether what it does is lost.
 * After the choices, everything is delivered and time runs out where it must, until both are at rest.
 */
const run = (choices: ReadonlyArray<{ readonly side: 0 | 1; readonly act: "receive" | "lose" | "time" }>) => {
  if (greater === undefined || smaller === undefined) throw new Error("two peers are needed")
  const ends: readonly [End, End] = [
    { self: greater, other: smaller, state: State.Idle(), offered: 0 },
    { self: smaller, other: greater, state: State.Idle(), offered: 0 }
  ]
  const mails: readonly [Mail, Mail] = [[Event.Dial()], [Event.Dial()]]

  const feed = (side: 0 | 1, event: Event) => {
    const end = ends[side]
    const theirs = mails[side === 0 ? 1 : 0]
    const parties: Parties = {
      self: end.self,
      other: end.other,
      otherTakesAnyOffer: true,
      attempts: 1000,
      fresh: `${side}-${end.offered}`
    }
    const [next, commands] = step(end.state, event, parties)
    end.state = next
    for (const command of commands) {
      switch (command._tag) {
        case "Offer":
          end.offered++
          theirs.push(Event.Offered({ attempt: command.attempt, sdp: "", dialect: "homing", restart: false }))
          break
        case "OfferAgain":
          if ("attempt" in end.state) {
            theirs.push(Event.Offered({ attempt: end.state.attempt, sdp: "", dialect: "homing", restart: false }))
          }
          break
        case "Answer":
          theirs.push(Event.Answered({ attempt: command.attempt, sdp: "", dialect: "homing" }))
          break
        case "Complete":
          // The offerer knows both descriptions: the channel opens at both ends, if both still have the attempt.
          if ("attempt" in end.state) {
            mails[side].push(Event.ChannelOpened({ attempt: end.state.attempt }))
            theirs.push(Event.ChannelOpened({ attempt: end.state.attempt }))
          }
          break
        default:
          break
      }
    }
  }

  for (const { act, side } of choices) {
    const mail = mails[side]
    if (act === "time") feed(side, Event.TimeUp())
    else {
      const event = mail.shift()
      if (event !== undefined && (act === "receive" || event._tag === "Dial")) feed(side, event)
    }
  }
  for (let round = 0; round < 1000; round++) {
    const side = mails[0].length > 0 ? 0 : 1
    const event = mails[side].shift()
    if (event !== undefined) {
      feed(side, event)
      continue
    }
    const waiting = ends.findIndex((end) => end.state._tag !== "Open")
    if (waiting < 0) break
    // An end that thinks the link stands learns of the other's silence from its probes.
    for (const at of [0, 1] as const) {
      const { state } = ends[at]
      if (state._tag === "Open") feed(at, Event.Lost({ attempt: state.attempt, reason: "silence" }))
      else feed(at, Event.TimeUp())
    }
    for (const end of ends) if (end.state._tag === "Closed") end.state = State.Idle()
    for (const at of [0, 1] as const) if (ends[at].state._tag === "Idle") feed(at, Event.Dial())
  }
  return ends
}

describe("LinkMachine", () => {
  const Choice = Schema.Struct({
    side: Schema.Literals([0, 1]),
    act: Schema.Literals(["receive", "receive", "receive", "lose", "time"])
  })

  it.prop(
    "ends in one link at both ends, whatever crosses, is lost or comes late",
    [Schema.Array(Choice).check(Schema.isMaxLength(60))],
    ([choices]) => {
      const [a, b] = run(choices)
      assert.strictEqual(a.state._tag, "Open")
      assert.deepStrictEqual(a.state, b.state)
    },
    { arbitrary: { seed: 4, runs: 2000 } }
  )

  it("never leaves the closed state", () => {
    const closed = State.Closed({ reason: "gone" })
    const parties: Parties = {
      self: peer(1),
      other: peer(2),
      otherTakesAnyOffer: true,
      attempts: 4,
      fresh: "x"
    }
    for (const event of [Event.Dial(), Event.TimeUp(), Event.ChannelOpened({ attempt: "x" })]) {
      assert.deepStrictEqual(step(closed, event, parties), [closed, []])
    }
  })

  it("mends an open link from one side, and only for the attempt that is open", () => {
    if (greater === undefined || smaller === undefined) throw new Error("two peers are needed")
    const [forward, backward] = [[greater, smaller], [smaller, greater]].map(([self, other]): Parties => {
      if (self === undefined || other === undefined) throw new Error("two peers are needed")
      return { self, other, otherTakesAnyOffer: true, attempts: 4, fresh: "y" }
    })
    assert(forward !== undefined && backward !== undefined)
    const open = State.Open({ attempt: "x" })
    const suspected = Event.Suspected({ attempt: "x" })
    assert.deepStrictEqual(step(open, suspected, forward), [open, [Command.Mend()]])
    assert.deepStrictEqual(step(open, suspected, backward), [open, []])
    assert.deepStrictEqual(step(open, Event.Suspected({ attempt: "old" }), forward), [open, []])
    const connecting = State.Connecting({ attempt: "x", tries: 0 })
    assert.deepStrictEqual(step(connecting, suspected, forward), [connecting, []])
  })

  it("gives up after the last attempt, and says how many there were", () => {
    if (greater === undefined || smaller === undefined) throw new Error("two peers are needed")
    const parties: Parties = { self: greater, other: smaller, otherTakesAnyOffer: true, attempts: 2, fresh: "x" }
    let state: State = State.Idle()
    for (const event of [Event.Dial(), Event.TimeUp(), Event.TimeUp(), Event.TimeUp()]) {
      state = step(state, event, parties)[0]
    }
    assert.deepStrictEqual(state, State.Closed({ reason: "the offer was not answered (tried 2 times)" }))
  })

  it("does not offer to a PeerPigeon peer with a greater id, which would refuse", () => {
    if (greater === undefined || smaller === undefined) throw new Error("two peers are needed")
    const parties: Parties = { self: smaller, other: greater, otherTakesAnyOffer: false, attempts: 9, fresh: "x" }
    const [waiting] = step(State.Idle(), Event.Dial(), parties)
    const [next, commands] = step(waiting, Event.TimeUp(), parties)
    assert.strictEqual(next._tag, "Resting")
    assert.isFalse(commands.some((command) => command._tag === "Offer"))
  })
})
