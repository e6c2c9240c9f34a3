/** Werift by itself, at a pace of the bench's choice. */
import { setImmediate as turn } from "node:timers/promises"
import { type RTCDataChannel, RTCPeerConnection } from "werift"
import type { Side, Surroundings } from "./protocol.ts"

interface Link {
  readonly connection: RTCPeerConnection
  readonly opened: Promise<void>
  channel?: RTCDataChannel
}

const opened = (channel: RTCDataChannel) =>
  channel.readyState === "open" ? Promise.resolve() : channel.stateChanged.watch((state) => state === "open")

export const make = ({ arrived, dials, signal }: Surroundings): Side => {
  const links = new Map<number, Link>()

  const create = (n: number): Link => {
    const connection = new RTCPeerConnection({ iceServers: [] })
    for (const ice of connection.iceTransports) Reflect.set(ice.connection, "stunServer", undefined)
    let attached = () => {}
    const ready = new Promise<void>((resolve) => {
      attached = resolve
    })
    const link: Link = { connection, opened: ready }
    const attach = (channel: RTCDataChannel) => {
      link.channel = channel
      channel.onMessage.subscribe((data) => arrived(data.toString()))
      void opened(channel).then(attached)
    }
    connection.onIceCandidate.subscribe((candidate) => {
      if (candidate !== undefined) signal(n, { candidate: candidate.toJSON() })
    })
    connection.onDataChannel.subscribe(attach)
    if (dials) attach(connection.createDataChannel("messages"))
    links.set(n, link)
    return link
  }

  const describe = async (n: number, { connection }: Link, type: "offer" | "answer") => {
    const description = type === "offer" ? await connection.createOffer() : await connection.createAnswer()
    void connection.setLocalDescription(description)
    signal(n, { description: { type, sdp: description.sdp } })
  }

  const receive = async (n: number, news: unknown) => {
    const { candidate, description } = news as {
      candidate?: Parameters<RTCPeerConnection["addIceCandidate"]>[0]
      description?: { type: "offer" | "answer"; sdp: string }
    }
    const link = links.get(n) ?? create(n)
    if (description !== undefined) {
      await link.connection.setRemoteDescription(description)
      if (description.type === "offer") await describe(n, link, "answer")
    } else if (candidate !== undefined) await link.connection.addIceCandidate(candidate)
  }

  return {
    open: async (count) => {
      await Promise.all(Array.from({ length: count }, async (_, n) => {
        const link = create(n)
        await describe(n, link, "offer")
        await link.opened
      }))
    },
    close: async () => {
      const all = Array.from(links.values())
      links.clear()
      await Promise.all(all.map(({ connection }) => connection.close()))
    },
    send: async (texts, { highWaterMark, perTurn }) => {
      const channel = links.get(0)?.channel
      if (channel === undefined) throw new Error("no channel")
      let sent = 0
      for (const text of texts) {
        channel.send(text)
        if (channel.bufferedAmount >= highWaterMark) await channel.bufferedAmountLow.asPromise()
        if (++sent % perTurn === 0) await turn()
      }
    },
    receive: (n, news) => void receive(n, news)
  }
}
