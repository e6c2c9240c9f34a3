/**
 * What happens on a link while it is open: a writer that sends what the outbox holds as fast as the engine
 * takes it, a reader that hands over what came, and a prober that measures the round trip and notices silence.
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { LinkClosed } from "../../domain/Errors.ts"
import type { Dialect, Frame, Packet } from "../../domain/Frame.ts"
import * as FrameCodec from "../../domain/FrameCodec.ts"
import { type PeerId, short } from "../../domain/PeerId.ts"
import { isProbe } from "../../domain/Probe.ts"
import type { Channel } from "../WebRtc.ts"
import type { Arrival, Inbox } from "./Inbox.ts"
import * as Lanes from "./Lanes.ts"
import type { LinkSettings } from "./LinkSettings.ts"
import * as Outbox from "./Outbox.ts"
import * as Prober from "./Prober.ts"
import type { Pulse } from "./Pulse.ts"

/** An open link, for those who send over it. @category models */
export interface OpenLink {
  readonly peerId: PeerId
  readonly dialect: Dialect
  /** Milliseconds since 1970. */
  readonly since: number
  readonly outbox: Outbox.Outbox
  /** Packets handed to the engine so far: as long as it grows, the link carries. */
  sent(): number
  /** Sends what waits, tells the other side why we go, and waits until it has handled everything, or `patience` is over. */
  farewell(reason: string, patience: Duration.Duration): Effect.Effect<void>
  /** The last round trip in milliseconds; absent until a probe was answered, and with PeerPigeon peers. */
  rttMillis(): number | undefined
}

/** What an open link needs from the one who owns it. @category models */
export interface OpenLinkOptions {
  readonly peerId: PeerId
  readonly dialect: Dialect
  readonly channel: Channel
  readonly settings: LinkSettings
  /** Whether this end asks whether the other one lives. Exactly one of the two does. */
  readonly leads: boolean
  /** Beats every `probeInterval`. */
  readonly pulse: Pulse
  /** What the decoder made of what came. */
  readonly inbox: Inbox
  /** Waits until the channel is closed. */
  readonly gone: Effect.Effect<void>
  /** Who serves frames of a type; an effect while nobody does yet. */
  readonly serverOf: Lanes.LanesOptions["serverOf"]
  /** A frame found no room, and is given up. */
  readonly refused: () => void
  /** The other side was silent for `suspectAfter`. */
  readonly suspected: () => void
  /** The link is over. */
  readonly lost: (reason: string) => void
}

const asText = (frame: Frame): string => JSON.stringify(frame)

/** Whether a frame concerns the link itself. All others are for those who use it. */
const isOfLink = ({ type }: Frame): boolean => type === "eviction" || type === "leave" || type === "left"

const isText = ({ packets }: Outbox.Parcel): boolean => packets.length === 1 && typeof packets[0] === "string"

/** A parcel's packets, or one packet with as many short messages as wait and fit: each packet costs the engine the same. */
const withMore = (parcel: Outbox.Parcel, outbox: Outbox.Outbox): ReadonlyArray<Packet> => {
  if (!isText(parcel)) return parcel.packets
  const texts: Array<Packet> = [...parcel.packets]
  let room = FrameCodec.joinedLength - parcel.bytes
  while (room > 0) {
    const next = outbox.poll((waiting) => isText(waiting) && waiting.bytes < room)
    if (next === undefined) break
    texts.push(...next.packets)
    room -= next.bytes + 1
  }
  return [FrameCodec.join(texts)]
}

