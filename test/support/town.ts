/** Many meshes of one network in a world, and the graph of their links. */
import { Effect, Stream } from "effect"
import type { PeerId } from "../../src/domain/PeerId.ts"
import type { Mesh } from "../../src/runtime/Mesh.ts"
import { type PeerOptions, World } from "../../src/testing/World.ts"
import * as Measures from "./overlay/Measures.ts"

/** A mesh and what it has heard. */
export interface Citizen {
  readonly mesh: Mesh["Service"]
  readonly peerId: PeerId
  /** The broadcasts and direct messages that came, by their content: when first, over how many links, and how often. */
  readonly heard: Map<unknown, { readonly at: number; readonly hops: number; readonly times: number }>
  /** Links that opened so far. */
  opened(): number
}

/** A mesh that has joined. */
export const arrive = Effect.fnUntraced(function*(name: string | number, options: PeerOptions = {}) {
  const world = yield* World
  const mesh = yield* world.peer(name, { networkName: "town", allowGlobalFallback: false, ...options })
  const heard: Citizen["heard"] = new Map()
  let opened = 0
  yield* mesh.events.pipe(
    Stream.runForEach((event) =>
      Effect.clockWith((clock) =>
        Effect.sync(() => {
          if (event._tag === "PeerConnected") opened++
          if (event._tag !== "Message") return
          const known = heard.get(event.content)
          if (known !== undefined) heard.set(event.content, { ...known, times: known.times + 1 })
          else heard.set(event.content, { at: clock.currentTimeMillisUnsafe(), hops: event.hops, times: 1 })
        })
      )
    ),
    Effect.forkScoped({ startImmediately: true })
  )
  yield* mesh.join
  return { mesh, peerId: mesh.peerId, heard, opened: () => opened } satisfies Citizen as Citizen
})

/** So many meshes, which join one after the other. `gap` is in milliseconds. */
export const grow = Effect.fnUntraced(function*(count: number, gap: number, options: PeerOptions = {}) {
  const world = yield* World
  const joining = Array.from({ length: count }, (_, n) => Effect.andThen(Effect.sleep(n * gap), arrive(n, options)))
  return yield* world.run(Effect.all(joining, { concurrency: "unbounded" }))
})

/** Everybody's neighbours by index; a link counts when both ends have it. */
export const graph = Effect.fnUntraced(function*(citizens: ReadonlyArray<Citizen>) {
  const linked = yield* Effect.forEach(
    citizens,
    ({ mesh }) => Effect.map(mesh.peers, (links) => new Set(links.map(({ peerId }) => peerId)))
  )
  const index = new Map(citizens.map(({ peerId }, at) => [peerId, at]))
  return citizens.map(({ peerId }, at) =>
    Array.from(linked[at] ?? []).flatMap((other) => {
      const to = index.get(other)
      return to !== undefined && linked[to]?.has(peerId) === true ? [to] : []
    })
  )
})

/** The sizes of the components, the largest first. */
export const components = (citizens: ReadonlyArray<Citizen>) => Effect.map(graph(citizens), Measures.components)

/** The share of the links between each peer and its nearest on each side that are open. */
export const ringShare = Effect.fnUntraced(function*(citizens: ReadonlyArray<Citizen>, perSide = 2) {
  const order = citizens.toSorted((a, b) => a.peerId < b.peerId ? -1 : 1)
  const edges = yield* graph(order)
  let [right, wanted] = [0, 0]
  for (const [at, neighbours] of edges.entries()) {
    for (let step = 1; step <= Math.min(perSide, order.length - 1); step++) {
      wanted++
      if (neighbours.includes((at + step) % order.length)) right++
    }
  }
  return wanted === 0 ? 1 : right / wanted
})
