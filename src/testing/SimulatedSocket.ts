/** A WebSocket in memory: a peer's end of its connection to a simulated hub. */
import type { WebSocketEvent, WebSocketLike } from "effect/socket/Socket"
import type { PeerId } from "../domain/PeerId.ts"
import type { Admitted, SimulatedHub } from "./SimulatedHub.ts"
import { broken } from "./SimulatedHub.ts"
import type { Place, SimulatedNetwork } from "./SimulatedNetwork.ts"

type EventType = "open" | "message" | "error" | "close"
type Listener = (event: WebSocketEvent) => void

const connecting = 0
const open = 1
const closing = 2
const closed = 3

const refused: WebSocketEvent & { readonly message: string } = { type: "error", message: "connection refused" }

/** Dials a hub; `undefined` stands for an address where there is none. @category constructors */
export const dial = (
  network: SimulatedNetwork["Service"],
  place: Place,
  peerId: PeerId,
  hub: SimulatedHub | undefined
): WebSocketLike & { terminate(): void } => {
  const listeners = new Map<EventType, Map<Listener, boolean>>()
  let state = connecting
  let admitted: Admitted | undefined

  const fire = (type: EventType, event: WebSocketEvent) => {
    for (const [listener, once] of Array.from(listeners.get(type) ?? [])) {
      if (once) listeners.get(type)?.delete(listener)
      listener(event)
    }
  }

  const end = (code: number, reason = "") => {
    if (state === closed) return
    state = closed
    fire("close", { type: "close", code, reason })
  }

  const refuse = () => {
    if (state === closed) return
    fire("error", refused)
    end(broken)
  }

  const destination: Place = hub?.place ?? { name: undefined, alive: true }
  const fromHub = network.wire<() => void>(destination, place, (act) => act())
  const toHub = network.wire<() => void>(place, destination, (act) => act())

  const greet = () => {
    if (state !== connecting) return
    admitted = hub?.admit(peerId, {
      place,
      open: () =>
        fromHub.send(() => {
          if (state !== connecting) return
          state = open
          fire("open", { type: "open" })
        }),
      frame: (text) =>
        fromHub.send(() => {
          if (state === open || state === closing) fire("message", { type: "message", data: text })
        }),
      end: (code) => fromHub.send(() => end(code))
    })
    if (admitted === undefined) fromHub.send(refuse)
  }

  // The way there and back of the TCP handshake, and there again with the upgrade.
  toHub.send(() =>
    fromHub.send(() => {
      if (state !== connecting) return
      toHub.send(greet)
    })
  )

  return {
    get readyState() {
      return state
    },
    addEventListener(type, listener, options) {
      const all = listeners.get(type) ?? new Map<Listener, boolean>()
      listeners.set(type, all.set(listener, options?.once === true))
    },
    removeEventListener(type, listener) {
      listeners.get(type)?.delete(listener)
    },
    close(code = 1005, reason = "") {
      if (state >= closing) return
      if (state === connecting) return end(broken)
      state = closing
      toHub.send(() => {
        admitted?.closed()
        fromHub.send(() => end(code, reason))
      })
    },
    send(data) {
      if (state === open && typeof data === "string") toHub.send(() => admitted?.receive(data))
    },
    terminate: () => end(broken)
  }
}
