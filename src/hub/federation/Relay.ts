/**
 * A hub among hubs that are linked with some of the others: what it does with each message, and to whom it passes it on.
 *
 * News is flooded, each once: a hub passes on what was new to it. A signal goes one way only, hop by hop to the hub that
 * holds its target; each hub acts on it once.
 *
 * Admitted hubs are believed, within bounds. A neighbour speaks for itself: while it does, what others say in its name is
 * not listened to, but that it begins a new life. A signal is handed over only when the hub it set out from holds the peer
 * it says it is from. And whoever has this hub do more than its quota is read from more slowly.
 *
 * No I/O: links and the time are given. Its parts have files of their own in `relay`: the links (`Neighbours`), the way to a
 * hub (`Ways`), what was seen (`Seen`), and what a neighbour may spend (`Quota`).
 */
import * as Result from "effect/Result"
import type { PeerId } from "../../domain/PeerId.ts"
import { type Counts, type Elsewhere, type House, type HubView, known, viewOf } from "../backplane/Backplane.ts"
import * as Claims from "../backplane/Claims.ts"
import * as HubMessage from "../backplane/HubMessage.ts"
import * as Presence from "../backplane/Presence.ts"
import type { Life } from "../backplane/presence/Lives.ts"
import * as Neighbours from "./relay/Neighbours.ts"
import * as Quota from "./relay/Quota.ts"
import * as Seen from "./relay/Seen.ts"
import * as Ways from "./relay/Ways.ts"

export type { Carrier, Link } from "./relay/Neighbours.ts"

/** A link in use. @category models */
export interface Linked {
  /** Takes what came by it. What cannot be read is counted, and nothing else. */
  receive(message: string): void
  /** Uses it no more. What it took and may not have sent goes by another way; whoever has it knows it again. */
  unlink(unsent?: ReadonlyArray<string>): void
}

/** @category models */
export interface Relay {
  readonly presence: Presence.Presence
  /** Whether there is room for a link to a hub. */
  hasRoom(hub: PeerId): boolean
  /** Uses a link to an admitted hub. */
  linked(hub: PeerId, link: Neighbours.Link): Linked
  /** Tells the neighbours what changed here. */
  flush(): void
  /** Tells the neighbours that this hub lives, and forgets those that do not. */
  beat(): void
  /** Takes leave of everybody. */
  leave(): void
  /** Reads on from those that were held back and have made up for it; says whether others still are. */
  release(): boolean
  /** The neighbours, and how each is linked. */
  readonly neighbours: ReadonlyMap<PeerId, ReadonlyArray<Neighbours.Link>>
  readonly elsewhere: Omit<Elsewhere, "hubs" | "health" | "counts">
  readonly hubs: ReadonlyArray<HubView>
  readonly counts: Readonly<Counts>
}

const isDirected = HubMessage.HubMessage.isAnyOf(["signal", "claim", "verdict"])

/** For how long it is said of a hub that it was held back, in milliseconds. */
const remembered = 60_000

/**
 * A hub without neighbours. `changed` is called when there is something to flush, and `held` when a neighbour is held back:
 * then `release` is to be called now and then.
 *
 * @category constructors
 */
