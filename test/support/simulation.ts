/** Meshes in the simulated world, for tests. */
import { Effect, Option, Scope } from "effect"
import { TestClock } from "effect/testing"
import { PeerId } from "../../src/domain/PeerId.ts"
import { type PeerOptions, World } from "../../src/testing/World.ts"

/** A hub and WebRTC in memory, 20 to 120 ms apart. */
export const world = World.layer()

const goldenRatio = 0x9e3779b97f4a7c15f39cc0605cedc8341082276bn

/** A peer id that `n` determines, spread evenly over the ring. */
export const peer = (n: number): PeerId =>
  PeerId.make(BigInt.asUintN(160, BigInt(n) * goldenRatio).toString(16).padStart(40, "0"))

/** A mesh that has not joined yet. */
export const mesh = (n: number, options: PeerOptions = {}) =>
  World.use((world) => world.peer(n, { networkName: "gaming", ...options }))

/**
 * Runs a test and lets virtual time go on until everything it opened is closed: saying goodbye takes time. In a world,
 * time goes on while the test waits for something.
 */
export const simulate = <A, E, R>(body: Effect.Effect<A, E, R>) =>
  Effect.gen(function*() {
    const world = yield* Effect.serviceOption(World)
    if (Option.isSome(world)) return yield* world.value.run(Effect.scoped(body))
    const scope = yield* Scope.make()
    const exit = yield* body.pipe(Scope.provide(scope), Effect.exit)
    const closing = yield* Scope.close(scope, exit).pipe(Effect.forkChild({ startImmediately: true }))
    while (closing.pollUnsafe() === undefined) yield* TestClock.adjust("100 millis")
    return yield* exit
  })

/** Lets virtual time pass. */
export const elapse = (seconds: number) => TestClock.adjust(seconds * 1000)
