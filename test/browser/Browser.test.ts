/** Real browsers, real WebRTC: the hub's own page, Node, and a peer that speaks as PeerPigeon does. */
import { assert, describe, it, layer } from "@effect/vitest"
import { Context, Effect, Fiber, Layer, Option, Stream } from "effect"
import { execFileSync } from "node:child_process"
import { createHash } from "node:crypto"
import type { Page } from "playwright-core"
import type { MeshEvent } from "../../src/domain/MeshEvent.ts"
import { PeerId } from "../../src/domain/PeerId.ts"
import { Hub } from "../../src/hub/Hub.ts"
import { Mesh } from "../../src/runtime/Mesh.ts"
import * as Node from "../../src/runtime/node.ts"
import * as WebFiles from "../../src/runtime/WebFiles.ts"
import * as Turn from "../services/webrtc/turn.ts"
import { Chromium, unavailable } from "./Chromium.ts"
import { pigeon } from "./pigeon.ts"
import { profileVisit, promiseApi, scriptOf } from "./profileVisit.ts"
import { pattern, sendFile, takeFile, talk } from "./transfers.ts"

const hubWithPage = Layer.unwrap(Effect.sync(() => {
  execFileSync(process.execPath, ["tools/console.ts"])
  return Hub.layer({ port: 0, assets: "dist/console" })
}))

const httpOf = (hub: Hub["Service"]) => hub.url.replace("ws:", "http:")

/** A peer on Node that is in a network. */
const nodePeer = Effect.fnUntraced(function*(networkName: string) {
  const hub = yield* Hub
  const context = yield* Layer.build(
    Layer.fresh(Mesh.layer({ hubs: hub.url, networkName }).pipe(Layer.provide(Node.layer)))
  )
  const mesh = Context.get(context, Mesh)
  yield* mesh.join
  return mesh
})

type Message = Extract<MeshEvent, { readonly _tag: "Message" }>

/** The next `count` messages that a peer hears from now on. */
const hears = (mesh: Mesh["Service"], count: number) =>
  mesh.events.pipe(
    Stream.filter((event): event is Message => event._tag === "Message"),
    Stream.take(count),
    Stream.runCollect,
    Effect.forkScoped({ startImmediately: true })
  )

const summary = ({ content, from, kind }: Message) => `${kind} from ${from}: ${String(content)}`

/** The hub's page, in a network. */
const openPage = Effect.fnUntraced(function*(network: string) {
  const chromium = yield* Chromium
  const page = yield* chromium.page(`${httpOf(yield* Hub)}/#${network}`)
  const id = yield* Effect.promise(async () => {
    await page.locator("#self.id").waitFor()
    return await page.getAttribute("#self", "title")
  })
  return { page, id: PeerId.make(id ?? "") }
})

const linked = (page: Page, ...others: ReadonlyArray<PeerId>) =>
  Effect.forEach(
    others,
    (id) => Effect.promise(() => page.locator(`#peers button[data-state="open"][title="${id}"]`).waitFor()),
    { discard: true }
  )

const say = (page: Page, text: string) =>
  Effect.promise(async () => {
    await page.fill("#message", text)
    await page.press("#message", "Enter")
  })

const shows = (page: Page, text: string) =>
  Effect.promise(() => page.locator(".message:not(.own) .text").getByText(text, { exact: true }).waitFor())

const shown = (page: Page) => Effect.promise(() => page.locator(".message .text").allTextContents())

