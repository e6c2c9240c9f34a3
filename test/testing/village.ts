/** Meshes that have joined one network, and what each of them hears. */
import { Effect, Stream } from "effect"
import type { MeshEvent } from "../../src/domain/MeshEvent.ts"
import { World } from "../../src/testing/World.ts"

/** Lets `count` peers join, and waits until all have links. */
export const village = Effect.fnUntraced(function*(count: number) {
  const world = yield* World
  const people = yield* Effect.forEach(Array.from({ length: count }, (_, n) => n), (n) =>
    Effect.gen(function*() {
      const mesh = yield* world.peer(n)
      const heard: Array<MeshEvent> = []
      yield* mesh.events.pipe(
        Stream.runForEach((event) => Effect.sync(() => void heard.push(event))),
        Effect.forkScoped({ startImmediately: true })
      )
      const messages = () => heard.flatMap((event) => event._tag === "Message" ? [event.content] : [])
      const lost = () => heard.filter((event) => event._tag === "PeerDisconnected")
      const count = Effect.map(mesh.peers, (peers) => peers.length)
      return { ...mesh, mesh, heard, messages, lost, count }
    }))
  yield* world.run(Effect.forEach(people, ({ join }) => join, { concurrency: "unbounded" }))
  yield* world.elapse("5 seconds")
  return people
})
