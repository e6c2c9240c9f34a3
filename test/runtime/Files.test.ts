/** Files between real meshes, in the simulated world. */
import { assert, describe, it } from "@effect/vitest"
import { Clock, Deferred, Effect, Exit, Fiber, Stream } from "effect"
import { createHash } from "node:crypto"
import { FileUnusable } from "../../src/domain/Errors.ts"
import { streamName } from "../../src/domain/FileOffer.ts"
import type { FileLimits } from "../../src/runtime/FileOffers.ts"
import type { Mesh } from "../../src/runtime/Mesh.ts"
import type { FileOffer } from "../../src/services/files/Offered.ts"
import { World } from "../../src/testing/World.ts"
import { noise, source, target } from "../support/files.ts"
import { elapse, mesh, peer, simulate, world } from "../support/simulation.ts"

type Peer = Mesh["Service"]

const pair = Effect.gen(function*() {
  const [ada, bob] = [yield* mesh(1), yield* mesh(2)]
  yield* Effect.all([ada.join, bob.join], { concurrency: "unbounded" })
  yield* elapse(5)
  return { ada, bob }
})

/** Decides on every file that a peer is offered from now on, and gives what became of the first. */
const onFile = Effect.fnUntraced(function*<A, E, R>(
  one: Peer,
  decide: (offer: FileOffer) => Effect.Effect<A, E, R>,
  limits?: FileLimits
) {
  const outcome = yield* Deferred.make<A, E>()
  yield* one.receiveFiles(limits).pipe(
    Stream.runForEach((offer) =>
      Effect.forkScoped(Effect.flatMap(Effect.exit(decide(offer)), (exit) => Deferred.done(outcome, exit)))
    ),
    Effect.forkScoped({ startImmediately: true })
  )
  return Deferred.await(outcome)
})

const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex")

