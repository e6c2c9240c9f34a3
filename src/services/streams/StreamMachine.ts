/**
 * The life of one stream at one of its ends, as a pure state machine: an event comes in, the next state and the commands
 * to carry out come out. No I/O, no clock, no randomness.
 *
 * Each end grants the other a window of bytes and grants anew what its application has taken, so that what is on its way
 * and what waits here are never more than the window. An end that sends more than it was granted, or what makes no sense,
 * has its stream reset; the link and its other streams are not concerned.
 */
import * as Data from "effect/Data"
import { costOf, frameCost, reasonFrom, type StreamFrame } from "../../domain/StreamFrame.ts"

/** Both directions of an open stream; amounts are costs as `costOf` counts them. @category models */
export interface Flow {
  /** We have not ended our direction. */
  readonly sending: boolean
  /** The other end has not ended its direction. */
  readonly receiving: boolean
  /** What we may send. */
  readonly credit: number
  /** What the other end may send. */
  readonly granted: number
  /** What came and waits to be taken. */
  readonly held: number
  /** What was taken and is not granted anew. */
  readonly taken: number
}

/** @category models */
export type State = Data.TaggedEnum<{
  /** We asked for it, and have no answer. */
  Opening: {}
  /** The other end asked for it, and nobody here has decided. */
  Offered: { readonly credit: number }
  Open: Flow
  Closed: {}
}>
/** @category constructors */
export const State = Data.taggedEnum<State>()

/** What can happen to a stream. @category models */
export type Event = Data.TaggedEnum<{
  /** The application takes a stream that was offered. */
  Accept: {}
  Refuse: { readonly reason: string }
  /** The application sends; at most what `room` says. */
  Write: { readonly bytes: Uint8Array }
  /** What was written did not leave after all. */
  Unsent: { readonly cost: number }
  /** The application has taken what was delivered. */
  Took: { readonly cost: number }
  /** The application has nothing more to send. */
  Finish: {}
  /** The application wants no more of it. */
  Abort: { readonly reason: string }
  /** The other end says something. */
  Came: { readonly frame: StreamFrame }
  /** The link is gone. */
  Lost: { readonly reason: string }
}>
/** @category constructors */
export const Event = Data.taggedEnum<Event>()

/** What the machine asks its shell to do, in this order. @category models */
export type Command = Data.TaggedEnum<{
  Send: { readonly frame: StreamFrame }
  /** The stream that we asked for is not to be. */
  Declined: { readonly reason: string }
  /** Keep bytes for the application. */
  Deliver: { readonly bytes: Uint8Array }
  /** The other end has sent everything. */
  Ended: {}
  /** There may be room to write again. */
  Writable: {}
  /** Nothing more is read, after what was delivered, or written; whichever was not over already. */
  Broken: {
    readonly reason: string
    readonly reading: boolean
    readonly writing: boolean
    /** The other end said so. */
    readonly byPeer: boolean
  }
}>
/** @category constructors */
export const Command = Data.taggedEnum<Command>()

/** What a stream's rules depend on. @category models */
export interface Terms {
  /** Its number on the link. */
  readonly stream: number
  /** What the other end may have on its way, or waiting here. */
  readonly window: number
}

/** The next state and what to do. @category models */
export type Step = readonly [State, ReadonlyArray<Command>]

/** Credit beyond which nobody grants in earnest. */
const maxCredit = 2 ** 40

const stay = (state: State): Step => [state, []]

/** Bytes that may be written in one frame now. @category getters */
export const room = (state: State): number =>
  state._tag === "Open" && state.sending ? Math.max(0, state.credit - frameCost) : 0

/** A stream that we ask for, and what says so. @category constructors */
export const opening: State = State.Opening()

/** A stream that is asked of us. @category constructors */
export const offered = (credit: number): State => State.Offered({ credit })

const open = (credit: number, { window }: Terms): State =>
  State.Open({ sending: true, receiving: true, credit, granted: window, held: 0, taken: 0 })

/** Over once both directions are. */
const settle = (flow: Flow): State => flow.sending || flow.receiving ? State.Open(flow) : State.Closed()

const broken = (state: State, reason: string, byPeer = false) =>
  Command.Broken({
    reason,
    byPeer,
    reading: state._tag !== "Open" || state.receiving,
    writing: state._tag !== "Open" || state.sending
  })

const reset = ({ stream }: Terms, reason: string) =>
  Command.Send({ frame: { type: "stream-reset", stream, reason: reasonFrom(reason) } })

