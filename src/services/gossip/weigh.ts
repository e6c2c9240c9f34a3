/** About how large a content is, without encoding it. */
import { type Content, isBytes } from "../../domain/Content.ts"

/** What an array's or object's member costs besides itself: a comma, quotes, a colon. */
const perMember = 4

/** The length of a number, give or take. */
const perNumber = 8

const lengthOf = (value: unknown): number => {
  switch (typeof value) {
    case "string":
      return value.length
    case "number":
      return perNumber
    case "object": {
      if (value === null) return perMember
      let length = 0
      if (Array.isArray(value)) {
        for (const member of value) length += perMember + lengthOf(member)
      } else {
        for (const [name, member] of Object.entries(value)) length += perMember + name.length + lengthOf(member)
      }
      return length
    }
    default:
      return perMember
  }
}

/** Bytes for bytes, and about the characters that JSON takes. @category getters */
export const weigh = (content: Content): number => isBytes(content) ? content.length : lengthOf(content)
