/**
 * What happens before a WebSocket is one: whether its address may have one more connection, and whether a page of its origin
 * may come. Whoever may not is answered in plain HTTP, which costs least.
 */
import * as Result from "effect/Result"
import type { IncomingMessage } from "node:http"
import type { Socket } from "node:net"
import type { Duplex } from "node:stream"
import type * as Traffic from "../exchange/Traffic.ts"
import type { HubSettings } from "../Options.ts"
import * as Addresses from "./Addresses.ts"
import * as Doorkeeper from "./Doorkeeper.ts"

/** @category models */
export interface Entrance {
  /** Whether a TCP connection may be there. */
  admitsSocket(socket: Socket): boolean
  /** Whether a request may become a WebSocket; otherwise it has been answered. */
  admitsUpgrade(request: IncomingMessage, tcp: Duplex): boolean
}

type Settings = Pick<HubSettings, "allowedOrigins" | "connectionRate" | "connectionsPerAddress" | "trustedProxies">

/** Answers in place of a handshake, and ends the connection whether the other end does or not. @category answers */
export const turnAway = (tcp: Duplex, status: string, ...headers: ReadonlyArray<string>): false => {
  tcp.on("error", () => undefined)
  tcp.once("finish", () => tcp.destroy())
  tcp.end([`HTTP/1.1 ${status}`, "Connection: close", "Content-Length: 0", ...headers, "", ""].join("\r\n"))
  return false
}

const headerOf = (header: string | ReadonlyArray<string> | undefined): string | undefined =>
  typeof header === "string" ? header : header?.join(",")

/** Why somebody is turned away: the page's origin, as many connections of the address as it may have, or too many at once. */
export type Reason = Extract<Traffic.Refusal, "origin" | "address-connections" | "address-rate">

/**
 * An entrance. `refused` is called for everyone who is turned away, and `now` gives milliseconds since 1970.
 *
 * @category constructors
 */
export const make = (settings: Settings, options: {
  readonly now: () => number
  readonly refused: (reason: Reason) => void
}): Entrance => {
  const proxies = Result.getOrThrow(Addresses.trustedProxies(settings.trustedProxies))
  const origins = settings.allowedOrigins === undefined ? undefined : new Set(settings.allowedOrigins)
  const doorkeeper = Doorkeeper.make({
    connections: settings.connectionsPerAddress,
    perSecond: settings.connectionRate,
    now: options.now
  })

  const enter = (address: string, tcp: Duplex): boolean => {
    const group = Addresses.groupOf(address)
    const answer = doorkeeper.enter(group)
    if (answer !== "welcome") {
      options.refused(answer === "too many" ? "address-connections" : "address-rate")
      return false
    }
    tcp.once("close", () => doorkeeper.leave(group))
    return true
  }

  const socketAddress = (socket: Socket): string => Addresses.normalise(socket.remoteAddress ?? "") ?? ""

  return {
    admitsSocket(socket) {
      const address = socketAddress(socket)
      // A proxy speaks for many, and this machine's own programs for whoever may run them.
      return address === "" || proxies.has(address) || Addresses.isLoopback(address) || enter(address, socket)
    },
    admitsUpgrade(request, tcp) {
      const { origin } = request.headers
      if (origins !== undefined && origin !== undefined && !origins.has(origin)) {
        options.refused("origin")
        return turnAway(tcp, "403 Forbidden")
      }
      const address = socketAddress(request.socket)
      const client = Addresses.clientOf(proxies, address, headerOf(request.headers["x-forwarded-for"]))
      if (client === address || enter(client, tcp)) return true
      return turnAway(tcp, "429 Too Many Requests", "Retry-After: 5")
    }
  }
}
