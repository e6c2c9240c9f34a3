/**
 * One connection to one hub, from the first packet to the last: dialled, greeted, kept alive, and closed politely.
 * It knows nothing of networks and never comes back; its session does.
 */
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FiberHandle from "effect/FiberHandle"
import { constVoid } from "effect/Function"
import * as Metric from "effect/Metric"
import type * as Scope from "effect/Scope"
import * as Socket from "effect/socket/Socket"
import type { PeerId } from "../../domain/PeerId.ts"
import type { Nonce } from "../../domain/PeerProof.ts"
import type { ClientSignal, HubSignal } from "../../domain/Signal.ts"
import * as HubFrame from "./HubFrame.ts"
import * as HubLoss from "./HubLoss.ts"
import { HubProof } from "./HubProof.ts"
import { HubTimings } from "./HubTimings.ts"
import * as HubToken from "./HubToken.ts"
import * as HubUrl from "./HubUrl.ts"

/** Frames from hubs that are not messages of the protocol. @category metrics */
export const malformed = Metric.counter("homing_hub_frames_malformed", {
  description: "Frames from hubs that are not messages of the protocol",
  incremental: true
})

/** The most bytes that may wait in the socket before `send` fails: 1 MiB. @category constants */
export const maxBuffered = 1024 * 1024

/** The share of a token's time after which a fresh one is shown. @category constants */
export const renewedAt = 0.8

/** Time left, in milliseconds, below which no fresh token is shown any more: another connection comes soon. */
const leastExtended = 5000

/** The sending side of a connection. @category models */
export interface HubConnection {
  /** Hands a signal to the socket at once. Fails, and keeps nothing, when the socket is not open or full. */
  send(signal: ClientSignal): Effect.Effect<void, HubLoss.HubLoss>
  /** Ends the connection with the loss `Renewed`. */
  renew(problem: string): Effect.Effect<void>
}

/**
 * Connects to a hub and stays until the connection ends, which is the error. `onOpen` runs once when the socket is
 * open, before the hub has said a word; a hub that does not greet with `connected` in time counts as unreachable.
 * `onSignal` runs for every signal, in order. Closing the scope closes the socket with code 1000, and waits for the
 * hub to confirm, so that whatever was sent before has arrived.
 *
 * @category constructors
 */
export const serve = Effect.fnUntraced(function*(options: {
  readonly url: string
  readonly peerId: PeerId
  readonly onOpen: (connection: HubConnection) => Effect.Effect<void>
  readonly onSignal: (signal: HubSignal) => Effect.Effect<void>
}): Effect.fn.Return<never, HubLoss.HubLoss, Socket.WebSocketConstructor | Scope.Scope> {
  const timings = yield* HubTimings
  const prover = yield* HubProof
  const url = yield* Effect.fromResult(HubUrl.toDial(options.url, options.peerId, prover !== undefined)).pipe(
    Effect.mapError((problem) => HubLoss.Unreachable({ problem }))
  )

  const renewed = yield* Deferred.make<never, HubLoss.HubLoss>()
  const greeted = Effect.gen(function*() {
    const source = yield* HubToken.HubToken
    const extending = yield* FiberHandle.make<void>()
    let shown = yield* source
    const { pull, ws } = yield* dial(url, shown)
    yield* Effect.addFinalizer(() => hangUp(ws, pull))
    const connection: HubConnection = {
      send: (signal) => write(ws, signal),
      renew: (problem) => Effect.asVoid(Deferred.fail(renewed, HubLoss.Renewed({ problem })))
    }
    yield* options.onOpen(connection)

    let asked = false
    /** Answers a hub that wants our key proved: once, since nobody needs more, and whoever asks on has something in mind. */
    const prove = Effect.fnUntraced(function*(nonce: Nonce | undefined) {
      if (nonce === undefined || prover === undefined || asked) return
      asked = true
      const { host } = new URL(url)
      const signature = yield* prover({ nonce, host })
      // A connection that cannot send is about to end.
      yield* Effect.ignore(connection.send({ type: "prove", data: { host, signature } }))
    })
    /** Shows a fresh token before the one that the hub has expires; if it is not taken, the hub ends the connection then. */
    const extend = (expiresIn: number | undefined) =>
      expiresIn === undefined || expiresIn < leastExtended
        ? Effect.void
        : Effect.asVoid(FiberHandle.run(
          extending,
          Effect.sleep(expiresIn * renewedAt).pipe(
            Effect.andThen(source),
            Effect.flatMap((token) => {
              if (token === undefined || token === shown) return Effect.void
              shown = token
              return connection.send({ type: "token", data: { token } })
            }),
            Effect.catch((loss) => Effect.logDebug(`The token for the hub was not renewed: ${HubLoss.describe(loss)}`))
          )
        ))
    const onSignal = (signal: HubSignal): Effect.Effect<void> => {
      switch (signal.type) {
        case "challenge":
          return prove(signal.data.nonce)
        case "connected":
          return options.onSignal(signal).pipe(
            Effect.andThen(prove(signal.data.homing?.challenge)),
            Effect.andThen(extend(signal.data.homing?.expiresIn))
          )
        case "token":
          return extend(signal.data.expiresIn)
        default:
          return options.onSignal(signal)
      }
    }

    let quietSince = yield* Clock.currentTimeMillis
    const step = Effect.gen(function*() {
      const { greeting } = yield* receive(yield* Effect.mapError(pull, HubLoss.fromSocketError), onSignal)
      quietSince = yield* Clock.currentTimeMillis
      return greeting
    })
    yield* Effect.repeat(step, { until: (greeting) => greeting })
    return { step, silence: watchSilence(connection, () => quietSince) }
  })

  const { silence, step } = yield* Effect.timeoutOrElse(greeted, {
    duration: timings.dialTimeout,
    orElse: () => Effect.fail(HubLoss.timedOut(timings.dialTimeout))
  })
  return yield* Effect.raceAllFirst([Effect.forever(step), silence, Deferred.await(renewed)])
})

