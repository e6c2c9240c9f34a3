/** Closing a connection: what was sent leaves first, and nobody waits for long. */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type { Engine, NativeChannel } from "./engine.ts"

/** How long the last packets may take to leave, and a channel to close, when a connection is closed. */
const closingTime = "500 millis"

/** How long the other side has, after the channel, to close the connection itself, where that matters. */
const partingTime = "200 millis"

/** How long the engine may take to let go of a closed connection's sockets. */
const releaseTime = "500 millis"

/** Waits for `effect` no longer than `time`, whatever comes of it; apart from this fiber, which may be interrupted. */
const within = (time: Duration.Input, effect: Effect.Effect<void, unknown>): Effect.Effect<void> =>
  effect.pipe(Effect.timeout(time), Effect.ignore, Effect.forkDetach, Effect.flatMap(Fiber.await), Effect.asVoid)

/** Lets what was sent leave, then closes the channel, and waits until the other side has agreed. */
const closeChannel = (channel: NativeChannel): Effect.Effect<void> =>
  Effect.gen(function*() {
    if (channel.readyState === "open" && channel.bufferedAmount > channel.bufferedAmountLowThreshold) {
      yield* nextEvent(channel, "bufferedamountlow")
    }
    if (channel.readyState === "open") {
      yield* nextEvent(channel, "close", () => channel.close())
    }
  })

/** Does something and waits for the channel's next event, which may come at once. */
const nextEvent = (
  channel: NativeChannel,
  type: "close" | "bufferedamountlow",
  act = () => {}
): Effect.Effect<void> =>
  Effect.callback((resume) => {
    const listener = () => resume(Effect.void)
    channel.addEventListener(type, listener)
    act()
    return Effect.sync(() => channel.removeEventListener(type, listener))
  })

/** Takes leave of a channel, which `wasOpen` or not. @category closing */
export const part = <C extends NativeChannel>(
  { parted }: Pick<Engine<C>, "parted">,
  channel: C,
  wasOpen: boolean
): Effect.Effect<void> => {
  const closing = within(closingTime, closeChannel(channel))
  return !wasOpen || parted === undefined
    ? closing
    : Effect.andThen(closing, within(partingTime, Effect.tryPromise(() => parted)))
}

/** Lets go of the connection itself. @category closing */
export const letGo = <C extends NativeChannel>(engine: Pick<Engine<C>, "close">): Effect.Effect<void> =>
  within(releaseTime, Effect.tryPromise(() => engine.close()))
