/** What a WebSocket frame from a hub turns out to be. */
import * as Data from "effect/Data"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { decodeHubSignal, decodeMessageType, HubSignal } from "../../domain/Signal.ts"

/** The most characters a frame may have: 1 Mi. @category constants */
export const maxLength = 1024 * 1024

/** A frame, read. @category models */
export type HubFrame = Data.TaggedEnum<{
  Understood: { readonly signal: HubSignal }
  /** A message of a type that this version does not know; to be ignored. */
  Unknown: { readonly type: string }
  Malformed: { readonly problem: string }
}>

const { Malformed, Understood, Unknown } = Data.taggedEnum<HubFrame>()

const parse = Schema.decodeUnknownResult(Schema.fromJsonString(Schema.Unknown))

/** Reads a frame. @category decoding */
export const read = (frame: string | Uint8Array): HubFrame => {
  if (typeof frame !== "string") return Malformed({ problem: "a binary frame, where hubs send text" })
  if (frame.length > maxLength) {
    return Malformed({ problem: `${frame.length} characters, and the limit is ${maxLength}` })
  }
  const signal = decodeHubSignal(frame)
  if (Result.isSuccess(signal)) return Understood({ signal: signal.success })
  // Only now is it worth a second look: a type we have never heard of is no fault.
  const type = Result.flatMap(parse(frame), decodeMessageType)
  return Result.isSuccess(type) && !Object.hasOwn(HubSignal.cases, type.success.type)
    ? Unknown({ type: type.success.type })
    : Malformed({ problem: signal.failure.message })
}