describe("a file", () => {
  for (const size of [0, 1, 16_320, 3_000_001]) {
    it.effect(`of ${size} bytes arrives as it is, with progress and checksum`, () =>
      Effect.gen(function*() {
        const { ada, bob } = yield* pair
        const bytes = noise(size)
        const seen: { readonly [who: string]: Array<number> } = { sent: [], received: [] }
        const progress = (who: string) => ({
          onProgress: ({ bytes }: { readonly bytes: number }) => Effect.sync(() => void seen[who]?.push(bytes))
        })
        const received = yield* onFile(bob, (offer) => offer.accept(Effect.succeed(target()), progress("received")))
        const sent = yield* ada.sendFile(bob.peerId, source("a/b/../c.bin", bytes), progress("sent"))
        const { saved, ...facts } = yield* received
        assert.deepStrictEqual(saved, bytes)
        const digest = sha256(bytes)
        assert.deepStrictEqual(facts, {
          from: ada.peerId,
          networkName: sent.networkName,
          name: "c.bin",
          size,
          sha256: digest,
          links: 1
        })
        assert.deepStrictEqual([sent.sha256, sent.size, sent.links], [digest, size, 1])
        for (const steps of Object.values(seen)) {
          assert.deepStrictEqual(steps, steps.toSorted((a, b) => a - b))
          assert.strictEqual(steps.at(-1) ?? 0, size)
        }
      }).pipe(simulate, Effect.provide(world)))
  }

  it.effect("goes on where it was after its link was lost, more than once", () =>
    Effect.gen(function*() {
      const { ada, bob } = yield* pair
      const bytes = noise(20_000_000)
      const file = source("large.bin", bytes)
      // 60 ms for each write: 4 chunks of 16 KiB at a time are 1 MB/s.
      const place = target(60)
      const received = yield* onFile(bob, (offer) => offer.accept(Effect.succeed(place)))
      const sending = yield* Effect.forkChild(ada.sendFile(bob.peerId, file))
      for (let cut = 0; cut < 2; cut++) {
        yield* elapse(4)
        assert.isAbove(place.written(), cut * 2_000_000)
        yield* World.use((world) => world.partition([ada.peerId], [bob.peerId]))
        yield* elapse(20)
        yield* World.use((world) => world.heal)
        yield* elapse(15)
      }
      const sent = yield* Fiber.join(sending)
      assert.strictEqual(sent.links, 3)
      const done = yield* received
      assert.strictEqual(sha256(done.saved), sha256(bytes))
      assert.strictEqual(done.links, 3)
      const [first, second, third] = file.reads
      assert.strictEqual(first, 0)
      assert(second !== undefined && third !== undefined)
      assert.isTrue(second > 1_000_000 && third > second, String(file.reads))
      assert.isFalse(place.discarded())
    }).pipe(simulate, Effect.provide(world)))

  it.effect("is given up at both ends when the other one does not come back", () =>
    Effect.gen(function*() {
      const { ada, bob } = yield* pair
      const place = target(60)
      const received = yield* onFile(bob, (offer) => Effect.exit(offer.accept(Effect.succeed(place))))
      const sending = yield* Effect.forkChild(Effect.flip(ada.sendFile(bob.peerId, source("x", noise(20_000_000)))))
      yield* elapse(4)
      yield* World.use((world) => world.partition([ada.peerId], [bob.peerId, world.hub.url]))
      const lost = yield* Fiber.join(sending)
      assert.strictEqual(lost._tag, "FileLost")
      const exit = yield* received
      assert.include(String(exit), "FileLost")
      assert.isTrue(place.discarded())
    }).pipe(simulate, Effect.provide(world)))

  it.effect("is refused with the reason given, by limits, and when nobody takes files", () =>
    Effect.gen(function*() {
      const { ada, bob } = yield* pair
      const refusal = (size: number) => Effect.flip(ada.sendFile(bob.peerId, source("x.txt", noise(size))))
      const unheard = yield* refusal(1)
      assert.deepStrictEqual([unheard._tag, unheard.message.includes("nobody takes files")], ["FileRefused", true])
      yield* onFile(bob, (offer) => offer.refuse(`no ${offer.name}, please`), { maxBytes: 1000 })
      assert.include((yield* refusal(1000)).message, "no x.txt, please")
      assert.include((yield* refusal(1001)).message, "1001 bytes, and 1000 are taken at most")
      assert.strictEqual((yield* Effect.flip(ada.sendFile(peer(77), source("x", noise(1)))))._tag, "FileLost")
    }).pipe(simulate, Effect.provide(world)))

  it.effect("is refused while as many as allowed are under way", () =>
    Effect.gen(function*() {
      const { ada, bob } = yield* pair
      yield* onFile(bob, (offer) => offer.accept(Effect.succeed(target(60))), { atOnce: 1 })
      const first = yield* Effect.forkChild(ada.sendFile(bob.peerId, source("first", noise(5_000_000))))
      yield* elapse(1)
      assert.include(
        (yield* Effect.flip(ada.sendFile(bob.peerId, source("second", noise(1))))).message,
        "1 files are being received"
      )
      yield* Fiber.join(first)
      yield* ada.sendFile(bob.peerId, source("third", noise(1)))
    }).pipe(simulate, Effect.provide(world)))

  it.effect("that cannot be written, or changed while it was read, fails at both ends and leaves nothing", () =>
    Effect.gen(function*() {
      const { ada, bob } = yield* pair
      const full = new FileUnusable({ file: "x", operation: "write", problem: "the disk is full" })
      const place = { ...target(), write: () => Effect.fail(full) }
      yield* onFile(
        bob,
        (offer) => Effect.exit(offer.accept(Effect.succeed(offer.name === "x" ? place : target())))
      )
      const refused = yield* Effect.flip(ada.sendFile(bob.peerId, source("x", noise(100_000))))
      assert.deepStrictEqual([refused._tag, refused.message.includes("the disk is full")], ["FileRefused", true])
      for (const size of [999, 1001]) {
        const changed = yield* Effect.flip(ada.sendFile(bob.peerId, { ...source("y", noise(1000)), size }))
        assert.deepStrictEqual([changed._tag, changed.message.includes("announced")], ["FileUnusable", true])
      }
    }).pipe(simulate, Effect.provide(world)))

  it.effect("whose checksum does not fit is discarded, and its sender told", () =>
    Effect.gen(function*() {
      const { ada, bob } = yield* pair
      const place = target()
      const received = yield* onFile(bob, (offer) => Effect.exit(offer.accept(Effect.succeed(place))))
      const header = { transfer: "0".repeat(32), name: "forged", size: 3 }
      const answers = yield* Effect.scoped(Effect.gen(function*() {
        const duplex = yield* ada.openStream(bob.peerId, { name: streamName, metadata: header })
        yield* duplex.write(Uint8Array.of(1, 2, 3))
        yield* duplex.write(new Uint8Array(32))
        yield* duplex.end
        return yield* Stream.mkString(Stream.decodeText(duplex.stream))
      }))
      assert.include(answers, "\"at\"")
      assert.include(answers, "arrived damaged")
      const exit = yield* received
      assert.isTrue(Exit.isFailure(exit))
      assert.include(String(exit), "ChecksumMismatch")
      assert.isTrue(place.discarded())
    }).pipe(simulate, Effect.provide(world)))

  it.effect("is given up at once at the other end when it is at one", () =>
    Effect.gen(function*() {
      const { ada, bob } = yield* pair
      const clock = yield* Clock.Clock
      const places: Array<ReturnType<typeof target>> = []
      const receiving: Array<Fiber.Fiber<unknown, unknown>> = []
      const failures: Array<string> = []
      yield* bob.receiveFiles().pipe(
        Stream.runForEach((offer) =>
          Effect.gen(function*() {
            const place = target(60)
            places.push(place)
            const accepted = Effect.tapError(
              offer.accept(Effect.succeed(place)),
              ({ _tag }) => Effect.sync(() => void failures.push(_tag))
            )
            receiving.push(yield* Effect.forkScoped(accepted))
          })
        ),
        Effect.forkScoped({ startImmediately: true })
      )
      const first = yield* Effect.forkChild(ada.sendFile(bob.peerId, source("first", noise(5_000_000))))
      yield* elapse(2)
      yield* Fiber.interrupt(first)
      // What had arrived is written first: half a mebibyte.
      yield* elapse(5)
      assert.deepStrictEqual(failures, ["FileLost"])
      const second = yield* Effect.forkChild(Effect.flip(ada.sendFile(bob.peerId, source("second", noise(5_000_000)))))
      yield* elapse(2)
      const since = clock.currentTimeMillisUnsafe()
      const taken = receiving[1]
      assert.isDefined(taken)
      yield* Fiber.interrupt(taken)
      assert.strictEqual((yield* Fiber.join(second))._tag, "FileLost")
      assert.isBelow(clock.currentTimeMillisUnsafe() - since, 2000)
      assert.deepStrictEqual(places.map((place) => place.discarded()), [true, true])
    }).pipe(simulate, Effect.provide(world)))

  it.effect("is not sent again when only its receiver's last word was lost", () =>
    Effect.gen(function*() {
      const { ada, bob } = yield* pair
      const bytes = noise(100_000)
      let offers = 0
      // The way is cut at the very moment at which everything is kept.
      const place = target()
      const complete = Effect.andThen(
        World.use((world) => world.partition([ada.peerId], [bob.peerId])),
        place.complete
      )
      const received = yield* onFile(bob, (offer) => {
        offers++
        return World.use((world) =>
          offer.accept(Effect.succeed({ ...place, complete: Effect.provideService(complete, World, world) }))
        )
      })
      const file = source("once.bin", bytes)
      const sending = yield* Effect.forkChild(ada.sendFile(bob.peerId, file))
      yield* elapse(30)
      assert.isUndefined(sending.pollUnsafe())
      yield* World.use((world) => world.heal)
      assert.deepStrictEqual((yield* received).saved, bytes)
      const sent = yield* Fiber.join(sending)
      assert.deepStrictEqual([sent.links, offers, file.reads.length], [2, 1, 1])
    }).pipe(simulate, Effect.provide(world)))

  it.effect("is lost when this peer leaves the network", () =>
    Effect.gen(function*() {
      const { ada, bob } = yield* pair
      const received = yield* onFile(bob, (offer) => Effect.exit(offer.accept(Effect.succeed(target(60)))))
      const sending = yield* Effect.forkChild(Effect.flip(ada.sendFile(bob.peerId, source("x", noise(5_000_000)))))
      yield* elapse(2)
      yield* bob.leave
      assert.include(String(yield* received), "FileLost")
      yield* ada.leave
      assert.strictEqual((yield* Fiber.join(sending))._tag, "FileLost")
    }).pipe(simulate, Effect.provide(world)))
})
