/** What a session's actor does at the moment. */
import * as Data from "effect/Data"
import { HubState } from "../../domain/MeshStatus.ts"
import type { NetworkName } from "../../domain/NetworkName.ts"
import type { HubConnection } from "./HubConnection.ts"

/** The state of a session. @category models */
export type State = Data.TaggedEnum<{
  /** Nobody needs a hub, and there is no actor. */
  Idle: {}
  /** The socket is not open yet. */
  Dialling: { readonly url: string; readonly attempt: number }
  /** The socket is open and the newest member is announced, but the hub has not said that it takes us. */
  Announcing: {
    readonly url: string
    readonly attempt: number
    readonly connection: HubConnection
    readonly announced: NetworkName | undefined
  }
  Connected: {
    readonly url: string
    readonly since: number
    readonly connection: HubConnection
    /** The first network that was announced; the only one at a hub of PeerPigeon's, which holds one at a time. */
    readonly announced: NetworkName | undefined
    /** What the hub can do beyond PeerPigeon's. */
    readonly features: ReadonlySet<string>
  }
  Waiting: { readonly url: string; readonly problem: string; readonly retryAt: number }
  /** Another connection of this peer has our place at the hub, and there is no actor. */
  TakenOver: { readonly url: string; readonly problem: string }
  /** The session's scope is closed. */
  Closed: {}
}>
/** The states, and the ways to tell one from another. @category constructors */
export const State = Data.taggedEnum<State>()

/** What the outside sees: whether the hub is open or has greeted is our own affair. @category getters */
export const toHubState = State.$match({
  Idle: (): HubState => ({ _tag: "Idle" }),
  Dialling: ({ attempt, url }): HubState => ({ _tag: "Connecting", url, attempt }),
  Announcing: ({ attempt, url }): HubState => ({ _tag: "Connecting", url, attempt }),
  Connected: ({ since, url }): HubState => ({ _tag: "Connected", url, since }),
  Waiting: ({ problem, retryAt, url }): HubState => ({ _tag: "Waiting", url, problem, retryAt }),
  TakenOver: ({ problem, url }): HubState => ({ _tag: "TakenOver", url, problem }),
  Closed: (): HubState => ({ _tag: "Idle" })
})
