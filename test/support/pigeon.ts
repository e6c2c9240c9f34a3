/**
 * A peer that behaves as PeerPigeon 1.1.3's documented behaviour says, in the simulated world: its own words to the hub, at
 * most three links, gossip that is flooded, direct messages to the neighbour that is nearest by XOR, and a hash table that
 * knows neighbours alone. What it is sent and does not know, it counts.
 */
import { Context, Deferred, Effect, Exit, Layer, Queue, Scope } from "effect"
import { WebSocketConstructor } from "effect/socket/Socket"
import type { Packet } from "../../src/domain/Frame.ts"
import type { NetworkName } from "../../src/domain/NetworkName.ts"
import { byDistanceTo, PeerId, xorDistance } from "../../src/domain/PeerId.ts"
import type { Candidate } from "../../src/domain/Signal.ts"
import { type Channel, type Connection, WebRtc } from "../../src/services/WebRtc.ts"
import { World } from "../../src/testing/World.ts"

/** The most links that it has. */
export const maxPeers = 3

/** A message that it showed its user. */
export interface Heard {
  readonly from: string
  readonly content: unknown
  readonly direct: boolean
}

interface Link {
  readonly connection: Connection
  readonly scope: Scope.Closeable
  channel: Channel | undefined
}

interface Kept {
  readonly value: unknown
  readonly timestamp: number
}

interface Gossip {
  readonly id: string
  readonly subtype: string
  readonly from: string
  readonly to?: string
  readonly content: unknown
  readonly networkName?: string
  readonly ttl: number
  readonly path: ReadonlyArray<string>
}

interface HubFrame {
  readonly type: string
  readonly networkName?: string
  readonly fromPeerId?: string
  readonly targetPeerId?: string
  readonly data: Candidate & { readonly peerId: string; readonly sdp: string }
}

interface DhtData extends Kept {
  readonly key: string
  readonly requestId: string
  readonly found: boolean
  readonly data: Kept | null
}

const gossipSubtypes = new Set(["chat", "dm", "key_exchange", "peer-announcement", "mediaEvent"])

