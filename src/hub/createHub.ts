/** A hub for code that does not use Effect. */
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import type { PeerId } from "../domain/PeerId.ts"
import { AlreadyRunning } from "./AlreadyRunning.ts"
import type { HubView } from "./backplane/Backplane.ts"
import type { HubStats } from "./exchange/Traffic.ts"
import { Hub } from "./Hub.ts"
import { type HubOptions, resolve } from "./Options.ts"

/** A hub in numbers, and the others that it knows. @category models */
export interface HubReport extends Omit<HubStats, "uptime"> {
  /** Milliseconds since the hub started. */
  readonly uptime: number
  readonly isHub: boolean
  readonly hubId: PeerId
  readonly hubMeshNamespace: string
  readonly url: string
  readonly hubs: ReadonlyArray<HubView>
}

/** A hub that can be started and stopped, any number of times. @category models */
export interface HubClient {
  /**
   * Starts the hub; resolves with where it is once it listens, and with the same while it runs. Rejects with
   * `HubCannotListen` when no port can be had.
   */
  start(): Promise<{ readonly url: string; readonly port: number }>
  /** Tells everybody and ends; resolves when nothing is left of it. Does nothing when it does not run. */
  stop(): Promise<void>
  /** The network on which hubs find each other. */
  readonly hubMeshNamespace: string
  /** The same. */
  getHubMeshNamespace(): string
  /**
   * Chooses that network for the next start. Throws `AlreadyRunning` while the hub runs, and `InvalidInput` for what is no
   * name of a network.
   */
  setHubMeshNamespace(name: string): void
  /** The hub in numbers; `undefined` when it does not run. */
  getStats(): Promise<HubReport | undefined>
}

interface Life {
  readonly hub: Hub["Service"]
  readonly scope: Scope.Closeable
}

const check = (options: HubOptions) => Effect.runSync(resolve(options))

const begin = async (options: HubOptions): Promise<Life> => {
  const scope = Scope.makeUnsafe()
  const exit = await Effect.runPromiseExit(
    Effect.map(Layer.buildWithScope(Hub.layer(options), scope), (context) => Context.get(context, Hub))
  )
  if (Exit.isSuccess(exit)) return { hub: exit.value, scope }
  await Effect.runPromise(Scope.close(scope, exit))
  return Effect.runPromise(Effect.failCause(exit.cause))
}

/**
 * Makes a hub, which does not run yet. Throws `InvalidInput` when an option cannot be used.
 *
 * @category constructors
 */
export const createHub = (options: HubOptions = {}): HubClient => {
  let chosen = options
  let { hubMeshNamespace } = check(options)
  let life: Promise<Life> | undefined
  /** The life before, until nothing is left of it: the next one may want its port. */
  let over: Promise<void> = Promise.resolve()

  const end = async (ending: Promise<Life>): Promise<void> => {
    const { scope } = await ending
    await Effect.runPromise(Scope.close(scope, Exit.void))
  }

  return {
    async start() {
      const starting = life ??= over.then(() => begin(chosen))
      try {
        const { hub: { port, url } } = await starting
        return { port, url }
      } catch (error) {
        if (life === starting) life = undefined
        throw error
      }
    },
    async stop() {
      const ending = life
      life = undefined
      if (ending === undefined) return over
      const ended = end(ending)
      // What fails to start leaves nothing.
      over = ended.catch(() => undefined)
      return ended
    },
    get hubMeshNamespace() {
      return hubMeshNamespace
    },
    getHubMeshNamespace: () => hubMeshNamespace,
    setHubMeshNamespace(name) {
      if (life !== undefined) throw new AlreadyRunning({ operation: "setHubMeshNamespace" })
      const next = { ...chosen, hubMeshNamespace: name }
      hubMeshNamespace = check(next).hubMeshNamespace
      chosen = next
    },
    async getStats() {
      if (life === undefined) return undefined
      const { hub } = await life
      const { uptime, ...stats } = await Effect.runPromise(hub.stats)
      const { hubId, isHub, url } = hub
      const hubs = await Effect.runPromise(hub.hubs)
      return { ...stats, uptime: Duration.toMillis(uptime), isHub, hubId, hubMeshNamespace, url, hubs }
    }
  }
}
