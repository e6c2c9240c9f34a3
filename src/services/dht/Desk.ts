/** What this peer says itself to a request that is with it, its own or another's: each kind has a rule that knows. */
import type { Cache } from "./Cache.ts"
import type { Ground } from "./Ground.ts"
import * as Lookup from "./Lookup.ts"
import type { Desk } from "./Requests.ts"
import * as Store from "./Store.ts"
import type { Watching } from "./Watching.ts"
import type { Writing } from "./Writing.ts"

/** @category constructors */
export const make = (
  { now }: Ground,
  cache: Cache,
  lookup: Lookup.Lookup,
  writing: Writing,
  watching: Watching
): Desk => ({
  known: (key, ask, isLast) => {
    if (ask.op === "write") cache.forget(key)
    return ask.op === "get" ? lookup.known(key, ask, isLast) : undefined
  },
  mend: (key, ask, answer) => ask.op === "get" ? lookup.newest(key, ask, answer) : answer,
  decide: (key, position, origin, ask, answer) => {
    switch (ask.op) {
      case "get": {
        const found = lookup.kept(key, ask)
        if (found !== undefined) answer(found)
        return found !== undefined
      }
      case "write":
        writing.write(key, position, ask, answer)
        return true
      case "watch":
        answer(watching.watch(key, position, origin, ask.watching))
        return true
    }
  },
  problemWith: (key, ask, answer) => {
    if (answer.is !== "record" && answer.is !== "watching") return undefined
    const { record } = answer
    if (record === undefined) return undefined
    if (record.key !== key) return "record: of another key"
    if (ask.op === "get" && !Lookup.isAnswerTo(record, ask)) return "record: it is not signed as was asked"
    return Store.problemWith(record, now())
  },
  passing: (key, ask, answer) => {
    if (ask.op === "get" && answer.is === "record") cache.keep(answer.record, now())
    else cache.forget(key)
  }
})
