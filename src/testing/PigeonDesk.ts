/**
 * A desk that answers as PeerPigeon's hub does: one network per connection, no counts and no list; everybody is introduced
 * to everybody and told of every departure.
 */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import { type NetworkName, ofMessage } from "../domain/NetworkName.ts"
import type { PeerId } from "../domain/PeerId.ts"
import { type ClientSignal, decodeClientSignal, type PeerFacts, type Relayed, system } from "../domain/Signal.ts"
import * as Wire from "../hub/exchange/Wire.ts"
import { type Desk, type DeskOptions, type Guest, isRelayed } from "./HubDesk.ts"

interface Member {
  readonly guest: Guest
  readonly facts: PeerFacts
}

const known: ReadonlySet<string> = new Set(["announce", "offer", "answer", "ice-candidate", "goodbye", "ping"])

/** @category constructors */
export const make = ({ carrier, now }: Pick<DeskOptions, "carrier" | "now">): Desk => {
  const networks = new Map<NetworkName, Map<PeerId, Member>>()
  /** The network that each guest announced last. */
  const records = new Map<Guest, NetworkName>()

  const others = (networkName: NetworkName, self: PeerId): ReadonlyArray<Member> =>
    Array.from(networks.get(networkName)?.values() ?? []).filter(({ guest }) => guest.peerId !== self)

  const tellOthers = (networkName: NetworkName, self: PeerId, frame: string) => {
    for (const { guest } of others(networkName, self)) guest.send(Wire.addressedTo(frame, guest.peerId))
  }

  const refuse = (guest: Guest, problem: string) => guest.send(Wire.error(problem, now()))

  const announce = (guest: Guest, facts: PeerFacts, networkName: NetworkName) => {
    const { peerId } = guest
    records.set(guest, networkName)
    networks.set(networkName, (networks.get(networkName) ?? new Map<PeerId, Member>()).set(peerId, { guest, facts }))
    tellOthers(networkName, peerId, Wire.discovered(peerId, facts, networkName, now()))
    for (const { facts, guest: { peerId: other } } of others(networkName, peerId)) {
      guest.send(Wire.addressedTo(Wire.discovered(other, facts, networkName, now()), peerId))
    }
  }

  const depart = (guest: Guest, networkName: NetworkName, farewell: boolean) => {
    const { peerId } = guest
    const member = networks.get(networkName)?.get(peerId)
    if (member?.guest !== guest) return
    networks.get(networkName)?.delete(peerId)
    if (farewell) tellOthers(networkName, peerId, Wire.goodbye(peerId, networkName, now()))
    tellOthers(networkName, peerId, Wire.disconnected(peerId, member.facts.isHub === true, networkName, now()))
  }

  const departAll = (guest: Guest, farewell: boolean) => {
    for (const networkName of networks.keys()) depart(guest, networkName, farewell)
  }

  /** Asks where the target is, and never whether the sender is there too. */
  const relay = (guest: Guest, signal: Relayed) => {
    const networkName = ofMessage(signal)
    const target = networks.get(networkName)?.get(signal.targetPeerId)?.guest
    if (target === undefined || records.get(target) !== networkName) {
      carrier.lost(signal, guest)
      return refuse(guest, `The ${signal.type} went nowhere: no such peer is in the network ${networkName} with you`)
    }
    if (carrier.carries(signal, guest, target)) {
      target.send(Wire.relayed(signal, guest.peerId, networkName, now()))
    }
  }

  const act = (guest: Guest, signal: ClientSignal) => {
    if (!known.has(signal.type)) return refuse(guest, `Unknown message type: ${signal.type}`)
    if (isRelayed(signal)) return relay(guest, signal)
    if (signal.type === "announce") return announce(guest, signal.data ?? {}, ofMessage(signal))
    if (signal.type === "ping") return guest.send(Wire.pong(guest.peerId, now()))
    if (signal.type !== "goodbye") return
    const networkName = records.get(guest)
    records.delete(guest)
    return networkName === undefined ? departAll(guest, true) : depart(guest, networkName, true)
  }

  return {
    greeting: (peerId) => JSON.stringify({ type: "connected", data: { peerId }, fromPeerId: system, timestamp: now() }),
    receive(guest, text) {
      const signal = decodeClientSignal(JSON.parse(text))
      if (Result.isSuccess(signal)) act(guest, signal.success)
      else refuse(guest, signal.failure.message)
    },
    lost(guest) {
      records.delete(guest)
      departAll(guest, false)
    },
    serve: Effect.never
  }
}
