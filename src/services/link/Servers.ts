/**
 * Who serves frames of which types, on all links of a pool. What nobody serves yet waits a moment for somebody who does, and is
 * given up then.
 */
import * as Deferred from "effect/Deferred"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { Frame } from "../../domain/Frame.ts"
import type { FrameHandler, LanesOptions, Server } from "./Lanes.ts"

/** @category models */
export interface Servers {
  /** As in `ConnectionPool`. */
  serve(
    types: ReadonlyArray<Frame["type"]>,
    handle: FrameHandler,
    options?: { readonly needsAll?: boolean }
  ): Effect.Effect<void>
  /** Who serves a type; an effect while nobody does yet. */
  readonly serverOf: LanesOptions["serverOf"]
}

/** Nobody yet. `unserved` hears of frames that nobody serves for `patience`. @category constructors */
export const make = (patience: Duration.Duration, unserved: (count: number) => void): Servers => {
  const servers = new Map<Frame["type"], Server>()
  const awaited = new Map<Frame["type"], Deferred.Deferred<void>>()

  const nobody: Server = {
    handle: (_, batch) => Effect.sync(() => unserved(batch.length)),
    needsAll: false
  }

  const awaitServer = (type: Frame["type"]): Effect.Effect<Server> =>
    Effect.suspend(() => {
      const served = awaited.get(type) ?? Deferred.makeUnsafe<void>()
      awaited.set(type, served)
      return Effect.map(Effect.timeoutOption(Deferred.await(served), patience), () => {
        const server = servers.get(type) ?? nobody
        servers.set(type, server)
        return server
      })
    })

  return {
    serve: (types, handle, { needsAll = false } = {}) =>
      Effect.sync(() => {
        const server: Server = { handle, needsAll }
        for (const type of types) {
          servers.set(type, server)
          const served = awaited.get(type)
          if (served !== undefined) Deferred.doneUnsafe(served, Effect.void)
        }
      }),
    serverOf: (type) => servers.get(type) ?? awaitServer(type)
  }
}
