/** What a peer's part in the hash table hears of the world, and what it asks of it. */
import * as Data from "effect/Data"
import type { Answer, Ask, DhtFrame, Write } from "../../domain/DhtFrame.ts"
import type { StoredRecord } from "../../domain/DhtRecord.ts"
import type { PeerId } from "../../domain/PeerId.ts"

/** What can happen. @category models */
export type Event = Data.TaggedEnum<{
  /** The application asks; `Answered` with the same token follows. */
  Asked: { readonly token: number; readonly key: string; readonly ask: Wanted }
  /** The application wants to hear of changes; `Answered` follows once that is registered, and `Changed` each time. */
  Subscribed: { readonly token: number; readonly key: string }
  Unsubscribed: { readonly token: number; readonly key: string }
  Came: { readonly from: PeerId; readonly frame: DhtFrame }
  /** A link to a peer that speaks as we do. */
  Linked: { readonly peer: PeerId }
  Unlinked: { readonly peer: PeerId }
  /** Something could not be sent to a peer. */
  Unreached: { readonly peer: PeerId }
  /** The peers around us are others. */
  Moved: {}
  /** The time of `dueAt` has come. */
  Due: {}
  /** We are about to leave. */
  Leaving: {}
}>
/** @category constructors */
export const Event = Data.taggedEnum<Event>()

/** What an application may ask. @category models */
export type Wanted =
  | Extract<Ask, { readonly op: "get" }>
  | {
    readonly op: "write"
    readonly value: StoredRecord["value"]
    readonly ttl: number
    readonly expected: number | undefined
    /** What was signed with it, the name of the write included. Default: the peer that keeps it first decides. */
    readonly signed?: NonNullable<Write["signed"]> & Pick<Write, "write">
  }

/** What to do. @category models */
export type Command = Data.TaggedEnum<{
  Send: { readonly to: PeerId; readonly frame: DhtFrame }
  /** Without an answer: none came in time. */
  Answered: { readonly token: number; readonly answer: Answer | undefined }
  Changed: { readonly token: number; readonly record: StoredRecord }
  /** Something came that is not followed. */
  Dropped: { readonly what: "malformed" | "duplicate" | "foreignNetwork" }
}>
/** @category constructors */
export const Command = Data.taggedEnum<Command>()
