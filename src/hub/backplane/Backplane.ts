/**
 * How the hubs of one deployment reach each other, so that they are one hub to their peers.
 *
 * `local` is a hub on its own, `mesh` are hubs linked with each other, and `nats` are hubs on an existing NATS server or
 * cluster. A hub tells its backplane who is here, and hears who is elsewhere; a signal for a peer elsewhere is handed
 * over, and dies quietly when nobody holds that peer.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import type { NetworkName } from "../../domain/NetworkName.ts"
import type { PeerId } from "../../domain/PeerId.ts"
import type { PeerFacts } from "../../domain/Signal.ts"
import * as Claims from "./Claims.ts"
import type { Claim, Rivals } from "./Claims.ts"
import type { About, Envelope, Word } from "./HubMessage.ts"
import type { KnownHub, News, Presence } from "./Presence.ts"
import * as Spokesmen from "./Spokesmen.ts"

/** A hub as its backplane sees it. All of it returns at once and never throws. @category models */
export interface House {
  /** Hands a frame to a member here; `false` when nobody here is that. */
  deliver(envelope: Envelope): boolean
  /** A frame that was handed over came to nobody after all. */
  undelivered(envelope: Envelope): void
  /** What became different elsewhere, in order. */
  hear(news: ReadonlyArray<News>): void
  /** A peer elsewhere said in which component of a network it is. */
  labelled(networkName: NetworkName, peerId: PeerId, label: PeerId): void
  /** Another hub has a connection of a peer, or would let it in: `answer` says whether a peer here keeps that id. */
  claimed(claim: Claim, answer: (held: boolean) => void): void
  /** What to say of this hub to the others. */
  about(): About
  /** Lets the hub itself in as a peer, who may be on the hubs' own network. `hear` gets the frames, and must not speak. */
  visit(peerId: PeerId, hear: (frame: string) => void): { say(frame: string): void; leave(): void }
}

/** How another hub is connected with this one. @category models */
export type Connection =
  /** A link of its own. */
  | "webrtc"
  | "websocket"
  /** Across other hubs. */
  | "relayed"
  | "nats"
  /** It may not or cannot be connected; `problem` says why. */
  | "refused"

/** A hub that this one knows of. Times are in milliseconds since 1970. @category models */
export interface HubView {
  /** Absent while all that is known is an address. */
  readonly hub?: PeerId
  /** Where peers and hubs reach it. */
  readonly url?: string
  /** Where it came from, of one that was refused. */
  readonly address?: string
  readonly connection: Connection
  /** When it was met in this life of it. */
  readonly metAt?: number
  /** Since when it is connected in this way. */
  readonly connectedAt?: number
  /** When it was heard last. */
  readonly lastHeard?: number
  /** Memberships that it holds. */
  readonly memberships?: number
  /** Why it is not connected, or what is wrong although it is. */
  readonly problem?: string
}

/** What became of what hubs said to this one. @category models */
export interface Counts {
  /** Signals of other hubs that were passed on to another. */
  readonly forwarded: number
  /** Signals from elsewhere that came to a peer here. */
  readonly delivered: number
  /** Signals from elsewhere whose target is gone, or that no way led on. */
  readonly lost: number
  /** Signals that came here twice. */
  readonly repeated: number
  /** Messages that could not be read. */
  readonly malformed: number
  /** What hubs said of peers that they do not hold, or in the name of others. */
  readonly unfounded: number
  /** Times that a hub was held back, since it said more than it may. */
  readonly held: number
}

/** Nothing was said. @category constants */
export const nothingCounted: Counts = {
  forwarded: 0,
  delivered: 0,
  lost: 0,
  repeated: 0,
  malformed: 0,
  unfounded: 0,
  held: 0
}

/** Whether the backplane does what it should. @category models */
export type Health =
  | { readonly _tag: "Well" }
  | { readonly _tag: "Degraded"; readonly problem: string }

