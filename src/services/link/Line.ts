/**
 * One attempt at a link: a WebRTC connection, the signals that set it up, and what comes in on its channel. A line lives
 * in a scope of its own, and letting the attempt go is closing that scope.
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Queue from "effect/Queue"
import * as Result from "effect/Result"
import * as Scope from "effect/Scope"
import type { HubUnreachable, WebRtcError } from "../../domain/Errors.ts"
import * as FrameCodec from "../../domain/FrameCodec.ts"
import type { PeerId } from "../../domain/PeerId.ts"
import type { AttemptMark, Candidate } from "../../domain/Signal.ts"
import type { OutgoingSignal } from "../SignalingTransport.ts"
import type { Channel, IceServer, WebRtc } from "../WebRtc.ts"
import * as Inbox from "./Inbox.ts"
import { type Attempt, Event } from "./LinkMachine.ts"
import type { LinkSettings } from "./LinkSettings.ts"

/** The version of our dialect, as offers, answers and announcements carry it. @category constants */
export const dialectVersion = 1

/** Local candidates that may wait for their description to be sent; an engine gathers a few dozen at most. */
const maxCandidates = 256

/** What a line needs from its link. @category models */
export interface LineOptions {
  readonly other: PeerId
  readonly webRtc: WebRtc["Service"]
  /** The STUN and TURN servers for a connection that is made, or restarted, now. */
  readonly iceServers: Effect.Effect<ReadonlyArray<IceServer>>
  readonly settings: LinkSettings
  /** Whether offers say that the link is for these two alone. */
  readonly isAside: () => boolean
  /** Hands a signal to the hub. */
  readonly signal: (signal: OutgoingSignal) => Effect.Effect<void, HubUnreachable>
  /** Puts an event into the link's mailbox. */
  readonly tell: (event: Event) => void
  /** A packet came that is not a message of the protocol. */
  readonly malformed: () => void
}

/** @category models */
export interface Line {
  readonly attempt: Attempt
  /** Closes with the line; what hangs on the line lives here. */
  readonly scope: Scope.Closeable
  readonly inbox: Inbox.Inbox
  /** Waits until the channel that was open is closed. */
  readonly gone: Effect.Effect<void>
  /** The open channel, once there is one. */
  channel(): Channel | undefined
  /** Sends an offer; with `restart`, for a new path of the connection that stands, by the ICE servers of the moment. */
  offer(options?: { readonly restart: boolean }): Effect.Effect<void, WebRtcError | HubUnreachable>
  /** Sends the last offer once more. */
  readonly offerAgain: Effect.Effect<void, HubUnreachable>
  /** Takes an offer and sends the answer. */
  answer(sdp: string): Effect.Effect<void, WebRtcError | HubUnreachable>
  /** Takes the answer to our offer. */
  complete(sdp: string): Effect.Effect<void, WebRtcError>
  addCandidate(candidate: Candidate): Effect.Effect<void, WebRtcError>
}

/** Opens a line in a new scope below the one given. @category constructors */
export const open = Effect.fnUntraced(function*(
  options: LineOptions,
  attempt: Attempt,
  role: "offerer" | "answerer",
  parent: Scope.Scope
) {
  const { other, settings, signal, tell } = options
  const scope = yield* Scope.fork(parent)
  const inbox = yield* Inbox.make({ bytes: settings.inboxBytes, frames: settings.inboxFrames })
  const candidates = yield* Queue.sliding<Candidate>(maxCandidates)
  const decoder = FrameCodec.makeDecoder({ maxMessageBytes: settings.maxMessageBytes })
  const mark: AttemptMark = { version: dialectVersion, attempt }
  let channel: Channel | undefined
  const gone = Deferred.makeUnsafe<void>()
  // Of the packets that the frame under way has taken so far.
  let bytes = 0
  let lastOffer: OutgoingSignal | undefined
  let isAnswered = false

  const lost = (reason: string) => tell(Event.Lost({ attempt, reason }))
  const connection = yield* options.webRtc.open({
    peerId: other,
    role,
    iceServers: yield* options.iceServers,
    handlers: {
      onCandidate: (candidate) => void Queue.offerUnsafe(candidates, candidate),
      onState: (state) => {
        if (state === "failed" || state === "closed") lost(`the connection ${state}`)
      },
      onOpen: (opened) => {
        channel = opened
        tell(Event.ChannelOpened({ attempt }))
      },
      onPacket: (packet) => {
        for (const part of FrameCodec.split(packet)) {
          bytes += part.length
          const received = decoder.push(part)
          if (Result.isFailure(received)) options.malformed()
          else if (received.success._tag === "Frame") {
            if (!inbox.offer({ frame: received.success.frame, bytes })) {
              return lost("the peer sends faster than its messages can be handled")
            }
          } else {
            inbox.hear()
            if (received.success._tag === "Incomplete") continue
          }
          bytes = 0
        }
      },
      onClose: () => {
        Deferred.doneUnsafe(gone, Effect.void)
        lost("the channel closed")
      }
    }
  }).pipe(Scope.provide(scope), Effect.onError(() => Scope.close(scope, Exit.void)))

  // Candidates follow the description they belong to: PeerPigeon loses those that come before it.
  let trickling = false
  const trickle = Effect.suspend(() => {
    if (trickling) return Effect.void
    trickling = true
    return Queue.take(candidates).pipe(
      Effect.flatMap((candidate) =>
        signal({ type: "ice-candidate", targetPeerId: other, data: { ...candidate, homing: mark } })
      ),
      Effect.ignore,
      Effect.forever,
      Effect.forkIn(scope)
    )
  })

  return {
    attempt,
    scope,
    inbox,
    gone: Deferred.await(gone),
    channel: () => channel,
    offer: Effect.fnUntraced(function*(how) {
      if (how?.restart === true) yield* connection.setIceServers(yield* options.iceServers)
      const sdp = yield* connection.offer(how)
      const homing: AttemptMark = {
        ...mark,
        ...(how?.restart === true ? { restart: true } : {}),
        ...(options.isAside() ? { aside: true } : {})
      }
      lastOffer = { type: "offer", targetPeerId: other, data: { type: "offer", sdp, homing } }
      yield* signal(lastOffer)
      yield* trickle
    }),
    offerAgain: Effect.suspend(() => lastOffer === undefined ? Effect.void : signal(lastOffer)),
    answer: Effect.fnUntraced(function*(sdp) {
      // Whatever comes after the first is a restart.
      if (isAnswered) yield* connection.setIceServers(yield* options.iceServers)
      isAnswered = true
      const answer = yield* connection.accept(sdp)
      yield* signal({ type: "answer", targetPeerId: other, data: { type: "answer", sdp: answer, homing: mark } })
      yield* trickle
    }),
    complete: connection.complete,
    addCandidate: connection.addCandidate
  } satisfies Line as Line
})
