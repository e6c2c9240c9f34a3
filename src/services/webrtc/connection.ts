/**
 * A connection over anything that looks like an `RTCPeerConnection`: what browsers and werift have in common, and
 * all that has to be done with it. The layers only make the native object (`engine.ts`) and say how it differs.
 */
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import type * as Scope from "effect/Scope"
import { LinkClosed, WebRtcError } from "../../domain/Errors.ts"
import type { Packet } from "../../domain/Frame.ts"
import type { Candidate } from "../../domain/Signal.ts"
import { type Channel, channelLabel, type Connection, type ConnectionOptions, type ConnectionState } from "../WebRtc.ts"
import { isEarly, takeOut, toCandidate } from "./candidates.ts"
import { letGo, part } from "./closing.ts"
import type {
  Description,
  Engine,
  NativeCandidate,
  NativeChannel,
  NativeChannelEvents,
  NativeEvents
} from "./engine.ts"

/** Candidates kept for a description that has not come; an honest side has a dozen. */
const maxEarly = 64

// ---------------------------------------------------------------------------------------------------
// the life of a connection
// ---------------------------------------------------------------------------------------------------

/** An engine's channel, and how to hear no more of it. */
interface Attached<C> {
  readonly native: C
  detach(): void
}

/** How far a connection has come. Its handlers hear of a channel while it is `Open`, and of nothing once it is `Closed`. */
type Life<C> = Data.TaggedEnum<{
  /** Without a channel: the other side is to make it. */
  Waiting: {}
  /** The channel is there and carries nothing yet. */
  Opening: { readonly channel: Attached<C> }
  Open: { readonly channel: Attached<C> }
  /** The channel is closed; the connection is still ours. */
  Ended: {}
  /** Its scope is closed. */
  Closed: {}
}>
interface LifeDefinition extends Data.TaggedEnum.WithGenerics<1> {
  readonly taggedEnum: Life<this["A"]>
}
const Life = Data.taggedEnum<LifeDefinition>()

// ---------------------------------------------------------------------------------------------------
// the connection
// ---------------------------------------------------------------------------------------------------

/**
 * Opens a connection over `make`'s engine; closing the scope closes the channel, so that the other side notices
 * at once, and then the connection. Candidates are reported only after the description that they belong to
 * was returned.
 *
 * @category constructors
 */
