/**
 * The actor that is a link to one peer: it feeds what happens to `LinkMachine` and carries out what that commands.
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Random from "effect/Random"
import * as Scope from "effect/Scope"
import type { Dialect } from "../../domain/Frame.ts"
import type { LinkState } from "../../domain/MeshStatus.ts"
import { initiates, type PeerId } from "../../domain/PeerId.ts"
import type { AttemptMark, PeerSignal } from "../../domain/Signal.ts"
import type { Self } from "../Supervisor.ts"
import * as Line from "./Line.ts"
import { type Attempt, type Command, Event, State, step } from "./LinkMachine.ts"
import * as OpenLink from "./OpenLink.ts"
import type { Pulse } from "./Pulse.ts"

/** What a link needs from its pool. @category models */
export interface LinkOptions extends Omit<Line.LineOptions, "tell"> {
  readonly self: PeerId
  /** Whether an offer from the smaller id is of use with this peer. */
  readonly otherTakesAnyOffer: () => boolean
  /** Beats every `probeInterval` for all links of the pool. */
  readonly pulse: Pulse
  /** Who serves frames of a type; an effect while nobody does yet. */
  readonly serverOf: OpenLink.OpenLinkOptions["serverOf"]
  /** A frame found no room, and is given up. */
  readonly refused: () => void
  readonly stateChanged: (state: LinkState) => void
  readonly opened: (link: OpenLink.OpenLink) => Effect.Effect<void>
  /** The link that was open is no longer. */
  readonly closed: (reason: string) => Effect.Effect<void>
  /** The link is closed for good; `refused` by the peer, or for any other reason. */
  readonly ended: (reason: string, refused: boolean) => Effect.Effect<void>
}

const shown: { readonly [Tag in State["_tag"]]: LinkState } = {
  Idle: "idle",
  Awaiting: "awaiting",
  Offering: "offering",
  Connecting: "connecting",
  Open: "open",
  Resting: "resting",
  Closed: "closed"
}

const newAttempt: Effect.Effect<Attempt> = Effect.map(
  Effect.all([Random.nextIntBetween(0, 0xffffffff), Random.nextIntBetween(0, 0xffffffff)]),
  (words) => words.map((word) => word.toString(16).padStart(8, "0")).join("")
)

const dialectOf = (mark: AttemptMark | undefined): Dialect => mark === undefined ? "pigeon" : "homing"

/** What a signal of the other side means to the link. @category constructors */
export const eventOf = Effect.fnUntraced(function*(signal: PeerSignal): Effect.fn.Return<Event> {
  switch (signal.type) {
    case "offer": {
      const { homing, sdp } = signal.data
      return Event.Offered({
        // A PeerPigeon peer names no attempt, and never repeats an offer.
        attempt: homing?.attempt ?? (yield* newAttempt),
        sdp,
        dialect: dialectOf(homing),
        restart: homing?.restart === true
      })
    }
    case "answer": {
      const { homing, sdp } = signal.data
      return Event.Answered({ attempt: homing?.attempt, sdp, dialect: dialectOf(homing) })
    }
    case "ice-candidate": {
      const { homing, ...candidate } = signal.data
      return Event.CandidateCame({ attempt: homing?.attempt, candidate })
    }
    case "connection-rejected":
      return Event.Rejected({ attempt: signal.data.homing?.attempt, reason: signal.data.reason })
    case "goodbye":
      return Event.Close({ reason: "the peer left the network" })
  }
})

