/** What applications send each other: any JSON value, or bytes. */
import * as Schema from "effect/Schema"

/** JSON or bytes; both arrive unchanged. @category schemas */
export const Content = Schema.Union([Schema.Uint8Array, Schema.Json])

/** @category models */
export type Content = typeof Content.Type

/** Whether a content is bytes rather than JSON. @category predicates */
export const isBytes = (content: Content): content is Uint8Array => content instanceof Uint8Array
