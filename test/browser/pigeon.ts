/**
 * A peer as the browser code of PeerPigeon 1.1.3 makes one, down to the audio and video sections of its offers. It
 * runs inside a page and therefore uses nothing from outside of the function.
 */

/** What a pigeon heard, and whether it was the one that offered. */
export interface Heard {
  readonly offered: boolean
  readonly chat: unknown
  readonly dm: unknown
  /** What it found under the key that it was to look for. */
  readonly found: unknown
}

/**
 * Meets one peer, says "coo" to everyone and "coo, you" to it, and stores "straw" under `nest`. Once it has heard something of
 * either kind it looks for what is under `grain`, and returns when it has the answer.
 */
export const pigeon = (
  { hub, id, networkName }: { readonly hub: string; readonly id: string; readonly networkName: string }
): Promise<Heard> =>
  new Promise((resolve, reject) => {
    let connection: RTCPeerConnection | undefined
    let offered = false
    let early: Array<RTCIceCandidateInit> = []
    const heard = new Map<string, unknown>()

    const socket = new WebSocket(`${hub}/?peerId=${id}`)
    const signal = (type: string, data: unknown, to: object = {}) =>
      socket.send(JSON.stringify({ type, data, maxPeers: 3, networkName, ...to }))

    const onChannel = (channel: RTCDataChannel, other: string) => {
      const gossip = (subtype: string, content: unknown, to: object = {}) =>
        channel.send(JSON.stringify({
          id: Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join(
            ""
          ),
          type: "gossip",
          subtype,
          content,
          from: id,
          networkName,
          timestamp: Date.now(),
          ttl: 40,
          path: [id],
          ...to
        }))
      const dht = (messageType: string, data: object) =>
        channel.send(JSON.stringify({ type: "dht", messageType, data, from: id, timestamp: Date.now() }))
      channel.binaryType = "arraybuffer"
      channel.onopen = () => {
        // Chromium loses about one in ten of the messages that the answerer sends within this event.
        window.setTimeout(() => {
          gossip("chat", "coo")
          gossip("dm", "coo, you", { to: other })
          const nest = { key: `${networkName}:nest`, originalKey: "nest", value: "straw", networkName }
          dht("dht_store", { ...nest, timestamp: Date.now(), publisher: id })
        })
      }
      channel.onmessage = ({ data }) => {
        if (typeof data !== "string") return reject(new Error("a pigeon was sent bytes"))
        const message = JSON.parse(data)
        if (message.type === "dht" && message.messageType === "dht_query_response") {
          const { data, requestId } = message.data
          if (requestId !== "1") return reject(new Error("a pigeon was answered what it had not asked"))
          resolve({ offered, chat: heard.get("chat"), dm: heard.get("dm"), found: data?.value })
        }
        if (message.type !== "gossip" || heard.has(message.subtype)) return
        heard.set(message.subtype, message.content)
        if (heard.has("chat") && heard.has("dm")) {
          dht("dht_query", { key: `${networkName}:grain`, requestId: "1" })
        }
      }
    }

    const connect = (other: string) => {
      // PeerPigeon also has Chromium gather a pool of ten candidates ahead. One such connection in ten then signs its
      // answers to our checks with a password that its description does not name, and has to be tried again.
      const made = new RTCPeerConnection({ bundlePolicy: "max-bundle", rtcpMuxPolicy: "require" })
      made.onicecandidate = ({ candidate }) => {
        if (candidate !== null && candidate.candidate !== "") {
          signal("ice-candidate", candidate.toJSON(), { targetPeerId: other })
        }
      }
      made.ondatachannel = ({ channel }) => onChannel(channel, other)
      return connection = made
    }

    const applyRemote = async (made: RTCPeerConnection, description: RTCSessionDescriptionInit) => {
      await made.setRemoteDescription(description)
      for (const candidate of early) await made.addIceCandidate(candidate)
      early = []
    }

    const onSignal = async (type: string, data: RTCSessionDescriptionInit & RTCIceCandidateInit, other: string) => {
      if (type === "offer" && connection === undefined) {
        const made = connect(other)
        await applyRemote(made, data)
        const answer = await made.createAnswer()
        await made.setLocalDescription(answer)
        signal("answer", { type: "answer", sdp: answer.sdp }, { targetPeerId: other })
      } else if (type === "answer" && connection !== undefined) {
        await applyRemote(connection, data)
      } else if (type === "ice-candidate") {
        if (connection?.remoteDescription) await connection.addIceCandidate(data)
        else early.push(data)
      }
    }

    const onDiscovered = async (other: string) => {
      if (id < other || connection !== undefined) return
      offered = true
      const made = connect(other)
      onChannel(made.createDataChannel("messages", { ordered: true }), other)
      const offer = await made.createOffer({ offerToReceiveAudio: true, offerToReceiveVideo: true })
      await made.setLocalDescription(offer)
      signal("offer", { type: "offer", sdp: offer.sdp }, { targetPeerId: other })
    }

    socket.onopen = () => signal("announce", { peerId: id })
    socket.onerror = () => reject(new Error("the pigeon lost its hub"))
    socket.onmessage = (event) => {
      const { data, fromPeerId, type } = JSON.parse(event.data)
      const done = type === "peer-discovered" ? onDiscovered(data.peerId) : onSignal(type, data, fromPeerId)
      done.catch(reject)
    }
  })
