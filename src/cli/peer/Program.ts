/**
 * A peer for a program: ops come in as lines, replies and events go out as lines.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Latch from "effect/Latch"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import { Mesh } from "../../runtime/Mesh.ts"
import { waitAtMost } from "../../services/Patience.ts"
import type { Line } from "../Lines.ts"
import { Output } from "../Output.ts"
import * as PeerProtocol from "../PeerProtocol.ts"
import * as InFlight from "./InFlight.ts"
import * as Records from "./Records.ts"

/** Ops that run at a time; input waits while there are so many. @category constants */
export const opsInFlight = 512

/** How long a peer that was told to stop lets its running ops finish, and its reader catch up. @category constants */
export const farewellPatience = Duration.seconds(2)

const speak = (output: Output["Service"]) => (message: PeerProtocol.PeerMessage) =>
  Effect.flatMap(PeerProtocol.encodeMessage(message), output.line)

/** Says why there will be no peer. @category running */
export const sayError = (error: { readonly _tag: string; readonly message: string }) =>
  Output.use((output) => speak(output)({ event: "error", error: PeerProtocol.failureOf(error) }))

/** An op other than `leave`, which ends the input. */
type Task = Exclude<PeerProtocol.Op, { readonly op: "leave" }>

/** Does an op, whatever becomes of it, and says what its result is. */
const perform = Effect.fnUntraced(function*(mesh: Mesh["Service"], records: Records.Records, task: Task) {
  if (Records.isRecordOp(task)) return yield* records(task)
  switch (task.op) {
    case "broadcast":
      return yield* mesh.broadcast(yield* Effect.fromResult(PeerProtocol.contentOf(task)), task)
    case "send":
      return yield* mesh.send(task.to, yield* Effect.fromResult(PeerProtocol.contentOf(task)), task)
    case "status":
      return yield* mesh.status
    case "peers":
      return yield* mesh.peers
    case "networks":
      return yield* mesh.networks
    case "setNetworkName":
      yield* mesh.moveTo(task.networkName)
      return null
    case "setAllowGlobalFallback":
      yield* mesh.setAllowGlobalFallback(task.allow)
      return null
  }
})

/**
 * Joins, says `ready`, and serves ops until the input ends or `leave` comes; the ops before that are awaited. Whoever
 * interrupts it instead waits up to `farewellPatience` for them. Either way the network is left politely.
 *
 * Fails as `Mesh.join` does.
 *
 * @category running
 */
export const run = Effect.fnUntraced(function*<E, R>(input: Stream.Stream<Line, E, R>) {
  const mesh = yield* Mesh
  const output = yield* Output
  const say = speak(output)

  const joined = yield* Latch.make()
  let leaving = false
  const telling = yield* mesh.events.pipe(
    Stream.tap((event) => joined.whenOpen(say(PeerProtocol.messageOf(event)))),
    // What was confirmed to its sender is shown, so everything up to the word that we left is.
    Stream.takeUntil((event) => leaving && event._tag === "StatusChanged" && event.type === "network"),
    Stream.runDrain,
    Effect.forkScoped({ startImmediately: true })
  )

  yield* mesh.join
  const { allowGlobalFallback, isInFallbackMode, networkName, originalNetworkName } = yield* mesh.status
  yield* say({
    event: "ready",
    peerId: mesh.peerId,
    networkName,
    originalNetworkName,
    fallbackMode: isInFallbackMode,
    allowGlobalFallback
  })
  yield* joined.open

  const ops = yield* InFlight.make(opsInFlight)
  const leave = Effect.suspend(() => {
    if (leaving) return Effect.void
    leaving = true
    return Effect.andThen(mesh.leave, waitAtMost(farewellPatience)(Fiber.await(telling)))
  })
  yield* Effect.addFinalizer(() => Effect.andThen(waitAtMost(farewellPatience)(ops.idle), leave))

  const records = yield* Records.make(mesh, say)
  const answer = (task: Task) =>
    perform(mesh, records, task).pipe(
      Effect.matchEffect({
        onSuccess: (result) => say({ event: "reply", id: task.id, ok: true, result }),
        onFailure: (error) => say({ event: "reply", id: task.id, ok: false, error: PeerProtocol.failureOf(error) })
      })
    )

  /** Starts what a line asks for; gives the id of a `leave`. */
  const handle = Effect.fnUntraced(function*(line: Line) {
    const op = Result.flatMap(
      Result.mapError(line, (problem) => PeerProtocol.unreadable(null, "line", problem)),
      PeerProtocol.decodeOp
    )
    if (Result.isFailure(op)) {
      const { error, id } = op.failure
      yield* say({ event: "reply", id, ok: false, error: PeerProtocol.failureOf(error) })
    } else if (op.success.op === "leave") {
      return op.success.id
    } else {
      yield* ops.start(answer(op.success))
    }
  })

  const asked = yield* input.pipe(
    Stream.mapEffect(handle),
    Stream.filter((id) => id !== undefined),
    Stream.runHead
  )
  yield* ops.idle
  yield* leave
  if (asked._tag === "Some") yield* say({ event: "reply", id: asked.value, ok: true, result: null })
}, Effect.scoped)
