/**
 * The connections of a hub, looked after in rounds: who is silent for long is asked for a sign of life, who gives none is
 * dropped, whose time is over is closed, and who does not answer the closing of its connection is cut.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { Duplex } from "node:stream"
import { hubClose } from "../../domain/Signal.ts"
import { waitAtMost } from "../../services/Patience.ts"
import * as Wire from "../exchange/Wire.ts"
import * as Limits from "../Limits.ts"
import type { HubSettings } from "../Options.ts"
import { closeCode, Connection, type HubSocket, type Surroundings } from "./Connection.ts"
import { Held } from "./Held.ts"
import { Turns } from "./Turns.ts"

/** @category models */
export interface Connections {
  /** How many sockets are open, or not closed yet. */
  readonly size: number
  /** Takes a socket over, and looks after it until it is closed. */
  take(socket: HubSocket, tcp: Duplex): Connection
  /**
   * Lets a handshake be done when it is its turn, unless the newcomer has gone: many that come at once hold up nobody who is
   * there already.
   */
  admit(tcp: Duplex, handshake: () => void): void
  /** Looks after all of them, for as long as it runs. */
  readonly serve: Effect.Effect<never>
}

// Until its turn nobody else listens, and an error that nobody hears would end the process.
const onError = () => undefined

type Settings = Pick<HubSettings, "closingPatience" | "heartbeat" | "heartbeatPatience" | "maxBufferedBytes">

/**
 * No connections yet. When the scope closes, all that are open are told `hub-closing` and closed, and those that are not
 * gone after `closingPatience` are cut. `now` gives milliseconds since 1970.
 *
 * @category constructors
 */
export const make = (
  settings: Settings,
  now: () => number
): Effect.Effect<Connections, never, Scope.Scope> => {
  const connections = new Set<Connection>()
  const heartbeat = Duration.toMillis(settings.heartbeat)
  const heartbeatPatience = Duration.toMillis(settings.heartbeatPatience)
  const closingPatience = Duration.toMillis(settings.closingPatience)
  const turns = new Turns()
  const shared: Surroundings = {
    settings,
    turns,
    held: new Held(),
    now,
    closed: (connection) => void connections.delete(connection)
  }
  /** Twice in the shortest patience. */
  const period = Duration.millis(Math.max(1, Math.min(heartbeat, heartbeatPatience, closingPatience) / 2))

  const look = (connection: Connection, time: number): boolean => {
    const { askedAt, behindSince, endedAt, expiresAt, heardAt } = connection
    if (endedAt !== undefined) {
      if (time - endedAt >= closingPatience) connection.terminate()
    } else if (expiresAt !== undefined && time >= expiresAt) {
      connection.close(hubClose.tokenExpired, "The peer token has expired")
    } else if (behindSince !== undefined) {
      // What is read of it now is no sign of life: it may have been sent long ago.
      if (time - behindSince >= heartbeat + heartbeatPatience) connection.insist()
    } else if (askedAt !== undefined) {
      if (time - askedAt < heartbeatPatience) return false
      connection.terminate()
      return true
    } else if (time - heardAt >= heartbeat) connection.ping()
    return false
  }

  const round = Effect.suspend(() => {
    const time = now()
    let dropped = 0
    for (const connection of connections) if (look(connection, time)) dropped++
    return dropped === 0
      ? Effect.void
      : Effect.logInfo(`Connections that give no sign of life were dropped: ${dropped}`)
  })

  const closed = Effect.suspend(() =>
    Effect.forEach(connections, (connection) => connection.closed, { concurrency: "unbounded", discard: true })
  )

  const release = Effect.gen(function*() {
    for (const connection of connections) {
      if (!connection.isOpen) continue
      connection.send(Wire.hubClosing("Hub shutting down", now()))
      connection.close(closeCode.goingAway, "Hub shutting down")
    }
    yield* waitAtMost(settings.closingPatience)(closed)
    for (const connection of connections) connection.terminate()
    connections.clear()
  })

  return Effect.as(Effect.addFinalizer(() => release), {
    get size() {
      return connections.size
    },
    take(socket, tcp) {
      const connection = new Connection(socket, tcp, shared)
      connections.add(connection)
      return connection
    },
    admit(tcp, handshake) {
      tcp.on("error", onError)
      turns.wait({
        resume() {
          tcp.off("error", onError)
          if (tcp.destroyed) return
          turns.worked(Limits.handshakeCost)
          handshake()
        }
      })
    },
    serve: Effect.raceFirst(Effect.forever(Effect.andThen(Effect.sleep(period), round)), shared.held.serve(now))
  })
}
