/** What became of a message, and where: a mesh that has fallen back speaks to another network than its home. */
import * as Schema from "effect/Schema"
import { NetworkName } from "./NetworkName.ts"

/** A message that its addressee has confirmed. @category schemas */
export const Sent = Schema.Struct({
  /** The network that it went to. */
  networkName: NetworkName
})
/** @category models */
export type Sent = typeof Sent.Type

/** A message that is on its way to everyone. @category schemas */
export const SentToAll = Schema.Struct({
  /** The network that it went to. */
  networkName: NetworkName,
  /** The neighbours that it went to first; with none, nobody hears it. */
  neighbours: Schema.Natural
})
/** @category models */
export type SentToAll = typeof SentToAll.Type
