/**
 * What becomes of a frame: the hot path. It runs in the socket's own callback, once per frame, and neither
 * waits nor throws.
 *
 * Two rules make networks separate. A message goes to a peer only if sender and target are both in the
 * network that it names; and the sender is the peer whose connection it came by, whatever the message says.
 */
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import type { NetworkName } from "../../domain/NetworkName.ts"
import { ofMessage } from "../../domain/NetworkName.ts"
import { type PeerId, short } from "../../domain/PeerId.ts"
import type { PeerProof } from "../../domain/PeerProof.ts"
import {
  ClientSignal,
  decodeClientSignal,
  decodeHeartbeat,
  decodeMessageType,
  type PeerFacts,
  Rejection,
  type Relayed
} from "../../domain/Signal.ts"
import { alone, type Elsewhere } from "../backplane/Backplane.ts"
import type { Guests } from "../backplane/Ties.ts"
import * as Limits from "../Limits.ts"
import type { Directory } from "./Directory.ts"
import type { Labels } from "./Labels.ts"
import type { Lookout } from "./Lookout.ts"
import type { Peer } from "./Member.ts"
import type { Registry } from "./Registry.ts"
import * as Traffic from "./Traffic.ts"
import * as Wire from "./Wire.ts"

/** A peer as the router hears it. @category models */
export interface Sender extends Peer {
  /** The networks that the peer may join or watch; any when absent. */
  readonly networks?: ReadonlySet<NetworkName> | undefined
  /** Takes its proof that it has the key of its id; only the one that it was asked for counts. */
  prove?(proof: PeerProof): void
  /** Takes a token that is to take the place of the one that the peer came with. */
  renew?(token: string): void
  /** Charges extra tokens; when `false`, the peer has been told and nothing more is due to it. */
  afford(tokens: number): boolean
  /** Whether it is the hub itself, which alone is let into the network of the hubs. */
  readonly isHub?: boolean
  /** Notes that the peer sent something that is not of the protocol; too often, and it is closed. */
  strike(): void
}

/** Where frames go in. @category models */
export interface Router {
  /** Acts on one frame. */
  receive(sender: Sender, frame: string): void
  /**
   * Takes a peer whose connection is lost out of its networks and tells those networks, and nobody else. What it
   * watched is forgotten.
   */
  lost(peer: Peer): void
  /** What it does for the peers of other hubs. */
  readonly guests: Guests
}

/** How to read the offered types in an error: one line. */
const known = Object.keys(ClientSignal.cases).join(", ")

const isRejection = Schema.is(Rejection)

/**
 * Whether a rejection may be passed on. PeerPigeon's about who initiates would break handshakes that go well;
 * a peer that marks its own knows what it does.
 */
const isRelayable = (data: unknown): boolean =>
  isRejection(data) && (data.reason === "max_peers_reached" || data.homing !== undefined)

/** The facts of all who say nothing of themselves. */
const noFacts: PeerFacts = {}

/** What is kept of what a peer says of itself: not who it is, which its connection says. */
const factsOf = ({ discoverable, homing, isHub }: PeerFacts = noFacts): PeerFacts =>
  discoverable === undefined && homing === undefined && isHub === undefined ? noFacts : {
    ...(isHub === undefined ? {} : { isHub }),
    ...(homing === undefined ? {} : { homing }),
    ...(discoverable === undefined ? {} : { discoverable })
  }

/** What a peer may say of itself: that it is a hub, only a hub. */
const ofSender = ({ isHub }: Sender, facts: PeerFacts): PeerFacts =>
  facts.isHub === undefined || facts.isHub === isHub ? facts : { ...facts, isHub: isHub === true }

/** Schema puts the path on a second line. */
const oneLine = (message: string): string => message.replaceAll(/\s*\n\s*/g, " ")

/**
 * A router over a registry. `now` gives milliseconds since 1970.
 *
 * @category constructors
 */
