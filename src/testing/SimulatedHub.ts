/**
 * A hub in memory, which speaks to peers as a real one does: it introduces newcomers, passes signals on within a
 * network, stamps who sent them, and says who left.
 */
import * as Result from "effect/Result"
import { type NetworkName, ofMessage } from "../domain/NetworkName.ts"
import type { PeerId } from "../domain/PeerId.ts"
import {
  type ClientSignal,
  decodeClientSignal,
  feature,
  type PeerFacts,
  type Relayed,
  system
} from "../domain/Signal.ts"
import { type Guest, HubRegistry } from "./HubRegistry.ts"
import type { Place, SimulatedNetwork } from "./SimulatedNetwork.ts"
import { Happening } from "./Trace.ts"
import { Watchers } from "./Watchers.ts"

/** Members that a newcomer is introduced to at most. @category constants */
export const introductions = 64

/** The close code of a connection that just broke (RFC 6455, 7.4.1). @category constants */
export const broken = 1006

/** The close code of a connection that a hub does not want (RFC 6455, 7.4.1). @category constants */
export const refused = 1008

/** A peer's end of a connection, as the hub reaches it. @category models */
export interface Line {
  readonly place: Place
  /** Says that the connection is open. */
  open(): void
  /** Sends a frame to the peer. */
  frame(text: string): void
  /** Ends the connection. */
  end(code: number): void
}

/** What a peer's end says to the hub. @category models */
export interface Admitted {
  receive(text: string): void
  /** The peer closed its end. */
  closed(): void
}

/** @category models */
export interface SimulatedHub {
  readonly url: string
  readonly place: Place
  /** Takes a peer, or `undefined` where no hub runs. */
  admit(peerId: PeerId, line: Line): Admitted | undefined
  /** Ends as a killed process does: every connection breaks, and what the hub knew is lost. */
  stop(): void
  start(): void
}

/**
 * How a hub is: ours, or PeerPigeon's, which holds one network per connection, counts nothing and lists nothing.
 *
 * @category models
 */
export type Manner = "homing" | "pigeon"

const pigeonTypes: ReadonlySet<string> = new Set(["announce", "offer", "answer", "ice-candidate", "goodbye", "ping"])