/** Asks a silent hub for a sign of life again and again, and fails when none comes. */
const watchSilence = Effect.fnUntraced(function*(
  connection: HubConnection,
  quietSince: () => number
): Effect.fn.Return<never, HubLoss.HubLoss> {
  const timings = yield* HubTimings
  const [pingAfter, deadAfter] = [Duration.toMillis(timings.pingAfter), Duration.toMillis(timings.deadAfter)]
  let since = quietSince()
  let asked = 0
  // One timer that looks when the hub spoke last costs less than one that every frame restarts.
  while (true) {
    if (quietSince() !== since) {
      since = quietSince()
      asked = 0
    }
    const timestamp = yield* Clock.currentTimeMillis
    const silence = timestamp - since
    if (silence >= deadAfter) return yield* Effect.fail(HubLoss.Unreachable({ problem: "the hub fell silent" }))
    if (silence >= (asked + 1) * pingAfter) {
      asked = Math.floor(silence / pingAfter)
      yield* connection.send({ type: "ping", data: { timestamp } })
    }
    // Never less than a moment: fractions of a millisecond may leave a clock where it is.
    yield* Effect.sleep(Math.max(1, Math.min((asked + 1) * pingAfter, deadAfter) - silence))
  }
})

/** Opens the socket. Its scope closes it. */
const dial = Effect.fnUntraced(function*(url: string, token: string | undefined) {
  const construct = yield* Socket.WebSocketConstructor
  const protocols = HubToken.subprotocols(token)
  const ws = yield* Effect.acquireRelease(
    Effect.try({
      try: () => {
        const ws = protocols.length === 0 ? construct(url) : construct(url, Array.from(protocols))
        // An error that comes before the reader listens, or after it left, is nobody's.
        ws.addEventListener("error", constVoid)
        return ws
      },
      // A browser throws when a page from https: dials ws:.
      catch: (cause) => new Socket.SocketError({ reason: new Socket.SocketOpenError({ kind: "Unknown", cause }) })
    }),
    (ws) => Effect.sync(() => ws.close(1000))
  )
  // The time for the greeting covers the time to open.
  const socket = yield* Socket.fromWebSocket(Effect.succeed(ws), { openTimeout: Duration.infinity })
  const { pull } = yield* socket.reader
  return { ws, pull }
}, Effect.mapError(HubLoss.fromSocketError))

const open = 1

const write = (ws: Socket.WebSocketLike, signal: ClientSignal): Effect.Effect<void, HubLoss.HubLoss> =>
  Effect.suspend(() => {
    if (ws.readyState !== open) return Effect.fail(HubLoss.Unreachable({ problem: "the connection is closing" }))
    if ("bufferedAmount" in ws && Number(ws.bufferedAmount) > maxBuffered) {
      return Effect.fail(HubLoss.Unreachable({ problem: "the hub does not take what it is sent" }))
    }
    const frame = JSON.stringify(signal)
    return Effect.try({
      try: () => ws.send(frame),
      catch: (cause) => HubLoss.Unreachable({ problem: `the socket cannot send: ${String(cause)}` })
    })
  })

/** Handles frames in order, and says whether the hub's greeting was among them. */
const receive = Effect.fnUntraced(function*(
  frames: ReadonlyArray<string | Uint8Array>,
  onSignal: (signal: HubSignal) => Effect.Effect<void>
): Effect.fn.Return<{ readonly greeting: boolean }, HubLoss.HubLoss> {
  let greeting = false
  for (const frame of frames) {
    const read = HubFrame.read(frame)
    switch (read._tag) {
      case "Understood": {
        if (read.signal.type === "hub-closing") {
          const { hubs = [], reason } = read.signal.data
          return yield* Effect.fail(HubLoss.Closing({ problem: `the hub is closing: ${reason}`, hubs }))
        }
        greeting ||= read.signal.type === "connected"
        yield* onSignal(read.signal)
        break
      }
      case "Unknown":
        yield* Effect.logDebug(`The hub sent a message of the unknown type ${read.type.slice(0, 64)}`)
        break
      case "Malformed":
        yield* Metric.update(malformed, 1)
        yield* Effect.logDebug(`The hub sent something that is no message: ${read.problem.slice(0, 1024)}`)
        break
    }
  }
  return { greeting }
})

/** Says that we close, and waits until the hub says so too; what we sent before has then arrived. */
const hangUp = Effect.fnUntraced(function*(ws: Socket.WebSocketLike, pull: Socket.Reader["pull"]) {
  const { closeTimeout } = yield* HubTimings
  ws.close(1000)
  const ended = yield* pull.pipe(Effect.forever, Effect.ignore, Effect.timeoutOption(closeTimeout))
  // Otherwise Node would hold a dead socket for another 30 s; browsers look after this themselves.
  if (ended._tag === "None" && "terminate" in ws && typeof ws.terminate === "function") ws.terminate()
})
