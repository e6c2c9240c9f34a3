/**
 * Hands out what came over one link: each subject has a lane of its own, in order, so that one whose handler has to wait
 * holds up no other. A subject is whatever one handler serves.
 *
 * A lane is bounded, to half of the link's inbox, so that one that is full leaves room for the others. What finds no room in
 * it is refused and counted; a subject that cannot do without has its neighbour let go instead.
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import type { Frame } from "../../domain/Frame.ts"
import type { PeerId } from "../../domain/PeerId.ts"
import type { Arrival } from "./Inbox.ts"

/** Frames of the application that arrived together, in order. @category models */
export type Batch = ReadonlyArray<Frame>

/** Handles what a neighbour sent, in order; the neighbour's next frames of the subject wait until it is done. @category models */
export type FrameHandler = (from: PeerId, batch: Batch) => Effect.Effect<void>

/** Who serves a subject. @category models */
export interface Server {
  readonly handle: FrameHandler
  /** Whether it cannot do without any frame: its neighbour is let go where others have one refused. */
  readonly needsAll: boolean
}

/** What a link's lanes need of the one who owns them. @category models */
export interface LanesOptions {
  readonly from: PeerId
  /** How much one subject may have waiting. */
  readonly limit: { readonly bytes: number; readonly frames: number }
  /** Who serves frames of a type; an effect while nobody does yet. */
  readonly serverOf: (type: Frame["type"]) => Server | Effect.Effect<Server>
  /** Takes back the room of arrivals that are handled, or refused. */
  readonly done: (arrivals: ReadonlyArray<Arrival>) => void
  /** A frame found no room, and its subject does without. */
  readonly refused: () => void
  /** A frame found no room, and its subject cannot do without. */
  readonly overrun: () => void
  /** Does something again and again for as long as the link is open. */
  readonly tend: (what: string, effect: Effect.Effect<void>) => Effect.Effect<unknown>
}

/** @category models */
export interface Lanes {
  /** Puts an arrival into its lane at once; `false` when that cannot be, since its lane is not there yet. */
  offer(arrival: Arrival): boolean
  /** Puts an arrival into its lane, waiting while nobody serves it yet. */
  put(arrival: Arrival): Effect.Effect<void>
  /** Waits until everything that was put in has been handled. */
  readonly settled: Effect.Effect<void>
}

interface Lane {
  readonly server: Server
  readonly waiting: Queue.Queue<Arrival>
  /** Of those that wait and those that are being handled. */
  frames: number
  bytes: number
}

/** No lanes yet; each lives as long as what `tend` starts. @category constructors */
export const make = ({ done, from, limit, overrun, refused, serverOf, tend }: LanesOptions): Lanes => {
  const lanes = new Map<Server, Lane>()
  /** What comes is mostly of the same subject as what came before it. */
  let recent: Lane | undefined
  let settling: Array<Deferred.Deferred<void>> = []

  const isSettled = () => {
    for (const { frames } of lanes.values()) if (frames > 0) return false
    return true
  }

  const handled = (lane: Lane, arrivals: ReadonlyArray<Arrival>) => {
    lane.frames -= arrivals.length
    for (const { bytes } of arrivals) lane.bytes -= bytes
    done(arrivals)
    if (settling.length === 0 || !isSettled()) return
    const all = settling
    settling = []
    for (const one of all) Deferred.doneUnsafe(one, Effect.void)
  }

  /** Takes what waits and has it handled. */
  const turn = (lane: Lane): Effect.Effect<void> =>
    Effect.flatMap(Queue.takeAll(lane.waiting), (arrivals) =>
      Effect.map(
        lane.server.handle(from, arrivals.map(({ frame }) => frame)),
        () => handled(lane, arrivals)
      ))

  const newLane = Effect.fnUntraced(function*(server: Server) {
    const lane: Lane = { server, waiting: yield* Queue.bounded<Arrival>(limit.frames), frames: 0, bytes: 0 }
    lanes.set(server, lane)
    yield* tend("handle what came", turn(lane))
    return lane
  })

  const put = (lane: Lane, arrival: Arrival) => {
    if (lane.frames > 0 && (lane.frames >= limit.frames || lane.bytes + arrival.bytes > limit.bytes)) {
      done([arrival])
      return lane.server.needsAll ? overrun() : refused()
    }
    lane.frames++
    lane.bytes += arrival.bytes
    Queue.offerUnsafe(lane.waiting, arrival)
  }

  return {
    offer: (arrival) => {
      const server = serverOf(arrival.frame.type)
      if (recent?.server !== server) recent = Effect.isEffect(server) ? undefined : lanes.get(server)
      if (recent === undefined) return false
      put(recent, arrival)
      return true
    },
    put: Effect.fnUntraced(function*(arrival) {
      const found = serverOf(arrival.frame.type)
      const server = Effect.isEffect(found) ? yield* found : found
      put(lanes.get(server) ?? (yield* newLane(server)), arrival)
    }),
    settled: Effect.suspend(() => {
      if (isSettled()) return Effect.void
      const settled = Deferred.makeUnsafe<void>()
      settling.push(settled)
      return Deferred.await(settled)
    })
  }
}
