/** Peer ids as people type them: the first few digits. */
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { PeerId, short } from "../../domain/PeerId.ts"

const isPeerId = Schema.is(PeerId)

/** Matches that an answer names at most. */
const shownMatches = 5

/**
 * The one of `known` that starts with `prefix`, in either case; a whole id need not be known. Fails with a sentence for
 * people when no id, or more than one, is meant.
 *
 * @category resolution
 */
export const resolve = (prefix: string, known: Iterable<PeerId>): Result.Result<PeerId, string> => {
  if (isPeerId(prefix)) return Result.succeed(prefix)
  if (!/^[0-9a-fA-F]{1,40}$/.test(prefix)) {
    return Result.fail(`"${prefix}" is no peer id: ids have the digits 0 to 9 and a to f.`)
  }
  const matches = Array.from(new Set(known)).filter((id) => id.toLowerCase().startsWith(prefix.toLowerCase()))
  const [only, ...others] = matches
  if (only === undefined) return Result.fail(`Nobody known has an id that starts with ${prefix}. See /peers.`)
  if (others.length === 0) return Result.succeed(only)
  const some = matches.slice(0, shownMatches).map((id) => id.slice(0, Math.max(short(id).length, prefix.length + 2)))
  const more = matches.length > shownMatches ? ", …" : ""
  return Result.fail(`${prefix} is the start of ${matches.length} ids (${some.join(", ")}${more}). Type more digits.`)
}