describe.skipIf(unavailable !== undefined)("in Chromium", () => {
  layer(Layer.merge(hubWithPage, Chromium.layer), { timeout: "90 seconds", excludeTestServices: true })((it) => {
    it.effect(
      "two pages and Node in one network hear each other, and a page in another network hears nothing",
      () =>
        Effect.gen(function*() {
          const stranger = yield* openPage("elsewhere")
          const strangerOnNode = yield* nodePeer("elsewhere")
          const one = yield* openPage("lab")
          const two = yield* openPage("lab")
          const node = yield* nodePeer("lab")
          const heard = yield* hears(node, 3)
          yield* linked(one.page, two.id, node.peerId)
          yield* linked(two.page, one.id, node.peerId)
          yield* linked(stranger.page, strangerOnNode.peerId)

          const markup = "<img src=x onerror=alert(1)>"
          yield* say(one.page, markup)
          yield* shows(two.page, markup)
          yield* say(two.page, "hello from two")
          yield* shows(one.page, "hello from two")

          yield* node.broadcast("hello from Node")
          yield* shows(one.page, "hello from Node")
          yield* shows(two.page, "hello from Node")

          yield* Effect.promise(() => one.page.click(`#peers button[title="${node.peerId}"]`))
          yield* say(one.page, "for Node only")
          yield* Effect.promise(() => one.page.locator(".own .remark").getByText("delivered").waitFor())
          yield* node.send(two.id, "for two only")
          yield* shows(two.page, "for two only")

          assert.deepStrictEqual(
            (yield* Fiber.join(heard)).map(summary).toSorted(),
            [
              `broadcast from ${one.id}: ${markup}`,
              `broadcast from ${two.id}: hello from two`,
              `direct from ${one.id}: for Node only`
            ].toSorted()
          )
          assert.notInclude(yield* shown(one.page), "for two only")
          assert.notInclude(yield* shown(two.page), "for Node only")

          yield* strangerOnNode.broadcast("only here")
          yield* shows(stranger.page, "only here")
          assert.deepStrictEqual(yield* shown(stranger.page), ["only here"])
        }).pipe(Effect.scoped),
      60_000
    )

    it.effect(
      "the page remembers its network and whether to fall back, and is somebody else each time",
      () =>
        Effect.gen(function*() {
          const { id, page } = yield* openPage("remembered")
          const address = httpOf(yield* Hub)
          const [network, fallback] = yield* Effect.promise(async () => {
            await page.locator(".note").getByText("joined remembered").waitFor()
            await page.uncheck("#fallback")
            // The page shows what the mesh says once a second, and a decision that did not reach it would be undone.
            await page.waitForTimeout(1500)
            await page.goto("about:blank")
            await page.goto(address)
            await page.locator(".note").getByText("joined remembered").waitFor()
            return [await page.inputValue("#network"), await page.isChecked("#fallback")]
          })
          assert.deepStrictEqual([network, fallback], ["remembered", false])
          assert.notStrictEqual(yield* Effect.promise(() => page.getAttribute("#self", "title")), id)
        }).pipe(Effect.scoped),
      60_000
    )

    it.effect(
      "a profile keeps id, network and setting in the page's storage, for one mesh at a time",
      () =>
        Effect.gen(function*() {
          const hub = yield* Hub
          const chromium = yield* Chromium
          // Any page of the origin will do, and one whose own scripts do not join is quieter.
          const page = yield* chromium.page(`${httpOf(hub)}/health`)
          const library = yield* promiseApi
          const visit = (change: boolean) =>
            Effect.promise(async () => {
              await page.reload()
              await page.evaluate(library)
              return await page.evaluate(profileVisit, { hub: hub.url, change })
            })
          const first = yield* visit(true)
          assert.deepStrictEqual(first.start, ["global", true])
          assert.strictEqual(first.refusal, "StoreUnusable")
          const second = yield* visit(false)
          assert.deepStrictEqual(second, { ...first, start: ["work", false] })
        }).pipe(Effect.scoped),
      60_000
    )

    it.effect(
      "ICE is restarted by the TURN servers of that moment",
      () =>
        Effect.gen(function*() {
          const turn = yield* Turn.make
          const chromium = yield* Chromium
          const page = yield* chromium.page(`${httpOf(yield* Hub)}/health`)
          const script = yield* scriptOf("test/browser/restart.ts", "restarting")
          yield* Effect.promise(async () => {
            await page.evaluate(script)
            await page.evaluate((servers) => globalThis.restarting.restart(servers), turn.as("ada"))
          })
          assert.deepStrictEqual(turn.asked, new Set(["ada"]))
        }).pipe(Effect.scoped),
      60_000
    )

    it.effect(
      "a file goes from Node to a page, from the page to Node, and a stream both ways",
      () =>
        Effect.gen(function*() {
          const hub = yield* Hub
          const chromium = yield* Chromium
          const page = yield* chromium.page(`${httpOf(hub)}/health`)
          const library = yield* promiseApi
          const networkName = "transfers"
          const id = yield* Effect.promise(async () => {
            await page.evaluate(library)
            return PeerId.make(await page.evaluate(takeFile, { hub: hub.url, networkName }))
          })
          const node = yield* nodePeer(networkName)

          const bytes = pattern(3_000_000)
          const digest = createHash("sha256").update(bytes).digest("hex")
          const sent = yield* node.sendFile(id, WebFiles.source(new Blob([bytes], { type: "text/x" }), "from Node.bin"))
          const taken = yield* Effect.promise(() => page.evaluate(() => globalThis.taken))
          assert.deepStrictEqual(taken, {
            name: "from Node.bin",
            size: bytes.length,
            sha256: digest,
            own: digest,
            blob: bytes.length,
            type: "text/x",
            last: bytes.length
          })
          assert.deepStrictEqual([sent.sha256, sent.links], [digest, 1])

          const received = yield* node.receiveFiles().pipe(
            Stream.take(1),
            Stream.mapEffect((offer) => offer.accept(Effect.succeed(WebFiles.blobTarget(offer.type)))),
            Stream.runHead,
            Effect.flatMap(Effect.fromOption),
            Effect.forkScoped({ startImmediately: true })
          )
          const length = 2_000_000
          const told = yield* Effect.promise(() => page.evaluate(sendFile, { to: node.peerId, length }))
          const { name, saved, sha256, size } = yield* Fiber.join(received)
          const own = createHash("sha256").update(pattern(length)).digest("hex")
          assert.deepStrictEqual([told.name, told.sha256, told.size], ["from a page.bin", own, length])
          assert.deepStrictEqual([name, sha256, size, saved.type], [told.name, own, length, "application/x-test"])

          yield* node.streams.pipe(
            Stream.runForEach((request) =>
              Effect.scoped(Effect.flatMap(request.accept, ({ sink, stream }) => Stream.run(stream, sink)))
            ),
            Effect.forkScoped({ startImmediately: true })
          )
          const text = "there and back again. ".repeat(10_000)
          assert.strictEqual(yield* Effect.promise(() => page.evaluate(talk, { to: node.peerId, text })), text)
        }).pipe(Effect.scoped),
      90_000
    )

    it.effect("a page that is left says so at once", () =>
      Effect.gen(function*() {
        const { id, page } = yield* openPage("leaving")
        const node = yield* nodePeer("leaving")
        const gone = yield* node.events.pipe(
          Stream.filter((event) => event._tag === "PeerDisconnected"),
          Stream.runHead,
          Effect.forkScoped({ startImmediately: true })
        )
        yield* linked(page, node.peerId)
        yield* Effect.promise(() => page.goto("about:blank"))
        // Much less than the ten seconds after which a silent neighbour counts as dead.
        const event = yield* Fiber.join(gone).pipe(Effect.flatMap(Effect.fromOption), Effect.timeout("5 seconds"))
        assert.strictEqual(event.peerId, id)
      }).pipe(Effect.scoped), 60_000)

    for (const { id, offers } of [{ id: "f".repeat(40), offers: true }, { id: "0".repeat(40), offers: false }]) {
      it.effect(`a PeerPigeon peer that ${offers ? "offers" : "answers"} is understood`, () =>
        Effect.gen(function*() {
          const hub = yield* Hub
          const chromium = yield* Chromium
          const networkName = `pigeons-${offers}`
          const node = yield* nodePeer(networkName)
          const heard = yield* hears(node, 2)
          // Any page will do that may open sockets.
          const page = yield* chromium.page(`${httpOf(hub)}/health`)
          const flight = yield* Effect.promise(() => page.evaluate(pigeon, { hub: hub.url, id, networkName })).pipe(
            Effect.forkScoped({ startImmediately: true })
          )

          const messages = (yield* Fiber.join(heard)).map(summary).toSorted()
          assert.deepStrictEqual(messages, [`broadcast from ${id}: coo`, `direct from ${id}: coo, you`])
          yield* node.dht.put("grain", { corns: 3 })
          yield* node.broadcast("grain")
          yield* node.send(PeerId.make(id), { food: "grain, for you" })
          assert.deepStrictEqual(yield* Fiber.join(flight), {
            offered: offers,
            chat: "grain",
            dm: { food: "grain, for you" },
            found: { corns: 3 }
          })
          const nest = Option.getOrThrow(yield* node.dht.get("nest"))
          assert.deepStrictEqual<unknown>([nest.value, nest.writer], ["straw", id])
        }).pipe(Effect.scoped), 60_000)
    }
  })
})

if (unavailable !== undefined) it.skip(`in Chromium: ${unavailable}`)