/** Joins a network, and is in it until the scope closes. */
export const pigeon = Effect.fnUntraced(function*(self: PeerId, networkName: NetworkName) {
  const world = yield* World
  const scope = yield* Effect.scope
  const context = yield* Layer.build(Layer.fresh(world.edges(self)))
  const webRtc = Context.get(context, WebRtc)
  const socket = Context.get(context, WebSocketConstructor)(world.hub.url)
  const links = new Map<PeerId, Link>()
  const seen = new Set<string>()
  const heard: Array<Heard> = []
  const unknown: Array<string> = []
  const kept = new Map<string, Kept>()
  const queries = new Map<string, Deferred.Deferred<Kept | undefined>>()
  const mail = yield* Queue.unbounded<() => Effect.Effect<unknown, unknown>>()
  let serial = 0

  const signal = (type: string, data: unknown, to?: PeerId) =>
    socket.send(
      JSON.stringify({ type, data, maxPeers, networkName, ...(to === undefined ? {} : { targetPeerId: to }) })
    )

  const open = () =>
    Array.from(links).flatMap(([peer, { channel }]) => channel === undefined ? [] : [{ peer, channel }])
  const sendTo = (peer: PeerId, message: object) =>
    Effect.ignore(links.get(peer)?.channel?.send(JSON.stringify(message)) ?? Effect.void)

  // ------------------------------------------------------------------------------------------------
  // gossip and the hash table
  // ------------------------------------------------------------------------------------------------

  const forward = (message: Gossip, previous: PeerId | undefined) => {
    const neighbours = open().map(({ peer }) => peer).filter((peer) => peer !== previous)
    const { to } = message
    const targets = message.subtype === "dm" && to !== undefined
      ? neighbours.toSorted(byDistanceTo(PeerId.make(to), xorDistance)).slice(0, 1)
      : neighbours
    return message.ttl <= 0
      ? Effect.void
      : Effect.forEach(targets, (peer) => sendTo(peer, { type: "gossip", ...message }), { discard: true })
  }

  const onGossip = (message: Gossip, previous: PeerId) => {
    if (!gossipSubtypes.has(message.subtype)) unknown.push(`gossip ${message.subtype}`)
    const { content, from, id, networkName: network = "global", path, subtype, to, ttl } = message
    if (network !== networkName || seen.has(id) || ttl <= 0 || path.includes(self)) return Effect.void
    seen.add(id)
    const isForUs = subtype === "dm" && to?.toLowerCase() === self
    if (isForUs || subtype === "chat") heard.push({ from, content, direct: subtype === "dm" })
    return isForUs ? Effect.void : forward({ ...message, ttl: ttl - 1, path: [...path, self] }, previous)
  }

  const gossip = (subtype: string, content: unknown, to?: string) => {
    const id = `${self.slice(0, 24)}${String(++serial).padStart(8, "0")}`
    seen.add(id)
    const message = { id, subtype, content, from: self, networkName, timestamp: 0, ttl: 40, path: [self] }
    return forward(to === undefined ? message : { ...message, to }, undefined)
  }

  const dht = (peer: PeerId, messageType: string, data: object) =>
    sendTo(peer, { type: "dht", messageType, data, from: self, timestamp: 0 })

  const onDht = (from: PeerId, messageType: string, data: DhtData) => {
    switch (messageType) {
      case "dht_store": {
        const { key, timestamp, value } = data
        const old = kept.get(key)
        if (old === undefined || timestamp > old.timestamp) kept.set(key, { value, timestamp })
        return Effect.void
      }
      case "dht_query": {
        const found = kept.get(data.key)
        const answer = { requestId: data.requestId, found: found !== undefined, data: found ?? null }
        return dht(from, "dht_query_response", answer)
      }
      case "dht_query_response": {
        const waiting = queries.get(data.requestId)
        return waiting === undefined
          ? Effect.void
          : Deferred.succeed(waiting, data.data ?? undefined)
      }
      default:
        return Effect.sync(() => void unknown.push(`dht ${messageType}`))
    }
  }

  const onPacket = (from: PeerId, packet: Packet): Effect.Effect<unknown> => {
    if (typeof packet !== "string") return Effect.sync(() => void unknown.push("bytes"))
    const message = JSON.parse(packet)
    if (message.type === "gossip") return onGossip(message, from)
    if (message.type === "dht") return onDht(from, message.messageType, message.data)
    unknown.push(message.type)
    return Effect.void
  }

  // ------------------------------------------------------------------------------------------------
  // links
  // ------------------------------------------------------------------------------------------------

  const drop = (peer: PeerId) => {
    const link = links.get(peer)
    links.delete(peer)
    return link === undefined ? Effect.void : Scope.close(link.scope, Exit.void)
  }

  const connect = Effect.fnUntraced(function*(peer: PeerId, role: "offerer" | "answerer") {
    const own = yield* Scope.fork(scope)
    const connection = yield* webRtc.open({
      peerId: peer,
      role,
      iceServers: [],
      handlers: {
        onCandidate: (candidate) => signal("ice-candidate", candidate, peer),
        onState: (state) => {
          if (state === "failed" || state === "closed") Queue.offerUnsafe(mail, () => drop(peer))
        },
        onOpen: (channel) => {
          const link = links.get(peer)
          if (link?.connection === connection) link.channel = channel
        },
        onPacket: (packet) => void Queue.offerUnsafe(mail, () => onPacket(peer, packet)),
        onClose: () => void Queue.offerUnsafe(mail, () => drop(peer))
      }
    }).pipe(Scope.provide(own))
    links.set(peer, { connection, scope: own, channel: undefined })
    return connection
  })

  const onHub = Effect.fnUntraced(function*({ data, fromPeerId = "", type }: HubFrame) {
    if (type === "connected") return
    const from = fromPeerId === "system" ? self : PeerId.make(fromPeerId)
    switch (type) {
      case "peer-discovered": {
        const peer = PeerId.make(data.peerId)
        // The greater offers, as long as there is room.
        if (self < peer || links.has(peer) || links.size >= maxPeers) return
        const connection = yield* connect(peer, "offerer")
        return signal("offer", { type: "offer", sdp: yield* connection.offer() }, peer)
      }
      case "offer": {
        if (links.has(from)) return
        if (links.size >= maxPeers || from < self) {
          return signal("connection-rejected", { reason: "max_peers_reached", details: "" }, from)
        }
        const connection = yield* connect(from, "answerer")
        return signal("answer", { type: "answer", sdp: yield* connection.accept(data.sdp) }, from)
      }
      case "answer":
        return yield* links.get(from)?.connection.complete(data.sdp) ?? Effect.void
      case "ice-candidate":
        return yield* links.get(from)?.connection.addCandidate(data) ?? Effect.void
      case "connection-rejected":
      case "goodbye":
        return yield* drop(from)
    }
  })

  socket.addEventListener("open", () => signal("announce", { peerId: self }))
  socket.addEventListener("message", ({ data }) => {
    const frame: HubFrame = JSON.parse(String(data))
    if ((frame.networkName ?? "global") !== networkName || (frame.targetPeerId ?? self) !== self) return
    Queue.offerUnsafe(mail, () => onHub(frame))
  })
  yield* Effect.addFinalizer(() => Effect.sync(() => socket.close()))
  yield* Queue.take(mail).pipe(
    Effect.flatMap((act) => Effect.ignore(act())),
    Effect.forever,
    Effect.forkScoped({ startImmediately: true })
  )

  const wireKey = (key: string) => `${networkName}:${key}`

  return {
    peerId: self,
    heard,
    /** Types of what it was sent and cannot make sense of. */
    unknown,
    neighbours: () => open().map(({ peer }) => peer),
    broadcast: (text: string) => gossip("chat", text),
    send: (to: string, content: unknown) => gossip("dm", content, to),
    put: (key: string, value: unknown, timestamp: number) => {
      kept.set(wireKey(key), { value, timestamp })
      const data = { key: wireKey(key), originalKey: key, value, networkName, timestamp, publisher: self }
      return Effect.forEach(open(), ({ peer }) => dht(peer, "dht_store", data), { discard: true })
    },
    /** Asks its neighbours, one after the other, as with `forceRefresh`. */
    get: Effect.fnUntraced(function*(key: string) {
      for (const { peer } of open()) {
        const requestId = `q${++serial}`
        const waiting = yield* Deferred.make<Kept | undefined>()
        queries.set(requestId, waiting)
        yield* dht(peer, "dht_query", { key: wireKey(key), requestId })
        const found = yield* Deferred.await(waiting).pipe(Effect.timeoutOption("5 seconds"))
        queries.delete(requestId)
        if (found._tag === "Some" && found.value !== undefined) return found.value.value
      }
      return undefined
    }),
    /** What it keeps itself. */
    keeps: (key: string) => kept.get(wireKey(key))?.value
  }
})

/** @category models */
export type PigeonDouble = Effect.Success<ReturnType<typeof pigeon>>
