/** What the parts of a peer's hash table share: who we are, the ways, and the hands that carry things out. */
import type { DhtFrame } from "../../domain/DhtFrame.ts"
import { positionOf } from "../../domain/DhtRecord.ts"
import type { NetworkName } from "../../domain/NetworkName.ts"
import type { PeerId } from "../../domain/PeerId.ts"
import type { Ways } from "../Routing.ts"

/** @category models */
export interface Ground {
  readonly self: PeerId
  readonly networkName: NetworkName
  readonly ways: Ways
  /** Neighbours that speak as we do. */
  readonly linked: ReadonlySet<PeerId>
  /** Uniform in [0, 1). */
  random(): number
  /** The time of the event that is handled, in milliseconds since 1970. */
  now(): number
  send(to: PeerId, frame: DhtFrame): void
  /** Counts something that a neighbour sent and that is not followed. */
  drop(what: "malformed" | "duplicate" | "foreignNetwork"): void
}

/** The place of a key on the ring. @category getters */
export const placeOf = ({ networkName }: Pick<Ground, "networkName">, key: string): PeerId =>
  positionOf(networkName, key)

const word = (random: () => number) => Math.floor(random() * 2 ** 32).toString(16).padStart(8, "0")

/** A name that nobody guesses. @category constructors */
export const freshId = ({ random }: Pick<Ground, "random">): string =>
  Array.from({ length: 4 }, () => word(random)).join("")

/** A period that is spread by a share of itself, so that peers do not act together. @category constructors */
export const jittered = ({ random }: Pick<Ground, "random">, period: number, share: number): number =>
  period * (1 - share + 2 * share * random())