export const make = (options: {
  readonly registry: Registry
  readonly lookout: Lookout
  readonly directory: Directory
  readonly labels: Labels
  readonly traffic: Traffic.Traffic
  readonly now: () => number
  /** The other hubs. Default: none. */
  readonly elsewhere?: () => Pick<Elsewhere, "joined" | "left" | "labelled" | "rivals">
  /** The network of the hubs. Default: there is none. */
  readonly hubNetwork?: NetworkName
  /** Called with every peer that came into a network at another hub, and with those that come here and are there. */
  readonly contested?: (peerId: PeerId) => void
}): Router => {
  const { contested, directory, elsewhere = () => alone, hubNetwork, labels, lookout, now, registry, traffic } = options

  const refuse = (sender: Sender, reason: Traffic.Refusal, problem: string): void => {
    Traffic.refuse(traffic, reason)
    sender.send(Wire.error(problem, now()))
  }

  const malformed = (sender: Sender, problem: string): void => {
    refuse(sender, "malformed", problem)
    sender.strike()
  }

  const tell = (peers: ReadonlyArray<Peer>, frame: string): void => {
    // Those who are elsewhere are told there: without a sender nothing goes to them.
    for (const peer of peers) peer.send(Wire.addressedTo(frame, peer.peerId))
  }

  const relay = (sender: Sender, signal: Relayed): void => {
    const networkName = ofMessage(signal)
    const target = registry.route(sender, networkName, signal.targetPeerId)
    if (target === undefined) {
      return registry.has(sender, networkName)
        ? refuse(
          sender,
          "nobody-there",
          `The ${signal.type} went nowhere: no peer ${short(signal.targetPeerId)} is in the network ${networkName}`
        )
        : refuse(
          sender,
          "not-a-member",
          `The ${signal.type} went nowhere: announce yourself in the network ${networkName} first`
        )
    }
    // Data nested many thousand levels deep can be parsed, but not written again.
    const frame = Result.try(() => Wire.relayed(signal, sender.peerId, networkName, now()))
    if (Result.isFailure(frame)) return malformed(sender, `Not a valid ${signal.type}: data is nested too deeply`)
    if (target.send(frame.success, sender.peerId, true)) {
      traffic.relayed++
      // They may know each other from the mesh, and then each wants to hear that the other is gone.
      if (signal.type === "offer") registry.acquaint(sender, networkName, target)
    } else {
      refuse(
        sender,
        "nobody-there",
        `The ${signal.type} went nowhere: peer ${short(signal.targetPeerId)} is just leaving`
      )
    }
  }

  const permits = (sender: Sender, networkName: NetworkName): boolean => {
    if (sender.networks === undefined || sender.networks.has(networkName)) return true
    refuse(sender, "not-permitted", `The network ${networkName} is not among those that your token is for`)
    return false
  }

  const introduce = (newcomer: Peer, networkName: NetworkName, facts: PeerFacts): void => {
    const timestamp = now()
    const frame = Wire.discovered(newcomer.peerId, facts, networkName, timestamp)
    for (const { facts, peer } of registry.introduce(newcomer, networkName)) {
      peer.send(Wire.addressedTo(frame, peer.peerId), newcomer.peerId)
      newcomer.send(
        Wire.addressedTo(Wire.discovered(peer.peerId, facts, networkName, timestamp), newcomer.peerId),
        peer.peerId
      )
    }
  }

  const announce = (sender: Sender, networkName: NetworkName, claimed: PeerFacts): void => {
    if (!sender.afford(Limits.fanOutCost) || !permits(sender, networkName)) return
    if (networkName === hubNetwork && sender.isHub !== true) {
      return refuse(
        sender,
        "not-permitted",
        `You are not in the network ${networkName}: it is the hubs' own. A hub is let in by the others that it dials`
      )
    }
    const facts = ofSender(sender, claimed)
    if (!registry.join(sender, networkName, facts)) {
      return refuse(
        sender,
        "too-many-networks",
        `You are not in the network ${networkName}: a connection may be in ${registry.networksPerPeer} networks. Leave one first`
      )
    }
    elsewhere().joined(networkName, sender.peerId, facts)
    lookout.moved(sender, networkName)
    introduce(sender, networkName, facts)
    if (elsewhere().rivals.holds(sender.peerId)) contested?.(sender.peerId)
  }

  const depart = (peer: Peer, networkName: NetworkName, farewell: boolean): void => {
    const departure = registry.leave(peer, networkName)
    if (peer.isElsewhere !== true) elsewhere().left(networkName, peer.peerId, farewell)
    lookout.moved(peer, networkName)
    labels.left(peer, networkName)
    if (departure === undefined) return
    const { acquaintances, member } = departure
    const timestamp = now()
    if (farewell) tell(acquaintances, Wire.goodbye(peer.peerId, networkName, timestamp))
    tell(acquaintances, Wire.disconnected(peer.peerId, member.facts.isHub === true, networkName, timestamp))
  }

  /** Introduces members of two components of a network to each other, when it turns out to be split. */
  const unite = (sender: Peer, networkName: NetworkName, data: unknown): void => {
    for (const [one, other] of labels.heard(sender, networkName, data)) {
      const [member, stranger] = registry.acquaint(one, networkName, other) ?? []
      if (member === undefined || stranger === undefined) continue
      for (const [{ facts, peer }, { peer: to }] of [[member, stranger], [stranger, member]] as const) {
        to.send(Wire.addressedTo(Wire.discovered(peer.peerId, facts, networkName, now()), to.peerId), peer.peerId)
      }
    }
  }

  const heartbeat = (sender: Sender, networkName: NetworkName, data: unknown): void => {
    if (!registry.has(sender, networkName)) return
    const said = decodeHeartbeat(data)
    if (Result.isSuccess(said)) elsewhere().labelled(networkName, sender.peerId, said.success.label)
    unite(sender, networkName, data)
  }

  const goodbye = (sender: Sender, networkName: NetworkName | undefined): void => {
    if (!sender.afford(Limits.fanOutCost)) return
    if (networkName !== undefined) return depart(sender, networkName, true)
    // A page that is unloaded names no network: it leaves them all, and waits for none.
    lookout.forget(sender)
    for (const name of registry.networksOf(sender)) depart(sender, name, true)
  }

  const leave = (sender: Sender, networkName: NetworkName): void => {
    if (sender.afford(Limits.fanOutCost)) depart(sender, networkName, false)
  }

  const watch = (sender: Sender, networkName: NetworkName, waiting: boolean): void => {
    if (!sender.afford(Limits.fanOutCost) || !permits(sender, networkName)) return
    if (lookout.watch(sender, networkName, waiting)) return
    refuse(
      sender,
      "too-many-watches",
      `You do not watch the network ${networkName}: a connection may watch ${Limits.watchesPerPeer} networks. Unwatch one first`
    )
  }

  const list = (sender: Sender): void => {
    if (sender.afford(Limits.fanOutCost)) sender.send(Wire.networks(directory.listing.networks, now()))
  }

  const act = (sender: Sender, signal: ClientSignal): void => {
    switch (signal.type) {
      case "offer":
      case "answer":
      case "ice-candidate":
        return relay(sender, signal)
      case "connection-rejected":
        return isRelayable(signal.data)
          ? relay(sender, signal)
          : refuse(sender, "not-passed-on", "The connection-rejected went nowhere: only max_peers_reached is passed on")
      case "announce":
        return announce(sender, ofMessage(signal), factsOf(signal.data))
      case "goodbye":
        return goodbye(sender, signal.networkName)
      case "leave":
        return leave(sender, ofMessage(signal))
      case "watch":
        return watch(sender, ofMessage(signal), signal.data?.waiting === true)
      case "unwatch":
        return lookout.unwatch(sender, ofMessage(signal))
      case "networks":
        return list(sender)
      case "ping":
        if (signal.networkName !== undefined) heartbeat(sender, signal.networkName, signal.data)
        sender.send(Wire.pong(sender.peerId, now()))
        return
      case "prove":
        return sender.prove?.(signal.data)
      case "token":
        if (sender.afford(Limits.fanOutCost)) sender.renew?.(signal.data.token)
        return
      case "cleanup":
      case "cleanup-all":
        return
    }
  }

  /** Why a frame could not be read. A type that we do not know may be a newer peer's, and is no offence. */
  const explain = (sender: Sender, message: unknown, problem: string): void => {
    const named = decodeMessageType(message)
    if (Result.isFailure(named)) {
      return malformed(sender, "Not a valid message: expected a JSON object with a type, a string")
    }
    const { type } = named.success
    return Object.hasOwn(ClientSignal.cases, type)
      ? malformed(sender, `Not a valid ${type}: ${oneLine(problem)}`)
      : refuse(sender, "unknown-type", `Unknown type ${JSON.stringify(type.slice(0, 64))}: this hub knows ${known}`)
  }

  return {
    receive(sender, frame) {
      let message: unknown
      try {
        message = JSON.parse(frame)
      } catch {
        return malformed(sender, "Not a valid message: expected JSON")
      }
      const signal = decodeClientSignal(message)
      return Result.isSuccess(signal) ? act(sender, signal.success) : explain(sender, message, signal.failure.message)
    },
    lost(peer) {
      lookout.forget(peer)
      for (const name of registry.networksOf(peer)) depart(peer, name, false)
    },
    guests: {
      arrived(peer, networkName, facts, introduced) {
        contested?.(peer.peerId)
        // Whoever is here is here, until its connection is known to be lost.
        const holder = registry.find(networkName, peer.peerId)
        if (holder !== undefined && holder.isElsewhere !== true) return
        if (!registry.join(peer, networkName, facts)) return
        lookout.moved(peer, networkName)
        if (introduced) introduce(peer, networkName, facts)
      },
      departed: depart,
      labelled(peer, networkName, label) {
        if (registry.has(peer, networkName)) unite(peer, networkName, { label })
      },
      counted: lookout.counted,
      deliver(networkName, target, from, frame) {
        const member = registry.find(networkName, target)
        if (member === undefined || member.isElsewhere === true || !member.send(frame)) return false
        if (from !== undefined) registry.acquaint(member, networkName, from)
        return true
      },
      undelivered(networkName, from, target) {
        const member = registry.find(networkName, from)
        if (member === undefined || member.isElsewhere === true) return
        Traffic.refuse(traffic, "nobody-there")
        member.send(
          Wire.error(`It went nowhere: peer ${short(target)} is no longer in the network ${networkName}`, now())
        )
      }
    }
  }
}
