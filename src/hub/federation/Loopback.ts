/** A WebSocket that leads to the hub that it is in: how a hub is a peer at itself. */
import * as Queue from "effect/Queue"
import type { WebSocketEvent, WebSocketLike } from "effect/socket/Socket"

/** A peer inside the hub. @category models */
export interface Visit {
  say(frame: string): void
  leave(): void
}

type Listener = (event: WebSocketEvent) => void

/**
 * A socket that is open at once. What the hub says goes to `later`, to be run in order and not at once, so that nobody is
 * spoken to while speaking.
 *
 * @category constructors
 */
export const make = (
  enter: (hear: (frame: string) => void) => Visit,
  later: Queue.Enqueue<() => void>
): WebSocketLike => {
  const listeners = new Map<string, Map<Listener, boolean>>()
  let state = 1
  let held: Array<string> = []

  const fire = (event: WebSocketEvent & { readonly type: string }): void => {
    for (const [listener, once] of Array.from(listeners.get(event.type) ?? [])) {
      if (once) listeners.get(event.type)?.delete(listener)
      listener(event)
    }
  }

  const deliver = (): void => {
    if ((listeners.get("message")?.size ?? 0) === 0 || state !== 1) return
    const frames = held
    held = []
    for (const data of frames) fire({ type: "message", data })
  }

  const visit = enter((frame) => {
    held.push(frame)
    Queue.offerUnsafe(later, deliver)
  })

  return {
    get readyState() {
      return state
    },
    addEventListener(type, listener, options) {
      const all = listeners.get(type) ?? new Map<Listener, boolean>()
      listeners.set(type, all.set(listener, options?.once === true))
      if (type === "message") Queue.offerUnsafe(later, deliver)
    },
    removeEventListener(type, listener) {
      listeners.get(type)?.delete(listener)
    },
    send(data) {
      if (state === 1 && typeof data === "string") visit.say(data)
    },
    close(code = 1000, reason = "") {
      if (state !== 1) return
      state = 2
      visit.leave()
      Queue.offerUnsafe(later, () => {
        state = 3
        fire({ type: "close", code, reason })
      })
    }
  }
}
