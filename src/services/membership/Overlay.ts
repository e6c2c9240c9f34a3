/**
 * Which links a peer makes, keeps and lets go, as a pure state machine: an event comes in, commands come out. No I/O, and
 * no clock or randomness of its own, so that a run with the same events and the same random numbers repeats itself.
 *
 * Peers sit on a ring by their ids. Each wants links to its nearest on both sides, which keep the network in one piece and
 * make greedy routing always able to progress, and a few long links, which keep paths short. A network small enough is
 * linked completely. The rules that keep this safe:
 *
 * - Make before break: a ring link is let go only when neither end has it among its nearest open ones, and whoever lets
 *   go names the peers to link instead.
 * - A link that the other end wants is taken from it only for a ring link, not when young, and seldom.
 * - The last two links are never given up: the nearest open ones on either side are the ring's, whatever else is known.
 * - What is lost is replaced at once from the leaf set, which neighbours exchange.
 * - PeerPigeon peers know none of this: the two nearest to such a peer link it as a leaf, and nothing is counted on it.
 *
 * Each rule has a file of its own beside this one; here they are put together, and events are handed to them.
 */
import type { Dialect } from "../../domain/Frame.ts"
import type { OverlayFrame, Routed, Wish } from "../../domain/OverlayFrame.ts"
import type { PeerId } from "../../domain/PeerId.ts"
import * as Admission from "./Admission.ts"
import * as Dialling from "./Dialling.ts"
import * as Hearsay from "./Hearsay.ts"
import * as HubCall from "./HubCall.ts"
import * as Label from "./Label.ts"
import * as LeafSet from "./LeafSet.ts"
import * as LettingGo from "./LettingGo.ts"
import * as LinkLife from "./LinkLife.ts"
import * as Links from "./Links.ts"
import * as LongLinks from "./LongLinks.ts"
import * as Meeting from "./Meeting.ts"
import * as News from "./News.ts"
import type { Command, Event } from "./OverlayEvent.ts"
import * as PigeonLinks from "./PigeonLinks.ts"
import * as Place from "./Place.ts"
import * as Refutation from "./Refutation.ts"
import * as Relay from "./Relay.ts"
import * as Requests from "./Requests.ts"
import * as RingLinks from "./RingLinks.ts"
import * as Rules from "./Rules.ts"
import * as Signals from "./Signals.ts"
import * as SpareLinks from "./SpareLinks.ts"
import * as State from "./State.ts"
import * as Timetable from "./Timetable.ts"
import * as View from "./View.ts"
import * as Ways from "./Ways.ts"

/** What a link is to both ends together. @category models */
export interface LinkView {
  readonly peer: PeerId
  readonly dialect: Dialect
  /** When it opened, in milliseconds since 1970. */
  readonly since: number
  readonly ours: Wish
  readonly theirs: Wish
}

/** @category models */
export interface Overlay extends View.View {
  /** Takes an event, and says what to do. */
  handle(event: Event): ReadonlyArray<Command>
  /** When `Due` is wanted, in milliseconds since 1970. */
  readonly dueAt: number
  /** Open links. */
  readonly links: ReadonlyArray<LinkView>
  /** Links under way. */
  readonly underway: number
  readonly label: Label.Label
  /** Another number whenever the leaf set is another. */
  readonly leafRevision: number
}