/** A running hub at a URL. @category constructors */
export const make = (network: SimulatedNetwork["Service"], url: string, manner: Manner = "homing"): SimulatedHub => {
  const place: Place = { name: url, alive: true }
  const isPigeon = manner === "pigeon"
  /** The network that each guest of a PeerPigeon hub announced last. */
  const records = new Map<Guest, NetworkName>()
  const registry = new HubRegistry()
  const watchers = new Watchers(registry)
  const lines = new Map<Guest, Line>()
  let running = true

  const changed = new Set<NetworkName>()
  let resting = false

  const tellCounts = () => {
    resting = changed.size > 0
    let told = 0
    for (const networkName of changed) told += watchers.tell(networkName, network.now())
    changed.clear()
    if (resting) network.after(Math.max(countsPeriod, told * countsPace), tellCounts)
  }

  /** Tells those who watch a network: at once when all was quiet, and then in rounds, as a real hub does. */
  const countsChanged = (networkName: NetworkName) => {
    changed.add(networkName)
    if (resting) return
    resting = true
    network.after(0, tellCounts)
  }

  const tellAll = (networkName: NetworkName, except: Guest, message: object) => {
    for (const { guest } of registry.members(networkName)) {
      if (guest !== except) guest.tell({ ...message, targetPeerId: guest.peerId })
    }
  }

  const discovered = (peerId: PeerId, facts: PeerFacts, networkName: NetworkName) => ({
    type: "peer-discovered",
    data: {
      peerId,
      isHub: facts.isHub === true,
      ...(facts.homing === undefined ? {} : { homing: facts.homing })
    },
    networkName,
    fromPeerId: system,
    timestamp: network.now()
  })

  const announce = (guest: Guest, facts: PeerFacts, networkName: NetworkName) => {
    const others = registry.members(networkName).filter((member) => member.guest.peerId !== guest.peerId)
    registry.join(networkName, { guest, facts })
    // Going around from a random member, so that each gets its turn.
    const start = Math.floor(network.between([0, others.length]))
    for (const other of [...others.slice(start), ...others.slice(0, start)].slice(0, introductions)) {
      const { peerId } = other.guest
      other.guest.tell({ ...discovered(guest.peerId, facts, networkName), targetPeerId: peerId })
      guest.tell({ ...discovered(peerId, other.facts, networkName), targetPeerId: guest.peerId })
    }
    countsChanged(networkName)
  }

  const depart = (guest: Guest, networkName: NetworkName, farewell: boolean) => {
    const member = registry.leave(networkName, guest)
    if (member === undefined) return
    const { peerId } = guest
    const timestamp = network.now()
    if (farewell) {
      tellAll(networkName, guest, {
        type: "goodbye",
        data: { peerId, timestamp },
        fromPeerId: peerId,
        networkName,
        timestamp
      })
    }
    tellAll(networkName, guest, {
      type: "peer-disconnected",
      data: { peerId, isHub: member.facts.isHub === true },
      networkName,
      fromPeerId: system,
      timestamp
    })
    countsChanged(networkName)
  }

  /** Where a signal goes. A PeerPigeon hub asks where the target is, and never whether the sender is there too. */
  const route = (networkName: NetworkName, sender: Guest, target: PeerId): Guest | undefined => {
    if (!isPigeon) return registry.route(networkName, sender, target)
    const guest = registry.members(networkName).find((member) => member.guest.peerId === target)?.guest
    return guest !== undefined && records.get(guest) === networkName ? guest : undefined
  }

  const refuse = (guest: Guest, error: string) => guest.tell({ type: "error", error, timestamp: network.now() })

  const relay = (guest: Guest, signal: Relayed) => {
    const networkName = ofMessage(signal)
    const target = route(networkName, guest, signal.targetPeerId)
    const way = { type: signal.type, from: guest.peerId, to: signal.targetPeerId }
    if (target === undefined) {
      network.note(Happening.SignalLost(way))
      return refuse(guest, `The ${signal.type} went nowhere: no such peer is in the network ${networkName} with you`)
    }
    const [from, to] = [lines.get(guest)?.place, lines.get(target)?.place]
    const apart = from !== undefined && to !== undefined && network.isCut(from, to)
    if (apart || network.chance(network.forecast.signalLoss)) return network.note(Happening.SignalLost(way))
    network.note(Happening.Signal(way))
    target.tell({
      type: signal.type,
      data: signal.data,
      fromPeerId: guest.peerId,
      targetPeerId: signal.targetPeerId,
      networkName,
      timestamp: network.now()
    })
  }

  const act = (guest: Guest, signal: ClientSignal) => {
    if (isPigeon && !pigeonTypes.has(signal.type)) return refuse(guest, `Unknown message type: ${signal.type}`)
    switch (signal.type) {
      case "offer":
      case "answer":
      case "ice-candidate":
      case "connection-rejected":
        return relay(guest, signal)
      case "announce":
        records.set(guest, ofMessage(signal))
        return announce(guest, signal.data ?? {}, ofMessage(signal))
      case "goodbye": {
        const last = isPigeon ? records.get(guest) : signal.networkName
        const names = last === undefined ? registry.networksOf(guest) : [last]
        records.delete(guest)
        for (const name of names) depart(guest, name, true)
        return
      }
      case "leave":
        return depart(guest, ofMessage(signal), false)
      case "watch":
        watchers.watch(ofMessage(signal), guest, signal.data?.waiting === true)
        watchers.tellOne(ofMessage(signal), guest, network.now())
        return countsChanged(ofMessage(signal))
      case "unwatch":
        watchers.unwatch(ofMessage(signal), guest)
        return countsChanged(ofMessage(signal))
      case "networks":
        return guest.tell({
          type: "networks",
          data: { networks: registry.list() },
          fromPeerId: system,
          timestamp: network.now()
        })
      case "ping":
        return guest.tell({ type: "pong", data: { timestamp: network.now() }, fromPeerId: system })
      case "cleanup":
      case "cleanup-all":
        return
    }
  }

  const lose = (guest: Guest) => {
    if (!lines.delete(guest)) return
    records.delete(guest)
    network.note(Happening.HubDisconnected({ peer: guest.peerId, hub: url }))
    for (const name of watchers.forget(guest)) countsChanged(name)
    for (const name of registry.networksOf(guest)) depart(guest, name, false)
  }

  const hub: SimulatedHub = {
    url,
    place,
    admit(peerId, line) {
      if (!running) return undefined
      if (isPigeon && Array.from(lines.keys()).some((guest) => guest.peerId === peerId)) {
        line.open()
        line.end(refused)
        return { receive() {}, closed() {} }
      }
      const guest: Guest = { peerId, tell: (message) => line.frame(JSON.stringify(message)) }
      lines.set(guest, line)
      line.open()
      network.note(Happening.HubConnected({ peer: peerId, hub: url }))
      guest.tell({
        type: "connected",
        data: isPigeon ? { peerId } : { peerId, homing: { version: 1, features: Object.values(feature) } },
        fromPeerId: system,
        timestamp: network.now()
      })
      const watch = () => {
        if (!lines.has(guest)) return
        // The heart of a hub beats often, and here only when it matters: where nobody answers.
        if (line.place.alive && !network.isCut(place, line.place)) return void network.after(heartbeat, watch)
        network.after(network.forecast.hubNotices, () => {
          if (!lines.has(guest)) return
          if (line.place.alive && !network.isCut(place, line.place)) return watch()
          lose(guest)
          line.end(broken)
        })
      }
      network.after(heartbeat, watch)
      return {
        receive(text) {
          if (!lines.has(guest)) return
          const signal = decodeClientSignal(JSON.parse(text))
          if (Result.isSuccess(signal)) act(guest, signal.success)
          else refuse(guest, signal.failure.message)
        },
        closed: () => lose(guest)
      }
    },
    stop() {
      if (!running) return
      running = false
      network.note(Happening.HubStopped({ hub: url }))
      registry.clear()
      records.clear()
      watchers.clear()
      for (const line of lines.values()) line.end(broken)
      lines.clear()
    },
    start() {
      if (running) return
      running = true
      network.note(Happening.HubStarted({ hub: url }))
    }
  }
  return hub
}

/** How often a hub tells counts that go on changing, in milliseconds. */
const countsPeriod = 100

/** Milliseconds more for each that is told: a thousand who watch a thousand come would be most of what a world does. */
const countsPace = 1

/** How often a hub looks after a connection, in milliseconds. */
const heartbeat = 5000