export const open = Effect.fnUntraced(function*<C extends NativeChannel>(
  make: () => Engine<C>,
  { handlers, peerId, role }: ConnectionOptions
): Effect.fn.Return<Connection, WebRtcError, Scope.Scope> {
  const engine = yield* attempt("open a connection", make)
  const { native } = engine
  const scope = yield* Effect.scope

  let life: Life<C> = Life.Waiting()
  /** What the handlers were told last. */
  let told: ConnectionState | "new" = "new"
  /** Local candidates that wait until their description is returned. */
  let withheld: Array<NativeCandidate> | undefined
  /** The other side's candidates that came before its description. */
  let early: Array<Candidate> = []
  let remoteSdp: string | undefined
  const mayLook = Latch.makeUnsafe(role === "offerer" || engine.headStart === undefined)

  /** Nothing is of use any more: our scope is closed, or the engine has said that the connection is. */
  const isClosed = () => life._tag === "Closed" || told === "closed"

  const onCandidate = ({ candidate }: NativeEvents["icecandidate"]) => {
    if (isClosed() || !candidate || candidate.candidate === "") return
    if (withheld === undefined) handlers.onCandidate(toCandidate(candidate))
    else withheld.push(candidate)
  }

  const onState = () => {
    const now = engine.state()
    if (isClosed() || now === told || now === "new") return
    told = now
    handlers.onState(now)
  }

  const onChannel = ({ channel: found }: NativeEvents["datachannel"]) => {
    if (isClosed()) return
    if (life._tag === "Waiting" && role === "answerer" && found.label === channelLabel && engine.isChannel(found)) {
      attach(found)
    } else {
      found.close()
    }
  }

  const attach = (native: C) => {
    native.bufferedAmountLowThreshold = engine.lowWaterMark
    const waiting = new Set<() => void>()
    const wake = () => {
      for (const resume of waiting) resume()
      waiting.clear()
    }
    const gone = new LinkClosed({ peerId, reason: "the data channel is closed" })
    const carries = () => life._tag === "Open" && native.readyState === "open"
    /** Hands a packet over, or says why that cannot be. */
    const hand = (packet: Packet): LinkClosed | undefined => {
      if (!carries()) return gone
      try {
        engine.send(native, packet)
        return undefined
      } catch (cause) {
        return new LinkClosed({ peerId, reason: `the packet could not be sent: ${String(cause)}` })
      }
    }
    const port: Channel = {
      bufferedAmount: () => native.bufferedAmount,
      send: (packet) =>
        Effect.suspend(() => {
          const error = hand(packet)
          return error === undefined ? Effect.void : Effect.fail(error)
        }),
      sendUnsafe: (packet) => hand(packet) === undefined,
      writable: Effect.suspend(() => {
        if (!carries()) return Effect.fail(gone)
        if (native.bufferedAmount < engine.highWaterMark) return Effect.void
        return Effect.callback<void, LinkClosed>((resume) => {
          const ready = () => resume(carries() ? Effect.void : Effect.fail(gone))
          waiting.add(ready)
          return Effect.sync(() => waiting.delete(ready))
          // A new burst only after the event loop has turned: the last one has to leave, and to be acknowledged.
        }).pipe(Effect.andThen(Effect.yieldNow))
      })
    }
    const detach = () => {
      native.removeEventListener("open", onOpen)
      native.removeEventListener("message", onMessage)
      native.removeEventListener("bufferedamountlow", wake)
      native.removeEventListener("close", onClose)
      wake()
    }
    const onOpen = () => {
      if (life._tag !== "Opening") return
      life = Life.Open({ channel: life.channel })
      engine.prepare(native)
      handlers.onOpen(port)
    }
    const onMessage = ({ data }: NativeChannelEvents["message"]) => {
      const packet = toPacket(data)
      if (packet === undefined) return
      // An engine may deliver before it says that the channel is open.
      onOpen()
      if (life._tag === "Open") handlers.onPacket(packet)
    }
    const onClose = () => {
      const before = life._tag
      life = Life.Ended()
      detach()
      if (before === "Open") handlers.onClose()
    }
    native.addEventListener("open", onOpen)
    native.addEventListener("message", onMessage)
    native.addEventListener("bufferedamountlow", wake)
    native.addEventListener("close", onClose)
    life = Life.Opening({ channel: { native, detach } })
    if (native.readyState === "open") onOpen()
  }

  const step = <A>(name: string, run: () => Promise<A>) =>
    Effect.suspend(() =>
      isClosed()
        ? Effect.fail(new WebRtcError({ step: name, cause: new Error("the connection is closed") }))
        : Effect.tryPromise({ try: run, catch: (cause) => new WebRtcError({ step: name, cause }) })
    )

  /** Runs what makes a description, and lets candidates out once it is with the caller. */
  const describing = <A>(effect: Effect.Effect<A, WebRtcError>) =>
    Effect.suspend(() => {
      withheld ??= []
      return effect
    }).pipe(Effect.ensuring(Effect.sync(() =>
      queueMicrotask(() => {
        const candidates = withheld ?? []
        withheld = undefined
        for (const candidate of candidates) onCandidate({ candidate })
      })
    )))

  const describe = async (type: Description["type"], { sdp = "" }: { readonly sdp?: string | undefined }) => {
    await engine.setLocalDescription({ type, sdp })
    return sdp
  }

  const setRemote = (description: Description) =>
    Effect.gen(function*() {
      const [sdp, enclosed] = mayLook.isOpen() ? [description.sdp, []] : takeOut(description.sdp)
      yield* step(`apply the ${description.type} of the other side`, async () => {
        if (!hasChannel.test(sdp)) throw new Error("it describes no data channel")
        await engine.setRemoteDescription({ ...description, sdp })
      })
      remoteSdp = description.sdp
      const candidates = [...enclosed, ...early]
      early = []
      yield* Effect.forEach(candidates, addCandidate, { discard: true })
    })

  const addCandidate = (candidate: Candidate): Effect.Effect<void> => {
    const { homing: _, ...init } = candidate
    if (isClosed() || init.candidate === "") return Effect.void
    if (isEarly(candidate, remoteSdp)) {
      if (early.length < maxEarly) early.push(candidate)
      return Effect.void
    }
    // Not waited for: a browser hides its address behind a `.local` name, and where multicast does not work werift
    // asks for it for 10 s. The browser's own checks reach us meanwhile.
    return mayLook.await.pipe(
      Effect.andThen(Effect.tryPromise(() => native.addIceCandidate(init))),
      Effect.catch((error) => Effect.logDebug("A candidate is of no use", init.candidate, error.cause)),
      Effect.forkIn(scope),
      Effect.asVoid
    )
  }

  native.addEventListener("icecandidate", onCandidate)
  native.addEventListener("connectionstatechange", onState)
  native.addEventListener("iceconnectionstatechange", onState)
  native.addEventListener("datachannel", onChannel)
  yield* Effect.addFinalizer(() =>
    Effect.suspend(() => {
      const before = life
      life = Life.Closed()
      native.removeEventListener("icecandidate", onCandidate)
      native.removeEventListener("connectionstatechange", onState)
      native.removeEventListener("iceconnectionstatechange", onState)
      native.removeEventListener("datachannel", onChannel)
      if (before._tag !== "Opening" && before._tag !== "Open") return letGo(engine)
      const { channel } = before
      channel.detach()
      return Effect.andThen(part(engine, channel.native, before._tag === "Open"), letGo(engine))
    })
  )
  if (role === "offerer") {
    attach(yield* attempt("create the data channel", () => native.createDataChannel(channelLabel, { ordered: true })))
  }

  return {
    setIceServers: (servers) =>
      step("use other ICE servers", async () => engine.useIceServers?.(servers)).pipe(
        // A path by the old ones is better than none.
        Effect.catch((error) => Effect.logDebug("The ICE servers stay as they were", error.cause))
      ),
    offer: (options) =>
      describing(
        step("make an offer", async () =>
          describe("offer", await native.createOffer({ iceRestart: options?.restart ?? false })))
      ),
    accept: (sdp) =>
      describing(Effect.andThen(
        setRemote({ type: "offer", sdp }),
        step("make an answer", async () => describe("answer", await native.createAnswer()))
      )).pipe(
        Effect.tap(Effect.forkIn(Effect.delay(mayLook.open, engine.headStart ?? 0), scope))
      ),
    complete: (sdp) => setRemote({ type: "answer", sdp }),
    addCandidate
  }
})

// ---------------------------------------------------------------------------------------------------
// helpers
// ---------------------------------------------------------------------------------------------------

/** The media section of data channels (RFC 8841). */
const hasChannel = /^m=application \d+ (UDP|TCP)\/DTLS\/SCTP webrtc-datachannel/m

const attempt = <A>(step: string, run: () => A): Effect.Effect<A, WebRtcError> =>
  Effect.try({ try: run, catch: (cause) => new WebRtcError({ step, cause }) })

/** What a channel delivered, as a plain `Uint8Array` when it is bytes. */
const toPacket = (data: unknown): Packet | undefined => {
  if (typeof data === "string") return data
  if (data instanceof ArrayBuffer) return new Uint8Array(data)
  if (ArrayBuffer.isView(data)) return new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
  return undefined
}
