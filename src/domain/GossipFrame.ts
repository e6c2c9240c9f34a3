/**
 * How two neighbours agree on who brings which message (Plumtree; Leitão, Pereira, Rodrigues 2007). These frames concern
 * one link and are never passed on; a PeerPigeon peer ignores them, and gets every message unasked.
 */
import * as Schema from "effect/Schema"
import { guardFor } from "./FrameGroup.ts"

/** What tells messages apart: 32 hexadecimal digits from us, anything unique from others. @category schemas */
export const MessageId = Schema.String.check(Schema.isBetweenLength(1, 64))

/** The most messages that one frame may name. @category constants */
export const maxIds = 1024

const Ids = Schema.Array(MessageId).check(Schema.isMaxLength(maxIds))
const Numbers = Schema.Array(Schema.Natural).check(Schema.isMaxLength(maxIds))

/** "I hold these, should they not reach you on another way." @category schemas */
export const IHave = Schema.Struct({
  type: Schema.tag("ihave"),
  ids: Ids,
  /** About how large each one is, in bytes: the large are longer on their way. Absent when all are small. */
  bytes: Schema.optionalKey(Numbers)
})
/** @category models */
export type IHave = typeof IHave.Type

/** "Give me these, and bring me the next ones unasked." @category schemas */
export const Graft = Schema.Struct({ type: Schema.tag("graft"), ids: Ids })
/** @category models */
export type Graft = typeof Graft.Type

/** "Others bring me messages sooner: from now on, tell me only what you hold." @category schemas */
export const Prune = Schema.Struct({ type: Schema.tag("prune") })
/** @category models */
export type Prune = typeof Prune.Type

/** What is held of late, and whether to be told the same; ages are in milliseconds, one for each id. @category schemas */
export const Digest = Schema.Struct({
  type: Schema.tag("digest"),
  ids: Ids,
  ages: Numbers,
  /** Asks for what the neighbour holds that is at most so old, in milliseconds: as long as the asker is in the network. */
  since: Schema.optionalKey(Schema.Natural)
})
/** @category models */
export type Digest = typeof Digest.Type

/** "I have these direct messages, by their names, and look after them." @category schemas */
export const Taken = Schema.Struct({ type: Schema.tag("taken"), ids: Ids })
/** @category models */
export type Taken = typeof Taken.Type

/** "I cannot bring this direct message any further." @category schemas */
export const Returned = Schema.Struct({
  type: Schema.tag("returned"),
  id: MessageId,
  /** Its addressee would be next to the one who says so, who never heard of it. */
  absent: Schema.Boolean
})
/** @category models */
export type Returned = typeof Returned.Type

/** The frames by which neighbours agree on who brings which broadcast. @category schemas */
export const Control = Schema.Union([IHave, Graft, Prune, Digest]).pipe(Schema.toTaggedUnion("type"))
/** @category models */
export type Control = typeof Control.Type

/** Whether a frame is one of them. @category guards */
export const isControl = guardFor(Control.discriminants)

/** The frames by which neighbours say who looks after a direct message. @category schemas */
export const Custody = Schema.Union([Taken, Returned]).pipe(Schema.toTaggedUnion("type"))
/** @category models */
export type Custody = typeof Custody.Type

/** Whether a frame is one of them. @category guards */
export const isCustody = guardFor(Custody.discriminants)

/** All of them, for `Frame`. @category schemas */
export const members = [...Control.members, ...Custody.members] as const

/** The types of all of them. @category constants */
export const kinds: ReadonlyArray<(Control | Custody)["type"]> = [...Control.discriminants, ...Custody.discriminants]
