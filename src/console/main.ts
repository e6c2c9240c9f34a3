/**
 * The page that a hub serves: a peer in the browser, in the network that the address names after its `#`.
 */
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import * as Queue from "effect/Queue"
import { global } from "../domain/NetworkName.ts"
import * as Browser from "../runtime/browser.ts"
import { Mesh } from "../runtime/Mesh.ts"
import { missing } from "./needs.ts"
import * as Room from "./Room.ts"
import * as View from "./View.ts"

const chosen = (): string => {
  const name = location.hash.slice(1)
  try {
    return decodeURIComponent(name) || global
  } catch {
    return name
  }
}

/** The hub that served this page, wherever a proxy may have put it. */
const hub = new URL(".", location.href).href

const view = View.make((networkName) => {
  location.hash = encodeURIComponent(networkName)
})

const choices = Effect.runSync(Queue.sliding<string>(1))
addEventListener("hashchange", () => Queue.offerUnsafe(choices, chosen()))

/** Stays in a network, or says why that cannot be, until interrupted. */
const stay = (network: string) =>
  Room.stay(view, network).pipe(
    Effect.provide(Mesh.layer({ hubs: hub, networkName: network })),
    Effect.catch((error) => Effect.sync(() => view.fail(error.message))),
    Effect.andThen(Effect.never)
  )

/** One network at a time: the next is entered once the last is left. */
const peer = Effect.gen(function*() {
  let network = chosen()
  while (true) network = yield* Effect.raceFirst(stay(network), Queue.take(choices))
}).pipe(
  Effect.provide(Browser.layer),
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