/** The behaviour of a link's actor. Returns once the link is closed for good. @category constructors */
export const behaviour = (options: LinkOptions) =>
  Effect.fnUntraced(function*(self: Self<Event>) {
    const { other, settings } = options
    const tell = (event: Event) => void self.tell(event)
    const lineOptions: Line.LineOptions = { ...options, tell }
    const home = yield* Effect.scope
    let state: State = State.Idle()
    let line: Line.Line | undefined
    let dialect: Dialect = "homing"
    let link: OpenLink.OpenLink | undefined
    let deadline: number | undefined
    let refused = false

    // Assigned in functions below, which the compiler does not follow.
    const current = (): State => state

    const show = (state: LinkState) => {
      self.become(state)
      options.stateChanged(state)
    }

    /** How long the machine may stay in a state. */
    const patience = Effect.fnUntraced(function*(state: State) {
      switch (state._tag) {
        case "Awaiting":
          return settings.offerWait
        case "Offering":
        case "Connecting":
          return settings.connectTimeout
        case "Resting": {
          const doubled = Duration.times(settings.retryBase, 2 ** (state.tries - 1))
          return Duration.times(Duration.min(doubled, settings.retryCap), yield* Random.nextBetween(0.5, 1.5))
        }
        default:
          return undefined
      }
    })

    const enter = Effect.fnUntraced(function*(next: State) {
      state = next
      show(shown[next._tag])
      const wait = yield* patience(next)
      deadline = wait === undefined ? undefined : (yield* Clock.currentTimeMillis) + Duration.toMillis(wait)
    })

    const begin = Effect.fnUntraced(function*(line: Line.Line) {
      const channel = line.channel()
      if (channel === undefined) return
      link = yield* OpenLink.make({
        peerId: other,
        dialect,
        channel,
        settings,
        inbox: line.inbox,
        gone: line.gone,
        serverOf: options.serverOf,
        refused: options.refused,
        leads: initiates(options.self, other),
        pulse: options.pulse,
        suspected: () => tell(Event.Suspected({ attempt: line.attempt })),
        lost: (reason) => tell(Event.Lost({ attempt: line.attempt, reason }))
      }).pipe(Scope.provide(line.scope))
      yield* options.opened(link)
    })

    const drop = Effect.fnUntraced(function*(cause: Event) {
      if (line === undefined) return
      const dropped = line
      const wasOpen = link
      const reason = "reason" in cause ? cause.reason : "the peer connected anew"
      line = undefined
      link = undefined
      if (wasOpen !== undefined && cause._tag === "Close") {
        self.become("draining")
        yield* wasOpen.farewell(reason, settings.drainTimeout)
      }
      yield* Scope.close(dropped.scope, Exit.void)
      if (wasOpen !== undefined) yield* options.closed(reason)
    })

    const carryOut = Effect.fnUntraced(function*(command: Command, cause: Event) {
      switch (command._tag) {
        case "Drop":
          return yield* drop(cause)
        case "Offer":
          line = yield* Line.open(lineOptions, command.attempt, "offerer", home)
          return yield* line.offer()
        case "Answer":
          dialect = command.dialect
          line = yield* Line.open(lineOptions, command.attempt, "answerer", home)
          return yield* line.answer(command.sdp)
        case "OfferAgain":
          return yield* line?.offerAgain ?? Effect.void
        case "Mend":
          return yield* line?.offer({ restart: true }) ?? Effect.void
        case "Renew":
          return yield* line?.answer(command.sdp) ?? Effect.void
        case "Complete":
          dialect = command.dialect
          return yield* line?.complete(command.sdp) ?? Effect.void
        case "AddCandidate":
          return yield* line?.addCandidate(command.candidate) ?? Effect.void
      }
    })

    const next = Effect.gen(function*() {
      if (deadline === undefined) return yield* self.receive
      const left = deadline - (yield* Clock.currentTimeMillis)
      const event = yield* Effect.timeoutOption(self.receive, Duration.millis(Math.max(0, left)))
      return Option.getOrElse(event, () => Event.TimeUp())
    })

    // A behaviour that fails loses its connection with its scope; whoever still wants the link dials again.
    yield* Effect.addFinalizer((exit) => Exit.isFailure(exit) ? options.ended("the link failed", false) : Effect.void)
    yield* Effect.addFinalizer(() => link === undefined ? Effect.void : options.closed("the link failed"))
    show("idle")
    while (current()._tag !== "Closed") {
      const event = yield* next
      const before = current()
      const [entered, commands] = step(before, event, {
        self: options.self,
        other,
        otherTakesAnyOffer: options.otherTakesAnyOffer(),
        offersAtOnce: options.isAside(),
        attempts: settings.attempts,
        fresh: yield* newAttempt
      })
      if (entered !== before) {
        refused = event._tag === "Rejected"
        yield* enter(entered)
      }
      for (const command of commands) {
        yield* carryOut(command, event).pipe(
          Effect.timeout(settings.connectTimeout),
          Effect.catch((error) =>
            // An attempt that cannot go on is lost; a link that stands survives a bad candidate or restart.
            Effect.sync(() => {
              if ("attempt" in state && current()._tag !== "Open" && command._tag !== "AddCandidate") {
                tell(Event.Lost({ attempt: state.attempt, reason: error.message }))
              }
            })
          )
        )
      }
      if (line !== undefined && current()._tag === "Open" && before._tag !== "Open") yield* begin(line)
    }
    const end = current()
    yield* options.ended("reason" in end ? end.reason : "the link failed", refused)
  })
