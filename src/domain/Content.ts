/** What applications send each other: any JSON value, or bytes. */
import * as Schema from "effect/Schema"

/** JSON or bytes; both arrive unchanged. @category schemas */
export const Content = Schema.Union([Schema.Uint8Array, Schema.Json])

/** @category models */
export type Content = typeof Content.Type

/** Whether a content is bytes rather than JSON. @category predicates */
export const isBytes = (content: Content): content is Uint8Array => content instanceof Uint8Array

/**
 * How deep arrays and objects of a content may nest: 256 levels. `JSON.stringify` exhausts the stack at a few
 * thousand, and whatever was accepted must be possible to pass on.
 *
 * @category constants
 */
export const maxNesting = 256

/**
 * What keeps a value from being sent as it is, in words, or `undefined` when nothing does. Stricter than JSON's own
 * idea of it: what `JSON.stringify` would drop or change (a `Date`, a `Map`, `NaN`, `undefined`) is refused.
 *
 * @category predicates
 */
export const problemWith = (value: unknown): string | undefined =>
  value instanceof Uint8Array ? undefined : problemAt(value, 0)

const problemAt = (value: unknown, depth: number): string | undefined => {
  switch (typeof value) {
    case "string":
    case "boolean":
      return undefined
    case "number":
      return Number.isFinite(value) ? undefined : `${value} is no JSON number`
    case "object":
      if (value === null) return undefined
      if (depth >= maxNesting) return `it is nested more than ${maxNesting} levels deep, or contains itself`
      if (!Array.isArray(value) && !isRecord(value)) return `a ${value.constructor.name} is no JSON value`
      for (const member of Object.values(value)) {
        const problem = problemAt(member, depth + 1)
        if (problem !== undefined) return problem
      }
      return undefined
    default:
      return `${typeof value} is no JSON type`
  }
}

const isRecord = (value: object): boolean => {
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}
