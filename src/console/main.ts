/**
 * The page that a hub serves: a peer in the browser, in the network that the address names after its `#`, or else in the
 * one that it was in last. The browser remembers that, and whether to fall back; who the peer is lives in the page
 * alone, since two tabs would be the same peer.
 */
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as KeyValueStore from "effect/persistence/KeyValueStore"
import * as Queue from "effect/Queue"
import * as Browser from "../runtime/browser.ts"
import { Mesh } from "../runtime/Mesh.ts"
import * as Preferences from "../services/Preferences.ts"
import { missing } from "./needs.ts"
import * as Room from "./Room.ts"
import * as View from "./View.ts"

/** The network that the address names; nothing leaves it to what is remembered. */
const chosen = (): string | undefined => {
  const name = location.hash.slice(1)
  if (name === "") return undefined
  try {
    return decodeURIComponent(name)
  } catch {
    return name
  }
}

/** The hub that served this page, wherever a proxy may have put it. */
const hub = new URL(".", location.href).href

const view = View.make((networkName) => {
  location.hash = encodeURIComponent(networkName)
})

const choices = Effect.runSync(Queue.sliding<string | undefined>(1))
addEventListener("hashchange", () => Queue.offerUnsafe(choices, chosen()))

/** A browser may keep nothing for us, or something that cannot be read. */
const remembering = Effect.try({ try: () => localStorage, catch: () => ({ message: "Your browser keeps no data" }) })
  .pipe(
    Effect.map((storage) => Layer.provide(Preferences.layer, KeyValueStore.layerStorage(() => storage))),
    Layer.unwrap,
    Layer.catch(({ message }) =>
      Layer.effectDiscard(Effect.sync(() => view.log.note(`The network will not be remembered. ${message}`, "problem")))
    )
  )

/** Stays in a network, or says why that cannot be, until interrupted. */
const stay = (networkName: string | undefined) =>
  Room.stay(view).pipe(
    Effect.provide(Mesh.layer({ hubs: hub, ...networkName === undefined ? {} : { networkName } })),
    Effect.catch((error) => Effect.sync(() => view.fail(error.message))),
    Effect.andThen(Effect.never)
  )

/** One network at a time: the next is entered once the last is left. */
const peer = Effect.gen(function*() {
  let network = chosen()
  while (true) network = yield* Effect.raceFirst(stay(network), Queue.take(choices))
}).pipe(
  Effect.provide([Browser.layer, remembering]),
  Effect.catch((error) => Effect.sync(() => view.fail(`This browser cannot make Ed25519 keys: ${error.message}`)))
)

const start = (): Fiber.Fiber<void> | undefined => {
  const problem = missing()
  if (problem === undefined) return Effect.runFork(peer)
  view.fail(problem)
  return undefined
}

// A page may come back from the browser's cache after it was left, and is then a peer again.
let life: ReturnType<typeof start>
addEventListener("pageshow", () => {
  life ??= start()
})
addEventListener("pagehide", () => {
  life?.interruptUnsafe()
  life = undefined
})
