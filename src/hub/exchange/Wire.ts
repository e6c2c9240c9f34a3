/**
 * The text of what a hub says. A frame for several peers is written once, and each receiver's id is
 * appended to it.
 */
import type { NetworkName } from "../../domain/NetworkName.ts"
import type { PeerId } from "../../domain/PeerId.ts"
import type { Nonce } from "../../domain/PeerProof.ts"
import {
  feature,
  type HubSignal,
  type IceServer,
  type NetworkCounts,
  type NetworkSummary,
  type PeerFacts,
  type Relayed,
  system
} from "../../domain/Signal.ts"
import * as Limits from "../Limits.ts"

/** The version of our additions to the protocol. @category constants */
export const version = 1

/** What this hub can do beyond PeerPigeon's. @category constants */
export const features: ReadonlyArray<string> = Object.values(feature)

const encode = (signal: HubSignal): string => JSON.stringify(signal)

/** A frame with its receiver. The frame is a JSON object with at least one field. @category combinators */
export const addressedTo = (frame: string, target: PeerId): string =>
  `${frame.slice(0, -1)},"targetPeerId":"${target}"}`

/** What a greeting says to one peer alone. @category models */
export interface Terms {
  /** What it is to prove by that it has the key of its id. */
  readonly challenge?: Nonce | undefined
  /** How many milliseconds its token allows it to stay. */
  readonly expiresIn?: number | undefined
}

/** Greets a peer, and names the STUN and TURN servers it may use. @category constructors */
export const connected = (
  peerId: PeerId,
  timestamp: number,
  iceServers?: ReadonlyArray<IceServer>,
  { challenge, expiresIn }: Terms = {}
): string =>
  encode({
    type: "connected",
    data: {
      peerId,
      homing: {
        version,
        features,
        ...challenge === undefined ? {} : { challenge },
        ...expiresIn === undefined ? {} : { expiresIn }
      },
      ...iceServers === undefined ? {} : { iceServers }
    },
    fromPeerId: system,
    timestamp
  })

/** Says for how many milliseconds a fresh token allows a peer to stay. @category constructors */
export const token = (expiresIn: number, timestamp: number): string =>
  encode({ type: "token", data: { expiresIn }, fromPeerId: system, timestamp })

/** Asks a peer to prove that it has the key of its id, before it is greeted. @category constructors */
export const challenge = (nonce: Nonce, timestamp: number): string =>
  encode({ type: "challenge", data: { nonce }, fromPeerId: system, timestamp })

/** Names the STUN and TURN servers anew. @category constructors */
export const iceServers = (iceServers: ReadonlyArray<IceServer>, timestamp: number): string =>
  encode({ type: "ice-servers", data: { iceServers }, fromPeerId: system, timestamp })

/**
 * Introduces a peer with what it said of itself, except who it is: that, its connection says.
 *
 * @category constructors
 */
export const discovered = (peerId: PeerId, facts: PeerFacts, networkName: NetworkName, timestamp: number): string =>
  encode({
    type: "peer-discovered",
    data: {
      peerId,
      isHub: facts.isHub === true,
      ...(facts.homing === undefined ? {} : { homing: facts.homing })
    },
    networkName,
    fromPeerId: system,
    timestamp
  })

/** Passes a signal on, as it is, from the peer whose connection it came by. @category constructors */
export const relayed = (signal: Relayed, fromPeerId: PeerId, networkName: NetworkName, timestamp: number): string =>
  JSON.stringify({
    type: signal.type,
    data: signal.data,
    fromPeerId,
    targetPeerId: signal.targetPeerId,
    networkName,
    timestamp
  })

/** A peer takes leave of a network, on its own behalf. @category constructors */
export const goodbye = (fromPeerId: PeerId, networkName: NetworkName, timestamp: number): string =>
  encode({ type: "goodbye", data: { peerId: fromPeerId, timestamp }, fromPeerId, networkName, timestamp })

/** A peer is in a network no more. @category constructors */
export const disconnected = (peerId: PeerId, isHub: boolean, networkName: NetworkName, timestamp: number): string =>
  encode({ type: "peer-disconnected", data: { peerId, isHub }, networkName, fromPeerId: system, timestamp })

/** Tells those who watch a network how many are there, and how many wait for it. @category constructors */
export const networkCounts = (
  networkName: NetworkName,
  { present, waiting }: NetworkCounts,
  timestamp: number
): string => encode({ type: "network-counts", data: { present, waiting }, networkName, fromPeerId: system, timestamp })

/** Lists networks. @category constructors */
export const networks = (networks: ReadonlyArray<NetworkSummary>, timestamp: number): string =>
  encode({ type: "networks", data: { networks }, fromPeerId: system, timestamp })

/** Answers a ping. @category constructors */
export const pong = (target: PeerId, timestamp: number): string =>
  addressedTo(encode({ type: "pong", data: { timestamp }, fromPeerId: system, timestamp }), target)

/** This hub is about to go; `hubs` are others to go to. @category constructors */
export const hubClosing = (reason: string, timestamp: number, hubs: ReadonlyArray<string> = []): string =>
  encode({
    type: "hub-closing",
    data: { reason, ...hubs.length === 0 ? {} : { hubs } },
    fromPeerId: system,
    timestamp
  })

/** Says what was refused and why. @category constructors */
export const error = (problem: string, timestamp: number): string =>
  encode({ type: "error", error: problem.slice(0, Limits.errorLength), timestamp })
