/**
 * libdatachannel, by way of `node-datachannel`, in the shape of an `RTCPeerConnection`, with what its haste and its
 * threads need:
 *
 * - Who is reached too early is in trouble. A DTLS flight that comes before the offerer listens is lost, and sent again
 *   after a whole second; one that comes while the offerer applies the answer fails the certificate check. So an offerer
 *   tells its candidates only once it has the answer, and an answerer, who begins the handshake, gives the offerer's checks
 *   a head start before it sends its own.
 * - Callbacks are queued by another thread, and objects of a closed connection throw. Nothing is called, and nobody is told
 *   anything, after the end; the connection is over once it has said so.
 * - What came and waits for its turn is given up when the connection is closed from the other side. So who closes lets the
 *   other side take everything first, and close the connection itself.
 * - ICE restarts are unknown to it, and are refused.
 */
import type * as NodeDataChannel from "node-datachannel"
import type { Packet } from "../../domain/Frame.ts"
import type { ConnectionState, IceServer } from "../WebRtc.ts"
import type {
  Description,
  Engine,
  NativeCandidate,
  NativeChannel,
  NativeChannelEvents,
  NativeConnection,
  NativeEvents
} from "./engine.ts"

/** The module, once it is loaded. @category models */
export type Module = Pick<typeof NodeDataChannel, "PeerConnection">

/** Bytes that may wait in libdatachannel: enough to keep a fast link busy while this thread does something else. */
const highWaterMark = 256 * 1024

/** Bytes at which writing resumes, early enough that the link does not run dry. */
const lowWaterMark = 64 * 1024

/** Bytes of the largest message that we take: what Chromium takes too, and PeerPigeon sends. */
const maxMessageSize = 256 * 1024

/** How long an answerer lets the offerer's checks come first: time for the answer to get there, and a check to come back. */
const headStart = "100 millis"

/** Opens a connection. Throws where a server's address is none. @category constructors */
export const make = (module: Module, iceServers: ReadonlyArray<IceServer>): Engine<ChannelOfDataChannel> => {
  const connection = new module.PeerConnection("homing", {
    iceServers: iceServers.flatMap(toIceServers),
    disableAutoNegotiation: true,
    maxMessageSize
  })
  const listeners = makeListeners<NativeEvents>()
  let state: ConnectionState | "new" = "new"
  let described: "not at all" | "here" | "on both sides" = "not at all"
  let untold: Array<NativeCandidate> = []
  let over = () => {}
  const ended = new Promise<void>((resolve) => {
    over = resolve
  })

  connection.onStateChange((now) => {
    if (state === "closed" || !isState(now)) return
    state = now
    listeners.tell("connectionstatechange", undefined)
    if (now === "closed") over()
  })
  connection.onLocalCandidate((line, sdpMid) => {
    const candidate = { candidate: line.replace(/^a=/, ""), sdpMid }
    if (described === "on both sides") listeners.tell("icecandidate", { candidate })
    else untold.push(candidate)
  })
  connection.onDataChannel((channel) => listeners.tell("datachannel", { channel: new ChannelOfDataChannel(channel) }))

  /** Makes our description by applying it, as there is no other way. */
  const describe = async (type: Description["type"]) => {
    connection.setLocalDescription(type)
    if (described === "not at all") described = "here"
    const sdp = connection.localDescription()?.sdp
    return sdp === undefined ? {} : { sdp: toDescription(sdp) }
  }

  const native: NativeConnection<ChannelOfDataChannel> = {
    createOffer: ({ iceRestart }) => iceRestart ? Promise.reject(noRestart()) : describe("offer"),
    createAnswer: () => describe("answer"),
    addIceCandidate: async ({ candidate, sdpMid }) => connection.addRemoteCandidate(candidate, sdpMid ?? ""),
    createDataChannel: (label, { ordered }) =>
      new ChannelOfDataChannel(connection.createDataChannel(label, { unordered: !ordered })),
    addEventListener: listeners.add,
    removeEventListener: listeners.remove
  }

  return {
    native,
    state: () => state,
    setLocalDescription: () => Promise.resolve(),
    setRemoteDescription: async ({ sdp, type }) => {
      if (described === "on both sides") throw noRestart()
      connection.setRemoteDescription(sdp, type)
      described = "on both sides"
      const candidates = untold
      untold = []
      for (const candidate of candidates) listeners.tell("icecandidate", { candidate })
    },
    send: (channel, packet) => channel.send(packet),
    isChannel: (channel) => channel instanceof ChannelOfDataChannel,
    prepare: () => {},
    close: () => {
      connection.close()
      return ended
    },
    highWaterMark,
    lowWaterMark,
    headStart,
    parted: ended
  }
}

/** An `RTCDataChannel` over libdatachannel's. @category models */
export class ChannelOfDataChannel implements NativeChannel {
  readonly label: string
  readonly addEventListener: Listeners<NativeChannelEvents>["add"]
  readonly removeEventListener: Listeners<NativeChannelEvents>["remove"]
  readonly #channel: NodeDataChannel.DataChannel
  #state: NativeChannel["readyState"] = "connecting"
  #lowThreshold = 0

