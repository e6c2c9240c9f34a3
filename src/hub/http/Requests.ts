/**
 * Requests over HTTP in their turn: a few are begun in each turn of the event loop, so that peers who are about to link do
 * not wait for whoever asks as fast as it can. And whoever asks on one connection without waiting for answers is cut: no
 * browser and no proxy does, and answers that nobody takes would pile up.
 */
import type { IncomingMessage, ServerResponse } from "node:http"
import type { Socket } from "node:net"
import { setImmediate } from "node:timers"

/** How many requests are begun in a turn. @category constants */
export const perTurn = 4

/** How many requests of one connection may wait for an answer. @category constants */
export const perConnection = 8

type Handle = (request: IncomingMessage, response: ServerResponse) => void

/** Does the same, in turn. @category combinators */
export const inTurn = (handle: Handle): Handle => {
  const waiting: Array<readonly [IncomingMessage, ServerResponse]> = []
  const unanswered = new WeakMap<Socket, number>()
  let begun = 0
  let scheduled = false

  const begin = (request: IncomingMessage, response: ServerResponse): void => {
    if (request.socket.destroyed) return
    begun++
    handle(request, response)
  }

  const schedule = (): void => {
    if (scheduled) return
    scheduled = true
    // A place in the loop, not a time: after all that has arrived by now was read.
    setImmediate(nextTurn)
  }

  const nextTurn = (): void => {
    scheduled = false
    begun = 0
    for (const [request, response] of waiting.splice(0, perTurn)) begin(request, response)
    if (begun > 0 || waiting.length > 0) schedule()
  }

  const count = (socket: Socket, change: number): number => {
    const counted = (unanswered.get(socket) ?? 0) + change
    unanswered.set(socket, counted)
    return counted
  }

  return (request, response) => {
    const { socket } = request
    if (socket.destroyed) return
    if (count(socket, 1) > perConnection) return void socket.destroy()
    response.once("close", () => count(socket, -1))
    if (begun >= perTurn || waiting.length > 0) waiting.push([request, response])
    else begin(request, response)
    schedule()
  }
}
