/**
 * What tells messages apart inside: their author and id together. An id alone would let anybody keep another's message from
 * being heard, by saying something under the same id first.
 */
import type { Gossip as Message } from "../../domain/Frame.ts"
import { pointOf } from "../../domain/Hash.ts"

/** Characters of a name: 128 bits, as random ids have. */
const length = 32

/** A message that a bridge brings is the same whoever brings it, and no message of the network's own. @category getters */
export const nameOf = ({ bridged, from, id }: Pick<Message, "bridged" | "from" | "id">): string =>
  pointOf(bridged === undefined ? `${from} ${id}` : `${bridged.networkName} ${bridged.from} ${id}`).slice(0, length)