/** The other end does not keep to the rules. */
const violated = (state: State, terms: Terms, problem: string): Step => [
  State.Closed(),
  [reset(terms, problem), broken(state, `it was reset here: ${problem}`)]
]

const onData = (state: Flow & { readonly _tag: "Open" }, bytes: Uint8Array, terms: Terms): Step => {
  const cost = costOf(bytes.length)
  if (!state.receiving) return violated(state, terms, "bytes came after the end")
  if (cost > state.granted) return violated(state, terms, "more bytes came than were granted")
  return [
    State.Open({ ...state, granted: state.granted - cost, held: state.held + cost }),
    [Command.Deliver({ bytes })]
  ]
}

const whileOpen = (state: Flow & { readonly _tag: "Open" }, frame: StreamFrame, terms: Terms): Step => {
  switch (frame.type) {
    case "stream-data":
      return onData(state, frame.bytes, terms)
    case "stream-credit": {
      const credit = state.credit + frame.bytes
      if (credit > maxCredit) return violated(state, terms, "more credit came than can be meant")
      return [State.Open({ ...state, credit }), [Command.Writable()]]
    }
    case "stream-end":
      if (!state.receiving) return violated(state, terms, "a second end came")
      return [settle({ ...state, receiving: false }), [Command.Ended()]]
    case "stream-reset":
      return [State.Closed(), [broken(state, frame.reason, true)]]
    default:
      return violated(state, terms, `${frame.type} came for a stream that is open`)
  }
}

const whileOpening = (state: State, frame: StreamFrame, terms: Terms): Step => {
  switch (frame.type) {
    case "stream-accept":
      return stay(open(frame.window, terms))
    case "stream-refuse":
    case "stream-reset":
      return [State.Closed(), [Command.Declined({ reason: frame.reason })]]
    default:
      return violated(state, terms, `${frame.type} came before an answer`)
  }
}

const onCame = (state: State, frame: StreamFrame, terms: Terms): Step => {
  switch (state._tag) {
    case "Closed":
      return stay(state)
    case "Opening":
      return whileOpening(state, frame, terms)
    case "Offered":
      return frame.type === "stream-reset"
        ? [State.Closed(), [broken(state, frame.reason, true)]]
        : violated(state, terms, `${frame.type} came before an answer`)
    case "Open":
      return whileOpen(state, frame, terms)
  }
}

const onTook = (state: Flow & { readonly _tag: "Open" }, cost: number, { stream, window }: Terms): Step => {
  const flow = { ...state, held: state.held - cost, taken: state.taken + cost }
  // Half a window at a time: often enough that the other end does not run dry, and seldom enough to cost nothing.
  if (!flow.receiving || flow.taken < window / 2) return stay(State.Open(flow))
  return [
    State.Open({ ...flow, granted: flow.granted + flow.taken, taken: 0 }),
    [Command.Send({ frame: { type: "stream-credit", stream, bytes: flow.taken } })]
  ]
}

/** One step of a stream's life. @category transitions */
export const step = (state: State, event: Event, terms: Terms): Step => {
  if (state._tag === "Closed") return stay(state)
  const { stream, window } = terms
  switch (event._tag) {
    case "Accept":
      return state._tag === "Offered"
        ? [open(state.credit, terms), [Command.Send({ frame: { type: "stream-accept", stream, window } })]]
        : stay(state)
    case "Refuse":
      return state._tag === "Offered"
        ? [
          State.Closed(),
          [Command.Send({ frame: { type: "stream-refuse", stream, reason: reasonFrom(event.reason) } })]
        ]
        : stay(state)
    case "Write": {
      const cost = costOf(event.bytes.length)
      return state._tag === "Open" && state.sending && cost <= state.credit
        ? [
          State.Open({ ...state, credit: state.credit - cost }),
          [Command.Send({ frame: { type: "stream-data", stream, bytes: event.bytes } })]
        ]
        : stay(state)
    }
    case "Unsent":
      return state._tag === "Open" ? stay(State.Open({ ...state, credit: state.credit + event.cost })) : stay(state)
    case "Took":
      return state._tag === "Open" ? onTook(state, event.cost, terms) : stay(state)
    case "Finish":
      return state._tag === "Open" && state.sending
        ? [settle({ ...state, sending: false }), [Command.Send({ frame: { type: "stream-end", stream } })]]
        : stay(state)
    case "Abort":
      return [State.Closed(), [reset(terms, event.reason), broken(state, event.reason)]]
    case "Came":
      return onCame(state, event.frame, terms)
    case "Lost":
      return [State.Closed(), [broken(state, event.reason)]]
  }
}