/** An overlay without links. `startedAt` is in milliseconds since 1970. @category constructors */
export const make = (options: State.Options, startedAt: number): Overlay => {
  const state = State.make(options, startedAt)
  const { peers, pigeons, random } = state
  const timetable = Timetable.make(state)
  const labels = Label.make(state.self)
  labels.round(startedAt)

  const links = Links.make(state)
  const leafSet = LeafSet.make(state)
  const hearsay = Hearsay.make(state, links, leafSet)
  const news = News.make(state, links, leafSet, hearsay, labels, timetable)

  const ways = Ways.make(state, links)
  const requests = Requests.make(state, ways, timetable)
  const place = Place.make(state, links, ways, requests)
  const signals = Signals.make(state, links, hearsay, ways)

  const dialling = Dialling.make(state, links, hearsay, timetable)
  const lettingGo = LettingGo.make(state, links, hearsay, timetable, dialling)
  const ringLinks = RingLinks.make(state, links, timetable, dialling, lettingGo, place)
  const longLinks = LongLinks.make(state, links, dialling, requests, place)
  const spareLinks = SpareLinks.make(state, links, dialling, requests)
  const pigeonLinks = PigeonLinks.make(state, links, dialling)
  const hubCall = HubCall.make(state, links, timetable)
  const refutation = Refutation.make(state, links, timetable)

  const relay = Relay.make(state, hearsay, ways, longLinks)
  const admission = Admission.make(state, links, hearsay, lettingGo, ringLinks, longLinks, pigeonLinks)
  const meeting = Meeting.make(state, links, hearsay, labels, timetable, dialling, requests, place)
  const linkLife = LinkLife.make(state, links, timetable, leafSet, hearsay, news, hubCall, longLinks, place)

  /** Brings the links nearer to what they should be. */
  const act = () => {
    timetable.looking()
    dialling.watchSlow()
    if (State.isSmall(state)) ringLinks.linkAll()
    // How far a long link goes depends on how many there are, which is known once the nearest are.
    else if (ringLinks.link()) longLinks.draw()
    spareLinks.link()
    pigeonLinks.link()
    lettingGo.trim()
    refutation.settle()
    hubCall.callIfAlone()
  }

  const onRouted = (answer: Routed) => {
    if (answer.path.length > 0) return relay.back(answer)
    const request = requests.answered(answer)
    if (request === undefined) return
    hearsay.hearLeaves(answer)
    hearsay.hear(answer.found, state.now)
    switch (request.purpose) {
      case "place":
        return place.found()
      case "draw":
        return longLinks.drawn(answer)
      case "find":
        return meeting.checked(request.target, answer)
    }
  }

  const onFrame = (from: PeerId, frame: OverlayFrame) => {
    const link = links.open.get(from)
    switch (frame.type) {
      case "neighbours":
        if (link === undefined) return
        news.take(link, frame)
        refutation.dispute(frame.lost)
        return meeting.compare(link, frame)
      case "release":
        return link === undefined ? undefined : linkLife.released(link, frame)
      case "route":
        return relay.take(from, frame)
      case "routed":
        return onRouted(frame)
      case "signal":
        return signals.take(frame)
      case "unreached":
        return signals.unreached(frame)
    }
  }

  const onRound = () => {
    timetable.nextRound()
    if (labels.round(state.now)) timetable.changed(true)
    longLinks.refill()
    leafSet.touch()
    // Whoever gives the component its name begins the wave.
    if (timetable.isUntold || labels.current.peer === state.self) news.share(true)
    dialling.giveUpOld()
    if (!place.isFound || random() < Rules.selfRouteShare) place.look()
    meeting.checkCandidate()
  }

  const onDue = () => {
    for (const { purpose, target } of requests.overdue()) if (purpose === "draw") longLinks.redraw(target)
    if (!place.isFound) place.look()
    if (state.now >= timetable.roundAt) onRound()
    if (state.now >= timetable.shareAt) news.share()
  }

  const take = (event: Event) => {
    switch (event._tag) {
      case "Introduced":
        if (hearsay.learn(event.peer, event.dialect, true)?.introducedAt !== undefined) timetable.roundSoon()
        return timetable.later(state.now + Rules.introductionDelay)
      case "Departed":
        hearsay.departed(event.peer)
        return act()
      case "Offered":
        return admission.judge(event.peer, event.dialect)
      case "LinkOpened":
        linkLife.opened(event.peer, event.dialect)
        return act()
      case "LinkClosed":
        linkLife.closed(event.peer)
        return act()
      case "LinkFailed":
        if (!links.underway.delete(event.peer)) return
        hearsay.failed(event.peer, event.reason)
        leafSet.touch()
        return act()
      case "FrameCame":
        onFrame(event.from, event.frame)
        return act()
      case "Reach":
        return signals.send(event.peer, event.signal)
      case "Due":
        onDue()
        return act()
      case "Leave":
        state.hasLeft = true
        linkLife.leave()
        return timetable.stop()
    }
  }

  const isUnderway = ({ position }: { readonly position: { readonly id: PeerId } }) => links.underway.has(position.id)

  return {
    ...View.make(state, links, ways),
    handle(event) {
      state.commands = []
      state.now = event.now
      if (state.hasLeft && event._tag !== "Offered") return state.commands
      take(event)
      for (const table of [peers, pigeons]) table.prune(state.now, isUnderway)
      if (!state.hasLeft) news.notice()
      return state.commands
    },
    get dueAt() {
      return timetable.dueAt
    },
    get links() {
      return Array.from(links.open, ([peer, link]) => ({
        peer,
        dialect: link.dialect,
        since: link.since,
        ours: links.wishOf(link),
        theirs: link.theirs
      }))
    },
    get underway() {
      return links.underway.size
    },
    get label() {
      return labels.current
    },
    get leafRevision() {
      return leafSet.revision
    }
  }
}