/** All hubs but this one, to this one. Everything but `send` is answered from what is known here. @category models */
export interface Elsewhere {
  /** A peer came into a network here, or announced itself there again. */
  joined(networkName: NetworkName, peerId: PeerId, facts: PeerFacts): void
  /** A peer left a network here; `farewell` when it took leave itself. */
  left(networkName: NetworkName, peerId: PeerId, farewell: boolean): void
  /** So many peers here wait for a network. */
  waits(networkName: NetworkName, count: number): void
  /** What a peer here says of the component of a network that it is in. */
  labelled(networkName: NetworkName, peerId: PeerId, label: PeerId): void
  /** How many wait for a network elsewhere. */
  waiting(networkName: NetworkName): number
  /** The other hubs, as far as they may have a peer that is here. */
  readonly rivals: Rivals
  /** Hands a frame over for a peer elsewhere; `false` when as far as is known nobody holds it. Never throws. */
  send(envelope: Envelope): boolean
  /** The hubs that are known, this one left out. */
  readonly hubs: ReadonlyArray<HubView>
  readonly health: Health
  /** Since this hub began. */
  readonly counts: Counts
}

/** @category services */
export class Backplane extends Context.Service<Backplane, {
  readonly kind: "local" | "mesh" | "nats"
  /** This hub's id among hubs. */
  readonly hub: PeerId
  /** Brings a hub together with the others until the scope closes; then they are told at once that it is gone. */
  open(house: House): Effect.Effect<Elsewhere, never, Scope.Scope>
}>()("homing/hub/Backplane") {
  /** One hub on its own: nobody is elsewhere. @category layers */
  static readonly layerLocal = (hub: PeerId): Layer.Layer<Backplane> =>
    Layer.succeed(Backplane, { kind: "local", hub, open: () => Effect.succeed(alone) })
}

const ignore = (): void => undefined

/** Nobody elsewhere. @category constructors */
export const alone: Elsewhere = {
  joined: ignore,
  left: ignore,
  waits: ignore,
  labelled: ignore,
  waiting: () => 0,
  rivals: Claims.none,
  send: () => false,
  hubs: [],
  health: { _tag: "Well" },
  counts: nothingCounted
}

/**
 * What of `Elsewhere` follows from presence. `changed` is called when there is something to flush, and `say` with what
 * other hubs are to hear.
 *
 * @category constructors
 */
export const known = (
  presence: Presence,
  house: Pick<House, "hear">,
  to: { readonly changed: () => void; readonly say: (word: Omit<Word, "number">) => void }
): Pick<Elsewhere, "joined" | "left" | "labelled" | "waits" | "waiting"> => {
  const { hub, roster } = presence
  const { changed, say } = to
  const spokesmen = Spokesmen.make()
  return {
    joined(networkName, peerId, facts) {
      presence.put(networkName, peerId, facts)
      changed()
    },
    left(networkName, peerId, farewell) {
      presence.drop(networkName, peerId, farewell)
      spokesmen.left(networkName, peerId)
      changed()
      // It may have gone to another hub before this one noticed.
      const there = roster.locate(networkName, peerId, hub)
      if (there !== undefined) house.hear([{ _tag: "Arrived", networkName, peerId, facts: there.facts, bulk: true }])
    },
    labelled(networkName, peerId, label) {
      if (!roster.isElsewhere(networkName, hub)) return
      if (!spokesmen.speaks(networkName, peerId, label)) return
      say({ type: "word", hub, incarnation: presence.incarnation, network: networkName, peer: peerId, label })
    },
    waits(networkName, count) {
      presence.wait(networkName, count)
      changed()
    },
    waiting: (networkName) => roster.waiting(networkName, hub)
  }
}

/** A hub as others describe it, connected in that way. @category constructors */
export const viewOf = (
  { about, heardAt, hub, leftOut, memberships, metAt }: KnownHub,
  connection: Connection,
  more: { readonly since?: number | undefined; readonly problem?: string | undefined } = {}
): HubView => {
  const problem = more.problem ??
    (leftOut === 0 ? undefined : `it holds more than fits here: ${leftOut} of its memberships are not known`)
  return {
    hub,
    ...(about.url === undefined ? {} : { url: about.url }),
    connection,
    metAt,
    connectedAt: more.since ?? metAt,
    lastHeard: heardAt,
    memberships,
    ...(problem === undefined ? {} : { problem })
  }
}