  constructor(channel: NodeDataChannel.DataChannel) {
    const listeners = makeListeners<NativeChannelEvents>()
    this.#channel = channel
    this.label = channel.getLabel()
    this.addEventListener = listeners.add
    this.removeEventListener = listeners.remove
    if (channel.isOpen()) this.#state = "open"
    channel.onOpen(() => {
      if (this.#state !== "connecting") return
      this.#state = "open"
      listeners.tell("open", undefined)
    })
    channel.onBufferedAmountLow(() => listeners.tell("bufferedamountlow", undefined))
    // Next to each other and in this order: each callback has a queue of its own, the queues are served in the order of
    // registration, and messages that still wait when the channel is said to be closed are given up.
    channel.onMessage((data) => listeners.tell("message", { data }))
    channel.onClosed(() => {
      if (this.#state === "closed") return
      this.#state = "closed"
      listeners.tell("close", undefined)
    })
  }

  get readyState() {
    return this.#state
  }

  get bufferedAmount() {
    return this.#state === "open" ? this.#channel.bufferedAmount() : 0
  }

  get bufferedAmountLowThreshold() {
    return this.#lowThreshold
  }

  set bufferedAmountLowThreshold(bytes: number) {
    this.#lowThreshold = bytes
    if (this.#state !== "closed") this.#channel.setBufferedAmountLowThreshold(bytes)
  }

  /** Throws when the channel is closed, or the packet is larger than the other side takes. */
  send(packet: Packet) {
    if (typeof packet === "string") this.#channel.sendMessage(packet)
    else this.#channel.sendMessageBinary(Buffer.from(packet.buffer, packet.byteOffset, packet.byteLength))
  }

  close() {
    if (this.#state === "closing" || this.#state === "closed") return
    this.#state = "closing"
    this.#channel.close()
  }
}

// ---------------------------------------------------------------------------------------------------
// helpers
// ---------------------------------------------------------------------------------------------------

interface Listeners<Events> {
  add<K extends keyof Events>(type: K, listener: (event: Events[K]) => void): void
  remove<K extends keyof Events>(type: K, listener: (event: Events[K]) => void): void
  tell<K extends keyof Events>(type: K, event: Events[K]): void
}

const makeListeners = <Events>(): Listeners<Events> => {
  const all: { [K in keyof Events]?: Set<(event: Events[K]) => void> } = {}
  return {
    add: (type, listener) => void (all[type] ??= new Set()).add(listener),
    remove: (type, listener) => void all[type]?.delete(listener),
    tell: (type, event) => {
      // A listener may take itself off, and others.
      for (const listener of Array.from(all[type] ?? [])) listener(event)
    }
  }
}

const states: ReadonlySet<string> = new Set(["connecting", "connected", "disconnected", "failed", "closed"])
const isState = (state: string): state is ConnectionState => states.has(state)

const noRestart = () => new Error("libdatachannel cannot restart ICE; the link has to be made anew")

/** A description as others expect it: candidates are told apart, and no audio or video is sent, whatever was asked for. */
const toDescription = (sdp: string): string =>
  sdp.replaceAll(/^a=(candidate:.*|end-of-candidates)\r?\n/gm, "")
    .replaceAll(/^m=(audio|video|application) \d+ /gm, "m=$1 9 ")
    .split(/^(?=m=)/m)
    .map((section) =>
      /^m=(audio|video)/.test(section) ? section.replace(/^a=(sendrecv|sendonly|recvonly)/m, "a=inactive") : section
    )
    .join("")

/** RFC 7064 and 7065. */
const serverUrl = /^(stun|turns?):(\[[^\]]+\]|[^:?[\]]+)(?::(\d+))?(?:\?transport=(udp|tcp))?$/i

/** One server for each of its addresses; those that libdatachannel has no use for are left to it to pass over. */
const toIceServers = (
  { credential, urls, username }: IceServer
): Array<string | NodeDataChannel.RtcConfig["iceServers"][number]> =>
  [urls].flat().map((url) => {
    const [, scheme = "", host = "", port, transport] = serverUrl.exec(url) ?? []
    if (host === "") throw new TypeError(`${url} is no address of a STUN or TURN server that libdatachannel can use`)
    const hostname = host.replace(/^\[|\]$/g, "")
    const secure = scheme.toLowerCase() === "turns"
    if (scheme.toLowerCase() === "stun") return { hostname, port: Number(port ?? 3478) }
    return {
      hostname,
      port: Number(port ?? (secure ? 5349 : 3478)),
      username: username ?? "",
      password: credential ?? "",
      relayType: secure ? "TurnTls" : transport?.toLowerCase() === "tcp" ? "TurnTcp" : "TurnUdp"
    }
  })
