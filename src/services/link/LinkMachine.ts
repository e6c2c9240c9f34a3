/**
 * The life of a link to one peer, as a pure state machine: an event comes in, the next state and the commands to carry
 * out come out. No I/O, no clock, no randomness.
 *
 * Both ends follow the same rules, and they end in exactly one link whatever crosses on the way:
 *
 * - The peer with the greater id offers; the other waits for its offer, and offers itself only when none comes.
 * - When offers cross, the greater id's stands: the smaller side drops its own and answers, and the greater side sends
 *   its own again in case the first never arrived (perfect negotiation; W3C WebRTC 1.0, 10.7).
 * - Every attempt has a name that all its signals carry, so that late news of an old attempt is recognised.
 * - A new offer for a link that stands means that the other side has lost it: the new one replaces it.
 */
import * as Data from "effect/Data"
import type { Dialect } from "../../domain/Frame.ts"
import { initiates, type PeerId } from "../../domain/PeerId.ts"
import type { Candidate } from "../../domain/Signal.ts"

/** The name of an attempt. @category models */
export type Attempt = string

/** Where a link stands. @category models */
export type State = Data.TaggedEnum<{
  /** Known to us and nothing under way. */
  Idle: {}
  /** The other side is expected to offer. */
  Awaiting: { readonly tries: number }
  /** Our offer is out. */
  Offering: { readonly attempt: Attempt; readonly tries: number }
  /** Offer and answer are exchanged; the channel is on its way. */
  Connecting: { readonly attempt: Attempt; readonly tries: number }
  /** The channel carries frames. */
  Open: { readonly attempt: Attempt }
  /** An attempt failed; the next one comes after a pause. */
  Resting: { readonly tries: number }
  Closed: { readonly reason: string }
}>
/** @category constructors */
export const State = Data.taggedEnum<State>()

/** What can happen to a link. @category models */
export type Event = Data.TaggedEnum<{
  /** Somebody here wants the link. */
  Dial: {}
  Offered: { readonly attempt: Attempt; readonly sdp: string; readonly dialect: Dialect; readonly restart: boolean }
  /** `attempt` is absent from a PeerPigeon peer. */
  Answered: { readonly attempt: Attempt | undefined; readonly sdp: string; readonly dialect: Dialect }
  CandidateCame: { readonly attempt: Attempt | undefined; readonly candidate: Candidate }
  Rejected: { readonly attempt: Attempt | undefined; readonly reason: string }
  ChannelOpened: { readonly attempt: Attempt }
  /** The attempt's connection failed or is gone. */
  Lost: { readonly attempt: Attempt; readonly reason: string }
  /** The other side of the attempt's connection is silent. */
  Suspected: { readonly attempt: Attempt }
  /** The time that the state allows is over. */
  TimeUp: {}
  /** The link is to end, by our wish or the other side's word. */
  Close: { readonly reason: string }
}>
/** @category constructors */
export const Event = Data.taggedEnum<Event>()

/** What the machine asks its shell to do, in this order. @category models */
export type Command = Data.TaggedEnum<{
  /** Drop the attempt's connection. */
  Drop: {}
  /** Open a connection and send its offer. */
  Offer: { readonly attempt: Attempt }
  /** Send the offer of the attempt under way once more. */
  OfferAgain: {}
  /** Open a connection for this offer and send the answer. */
  Answer: { readonly attempt: Attempt; readonly sdp: string; readonly dialect: Dialect }
  /** Send an offer for a new path of the connection that stands. */
  Mend: {}
  /** Answer an offer that renews the path of the connection that stands. */
  Renew: { readonly sdp: string }
  /** Give the answer to our offer to the connection. */
  Complete: { readonly sdp: string; readonly dialect: Dialect }
  AddCandidate: { readonly candidate: Candidate }
}>
/** @category constructors */
export const Command = Data.taggedEnum<Command>()

/** What the rules depend on. @category models */
export interface Parties {
  readonly self: PeerId
  readonly other: PeerId
  /** Whether an offer from the smaller id is of any use: not with PeerPigeon, which always refuses it. */
  readonly otherTakesAnyOffer: boolean
  /** Whether we offer without waiting for the other side, which does not know that we want the link. Default: no. */
  readonly offersAtOnce?: boolean
  /** Attempts before the peer is given up. */
  readonly attempts: number
  /** A name that no attempt has had yet, for the next one of ours. */
  readonly fresh: Attempt
}

/** The next state and what to do. @category models */
export type Step = readonly [State, ReadonlyArray<Command>]

const stay = (state: State): Step => [state, []]