/** Starts an open link's writer, reader and prober in the scope. @category constructors */
export const make = Effect.fnUntraced(function*(options: OpenLinkOptions) {
  const { channel, dialect, inbox, peerId, settings } = options
  const since = yield* Clock.currentTimeMillis
  const scope = yield* Effect.scope
  const outbox = Outbox.make({ bytes: settings.outboxBytes, frames: settings.outboxFrames })
  yield* Effect.addFinalizer(() => outbox.close(new LinkClosed({ peerId, reason: "the link was closed" })))

  const released = yield* Deferred.make<void>()
  const farewell = (reason: string, patience: Duration.Duration) =>
    outbox.drained.pipe(
      // PeerPigeon knows no farewell: what the engine holds is all there is to wait for.
      Effect.andThen(
        dialect === "homing"
          ? channel.send(asText({ type: "leave", reason })).pipe(
            // One that leaves as well may be gone before it answers.
            Effect.andThen(Effect.raceFirst(Deferred.await(released), options.gone))
          )
          : channel.writable
      ),
      Effect.timeoutOption(patience),
      Effect.ignore
    )

  /** Does something again and again for as long as the link is open; when it fails, the link is over. */
  const tend = (what: string, effect: Effect.Effect<unknown, LinkClosed>) =>
    Effect.forever(effect).pipe(
      Effect.catch((error) => Effect.sync(() => options.lost(error.reason))),
      Effect.onError((cause) =>
        Cause.hasInterruptsOnly(cause)
          ? Effect.void
          : Effect.andThen(
            Effect.logError(`the link to ${short(peerId)} cannot ${what}`, cause),
            Effect.sync(() => options.lost(`this peer could not ${what}`))
          )
      ),
      Effect.forkIn(scope)
    )

  const onControl = Effect.fnUntraced(function*(frame: Frame) {
    switch (frame.type) {
      case "eviction":
        return options.lost(`evicted: ${frame.reason}`)
      case "leave":
        // What was accepted for the one who leaves goes first: it hears us until we say that we are done.
        yield* outbox.drained.pipe(
          Effect.andThen(channel.send(asText({ type: "left" }))),
          Effect.timeoutOption(settings.drainTimeout),
          Effect.ignore
        )
        return options.lost(frame.reason)
      case "left":
        return yield* Deferred.succeed(released, undefined)
    }
  })

  const prober = Prober.make({
    leads: options.leads,
    channel,
    settings,
    since,
    lastHeard: inbox.lastHeard,
    suspected: options.suspected,
    lost: options.lost
  })
  inbox.onProbe(prober.take)

  const lanes = Lanes.make({
    from: peerId,
    limit: { bytes: settings.inboxBytes / 2, frames: settings.inboxFrames / 2 },
    serverOf: options.serverOf,
    done: inbox.done,
    refused: options.refused,
    overrun: () => options.lost("the peer sends faster than its messages can be handled"),
    tend
  })

  // What cannot be put into its lane at once: of the link itself, or for somebody who is not there yet.
  const read = Effect.gen(function*() {
    const arrivals = yield* inbox.takeAll
    const ours: Array<Arrival> = []
    for (const arrival of arrivals) {
      const { frame } = arrival
      if (isProbe(frame)) prober.take(frame)
      if (isProbe(frame) || isOfLink(frame)) ours.push(arrival)
      else yield* lanes.put(arrival)
    }
    for (const { frame } of ours) if (isOfLink(frame)) yield* Effect.andThen(lanes.settled, onControl(frame))
    inbox.passed(arrivals)
    if (ours.length > 0) inbox.done(ours)
  })
  inbox.onFrame((arrival) => !isOfLink(arrival.frame) && lanes.offer(arrival))
  yield* tend("handle what came", read)

  let sent = 0
  const write = Effect.gen(function*() {
    const parcel = yield* outbox.take
    for (const packet of dialect === "homing" ? withMore(parcel, outbox) : parcel.packets) {
      yield* channel.writable
      yield* channel.send(packet)
      sent++
    }
  })
  yield* tend("send", write)

  // A PeerPigeon peer answers no probes; its death shows in the connection's state.
  if (dialect === "homing") {
    yield* options.pulse.join({ beat: prober.beat, failed: () => options.lost("this peer could not probe") })
  }

  return {
    peerId,
    dialect,
    since,
    outbox,
    sent: () => sent,
    farewell,
    rttMillis: prober.rttMillis
  } satisfies OpenLink as OpenLink
})