export const make = (options: {
  readonly hub: PeerId
  readonly incarnation: number
  readonly silence: number
  readonly now: () => number
  readonly house: House
  readonly changed: () => void
  readonly held?: (hub: PeerId) => void
}): Relay => {
  const { changed, held = () => undefined, house, hub: self, now } = options
  const presence = Presence.make(options)
  const neighbours = Neighbours.make(options)
  const ways = Ways.make(options)
  const quota = Quota.make(now)
  const seen = Seen.make()
  const counts = { forwarded: 0, delivered: 0, lost: 0, repeated: 0, malformed: 0, unfounded: 0 }
  let numbered = 0

  /** What a neighbour's message costs beyond reading it. */
  let spent = 0

  const tellAll = (message: HubMessage.HubMessage, except?: PeerId): void => {
    if (neighbours.all.size > 0) spent += neighbours.tellAll(HubMessage.encode(message), except)
  }

  const hear = (news: ReadonlyArray<Presence.News>): void => {
    for (const item of news) if (item._tag === "HubWent" && item.why !== "restarted") ways.forget(item.hub)
    if (news.length > 0) house.hear(news)
  }

  /** Whether somebody says in another's name what that would say itself. That it begins a new life, anybody may hear first. */
  const isHearsay = (from: PeerId, life: Life): boolean => life.hub !== from && ways.speaksForItself(life)

  // ------------------------------------------------------------------------------------------------
  // signals
  // ------------------------------------------------------------------------------------------------

  const pass = (message: HubMessage.Directed, from: PeerId | undefined): boolean => {
    const text = HubMessage.encode(message)
    return ways.to(message.to, from).some((neighbour) => neighbours.tell(neighbour, text))
  }

  const claims = Claims.make(presence, (claim) => void pass({ ...claim, number: numbered++ }, undefined))

  /** Sends a neighbour what it may not have; a signal by whatever way there is, and of all else it asks for what it lacks. */
  const sendAgain = (hub: PeerId, message: string): void => {
    if (neighbours.tell(hub, message)) return
    const read = HubMessage.decode(message)
    if (Result.isSuccess(read) && isDirected(read.success)) pass(read.success, undefined)
  }

  const deliver = (signal: HubMessage.Signal): void => {
    const { envelope } = signal
    if (!presence.holds(signal, envelope.network, envelope.from)) counts.unfounded++
    else if (house.deliver(envelope)) counts.delivered++
    else counts.lost++
  }

  const hearClaim = ({ age, claim, hub, peer, proven }: HubMessage.ClaimMessage): void => {
    const { incarnation } = presence
    house.claimed(
      { peerId: peer, proven, age },
      (held) =>
        void pass({ type: "verdict", hub: self, incarnation, number: numbered++, to: hub, claim, held }, undefined)
    )
  }

  /** What came for this hub. */
  const take = (message: HubMessage.Directed): void => {
    switch (message.type) {
      case "signal":
        return deliver(message)
      case "claim":
        return hearClaim(message)
      case "verdict":
        return claims.hear(message)
    }
  }

  const hearDirected = (from: PeerId, message: HubMessage.Directed): void => {
    const { hub, incarnation, number, to } = message
    if (hub === self || seen(`${hub}/${incarnation}/${number}`)) counts.repeated++
    else if (isHearsay(from, message)) counts.unfounded++
    else if (to === self) take(message)
    else if (pass(message, from)) {
      spent++
      counts.forwarded++
    } else counts.lost++
  }

  const hearWord = (from: PeerId, word: HubMessage.Word): void => {
    const { hub, incarnation, label, network, number, peer } = word
    if (hub === self || isHearsay(from, word) || seen(`${hub}/${incarnation}/${number}`)) return
    if (!presence.holds(word, network, peer)) return void counts.unfounded++
    tellAll(word, from)
    house.labelled(network, peer, label)
  }

  // ------------------------------------------------------------------------------------------------
  // presence
  // ------------------------------------------------------------------------------------------------

  const hearPresence = (from: PeerId, link: Neighbours.Link, message: HubMessage.PresenceMessage): void => {
    if (message.type === "beat" && message.hub !== self) ways.heard(from, message)
    // Whoever asks for another's changes says nothing in its name.
    if (message.type !== "want" && isHearsay(from, message)) return
    const { news, relay, replies } = presence.hear(message, from)
    for (const reply of replies) {
      spent += Quota.costOfReply(reply)
      neighbours.tell(from, HubMessage.encode(reply))
    }
    for (const item of relay) tellAll(item, from)
    if (message.type === "beat") {
      if (!presence.knows(message.hub)) ways.forget(message.hub)
      // Links to its last life lead nowhere.
      if (news.some((item) => item._tag === "HubWent" && item.hub === message.hub)) {
        neighbours.closeOthers(message.hub, link)
      }
    }
    hear(news)
  }

  const act = (from: PeerId, link: Neighbours.Link, message: HubMessage.HubMessage): void => {
    switch (message.type) {
      case "signal":
      case "claim":
      case "verdict":
        return hearDirected(from, message)
      case "word":
        return hearWord(from, message)
      default:
        return hearPresence(from, link, message)
    }
  }

  /** What came is acted on, whatever it costs; if that was too much, nothing is read until it is made up for. */
  const receive = (from: PeerId, link: Neighbours.Link, text: string): void => {
    neighbours.heard(link)
    const read = HubMessage.decode(text)
    const message = Result.isSuccess(read) ? read.success : undefined
    spent = Quota.costOf(text.length, message)
    if (message === undefined) counts.malformed++
    else act(from, link, message)
    if (!quota.charge(from, spent)) return
    for (const each of neighbours.all.get(from) ?? []) each.pause()
    held(from)
  }

  const flush = (): void => {
    for (const delta of presence.flush()) tellAll(delta)
  }

  /** What is wrong with a hub that is connected. */
  const problemOf = (hub: PeerId): string | undefined => {
    const held = quota.of(hub)
    return held !== undefined && (held.now || now() - held.since < remembered)
      ? `it says more than a hub may, and is held back; that happened ${held.times} times`
      : undefined
  }

  return {
    presence,
    neighbours: neighbours.all,
    get counts() {
      return { ...counts, held: quota.times }
    },
    hasRoom: neighbours.hasRoom,
    linked(hub, link) {
      let isOver = false
      neighbours.add(hub, link)
      if (quota.isHeld(hub)) link.pause()
      for (const beat of presence.beats()) link.send(HubMessage.encode(beat))
      return {
        receive(message) {
          if (!isOver) receive(hub, link, message)
        },
        unlink(unsent = []) {
          if (isOver) return
          isOver = true
          if (neighbours.remove(hub, link)) ways.lose(hub)
          for (const message of unsent) sendAgain(hub, message)
        }
      }
    },
    flush,
    beat() {
      flush()
      neighbours.tellByAll(HubMessage.encode(presence.beat(house.about())))
      neighbours.closeSilent()
      quota.tidy((hub) => neighbours.all.has(hub))
      hear(presence.tick())
    },
    leave: () => tellAll(presence.farewell()),
    release() {
      for (const hub of quota.release()) for (const link of neighbours.all.get(hub) ?? []) link.resume()
      return quota.isAnyHeld
    },
    elsewhere: {
      rivals: claims.rivals,
      ...known(presence, house, {
        changed,
        say(word) {
          // Who that is, first.
          flush()
          tellAll({ ...word, number: numbered++ })
        }
      }),
      send(envelope) {
        const resident = presence.roster.locate(envelope.network, envelope.target, self)
        if (resident === undefined) return false
        // What the others have to know first, to let the target answer.
        flush()
        return pass({
          type: "signal",
          hub: self,
          incarnation: presence.incarnation,
          number: numbered++,
          to: resident.hub,
          envelope
        }, undefined)
      }
    },
    get hubs() {
      return presence.hubs.map((known) => {
        const [link] = neighbours.all.get(known.hub) ?? []
        const since = link === undefined ? undefined : neighbours.openedAt(link)
        return viewOf(known, link?.carrier ?? "relayed", { since, problem: problemOf(known.hub) })
      })
    }
  }
}