const concerns = (state: { readonly attempt: Attempt }, attempt: Attempt | undefined) =>
  attempt === undefined || attempt === state.attempt

/** The attempt that a state is in, if any. @category getters */
export const attemptOf = (state: State): Attempt | undefined => "attempt" in state ? state.attempt : undefined

const begin = (parties: Parties, tries: number): Step =>
  initiates(parties.self, parties.other) || parties.offersAtOnce === true
    ? [State.Offering({ attempt: parties.fresh, tries }), [Command.Offer({ attempt: parties.fresh })]]
    : stay(State.Awaiting({ tries }))

const afterFailure = (parties: Parties, tries: number, reason: string): Step =>
  tries + 1 >= parties.attempts
    ? [State.Closed({ reason: `${reason} (tried ${tries + 1} times)` }), [Command.Drop()]]
    : [State.Resting({ tries: tries + 1 }), [Command.Drop()]]

const answer = (state: State, event: Extract<Event, { _tag: "Offered" }>): Step => {
  const { attempt, dialect, sdp } = event
  const replaced = attemptOf(state) === undefined ? [] : [Command.Drop()]
  const tries = "tries" in state ? state.tries : 0
  return [State.Connecting({ attempt, tries }), [...replaced, Command.Answer({ attempt, sdp, dialect })]]
}

const onOffer = (state: State, event: Extract<Event, { _tag: "Offered" }>, parties: Parties): Step => {
  switch (state._tag) {
    case "Closed":
      return stay(state)
    case "Offering":
      return initiates(parties.self, parties.other) ? [state, [Command.OfferAgain()]] : answer(state, event)
    case "Connecting":
      return state.attempt === event.attempt ? stay(state) : answer(state, event)
    case "Open":
      if (state.attempt !== event.attempt) return answer(state, event)
      return event.restart ? [state, [Command.Renew({ sdp: event.sdp })]] : stay(state)
    default:
      return answer(state, event)
  }
}

const onTimeUp = (state: State, parties: Parties): Step => {
  switch (state._tag) {
    case "Awaiting":
      return parties.otherTakesAnyOffer
        ? [
          State.Offering({ attempt: parties.fresh, tries: state.tries }),
          [Command.Offer({ attempt: parties.fresh })]
        ]
        : afterFailure(parties, state.tries, "no offer came")
    case "Offering":
      return afterFailure(parties, state.tries, "the offer was not answered")
    case "Connecting":
      return afterFailure(parties, state.tries, "the connection did not open in time")
    case "Resting":
      return begin(parties, state.tries)
    default:
      return stay(state)
  }
}

/** One step of a link's life. @category transitions */
export const step = (state: State, event: Event, parties: Parties): Step => {
  if (state._tag === "Closed") return stay(state)
  switch (event._tag) {
    case "Dial":
      return state._tag === "Idle" ? begin(parties, 0) : stay(state)
    case "Offered":
      return onOffer(state, event, parties)
    case "Answered":
      if (state._tag === "Offering" && concerns(state, event.attempt)) {
        return [
          State.Connecting({ attempt: state.attempt, tries: state.tries }),
          [Command.Complete({ sdp: event.sdp, dialect: event.dialect })]
        ]
      }
      // The answer to an offer that renews the path.
      return state._tag === "Open" && state.attempt === event.attempt
        ? [state, [Command.Complete({ sdp: event.sdp, dialect: event.dialect })]]
        : stay(state)
    case "CandidateCame":
      return "attempt" in state && concerns(state, event.attempt)
        ? [state, [Command.AddCandidate({ candidate: event.candidate })]]
        : stay(state)
    case "Rejected":
      return state._tag === "Offering" && concerns(state, event.attempt)
        ? [State.Closed({ reason: `refused: ${event.reason}` }), [Command.Drop()]]
        : stay(state)
    case "ChannelOpened":
      return state._tag === "Connecting" && state.attempt === event.attempt
        ? stay(State.Open({ attempt: state.attempt }))
        : stay(state)
    case "Lost":
      if (!("attempt" in state) || state.attempt !== event.attempt) return stay(state)
      return state._tag === "Open"
        ? [State.Closed({ reason: event.reason }), [Command.Drop()]]
        : afterFailure(parties, state.tries, event.reason)
    case "Suspected":
      // One side mends, so that restarts do not cross.
      return state._tag === "Open" && state.attempt === event.attempt && initiates(parties.self, parties.other)
        ? [state, [Command.Mend()]]
        : stay(state)
    case "TimeUp":
      return onTimeUp(state, parties)
    case "Close":
      return [State.Closed({ reason: event.reason }), [Command.Drop()]]
  }
}
