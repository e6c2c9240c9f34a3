/** What a hub is measured against: a bare relay on `ws`, which parses, looks up, stamps the sender and writes anew. */
import { WebSocket, WebSocketServer } from "ws"

export const relay = async (): Promise<number> => {
  const networks = new Map<string, Map<string, WebSocket>>()
  const server = new WebSocketServer({ host: "127.0.0.1", port: 0, perMessageDeflate: false, maxPayload: 65536 })
  server.on("connection", (socket, request) => {
    const peerId = new URL(request.url ?? "", "ws://relay").searchParams.get("peerId") ?? ""
    const joined = new Set<string>()
    socket.on("error", () => undefined)
    socket.on("close", () => {
      for (const name of joined) networks.get(name)?.delete(peerId)
    })
    socket.on("message", (data) => {
      try {
        const message = JSON.parse(String(data))
        const { networkName, targetPeerId, type } = message
        if (type === "announce") {
          joined.add(networkName)
          networks.set(networkName, (networks.get(networkName) ?? new Map()).set(peerId, socket))
        } else if (type === "ping") socket.send(JSON.stringify({ type: "pong" }))
        else {
          message.fromPeerId = peerId
          networks.get(networkName)?.get(targetPeerId)?.send(JSON.stringify(message))
        }
      } catch {
        // What is no message is dropped.
      }
    })
  })
  await new Promise((resolve) => server.once("listening", resolve))
  const address = server.address()
  return typeof address === "object" && address !== null ? address.port : 0
}
