/**
 * What a bridge says of a message that it brings from another network, and the rule that no message comes twice to a
 * network it has been in.
 *
 * It is the bridge's word: nothing but trust in that peer vouches for it.
 */
import * as Schema from "effect/Schema"
import { NetworkName } from "./NetworkName.ts"
import { PeerId } from "./PeerId.ts"

/** Networks between the first and the one that a message is brought to, at most. @category constants */
export const maxVia = 7

/** Where a message comes from. @category schemas */
export const Bridged = Schema.Struct({
  /** Who said it. */
  from: PeerId,
  /** Where it was said. */
  networkName: NetworkName,
  /** The clock of who said it, in milliseconds since 1970. */
  timestamp: Schema.Finite,
  /** The networks that it came through since, in order; none from a bridge that stands in the first. */
  via: Schema.Array(NetworkName).check(Schema.isMaxLength(maxVia))
})
/** @category models */
export type Bridged = typeof Bridged.Type

/** A message as it is heard in a network. @category models */
export interface Heard {
  readonly from: PeerId
  readonly networkName: NetworkName
  readonly timestamp: number
  readonly bridged?: Bridged
}

/** Whether a message was in a network before it was brought there, so that no bridge can have done that. @category predicates */
export const hasBeenIn = ({ networkName, via }: Bridged, name: NetworkName): boolean =>
  networkName === name || via.includes(name)

/**
 * What to say of a message when it is brought into another network; `undefined` when it must not be, because it has been
 * there or comes from too far away.
 *
 * @category getters
 */
export const onward = (message: Heard, into: NetworkName): Bridged | undefined => {
  const { bridged, from, networkName, timestamp } = message
  const next: Bridged = bridged === undefined
    ? { from, networkName, timestamp, via: [] }
    : { ...bridged, via: [...bridged.via, networkName] }
  return hasBeenIn(next, into) || next.via.length > maxVia ? undefined : next
}
