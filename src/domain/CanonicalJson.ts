/**
 * One text for one JSON value, whoever wrote it: members sorted by name, no spaces, numbers as JavaScript prints them
 * (RFC 8785). What is signed must not depend on the order in which somebody wrote it down.
 */
import type * as Schema from "effect/Schema"

const isArray = (value: Schema.Json): value is ReadonlyArray<Schema.Json> => Array.isArray(value)

/** @category encoding */
export const stringify = (value: Schema.Json): string => {
  if (typeof value !== "object" || value === null) return JSON.stringify(value)
  if (isArray(value)) return `[${value.map(stringify).join(",")}]`
  const members = Object.entries(value).toSorted(([one], [other]) => one < other ? -1 : 1)
  return `{${members.map(([name, member]) => `${JSON.stringify(name)}:${stringify(member)}`).join(",")}}`
}
