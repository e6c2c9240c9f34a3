/** The last things seen, so as not to act on them twice. Plain data. */

/** Things that are remembered at least; twice as many at most. */
const remembered = 10_000

/** Notes a thing, and says whether it was seen before. @category constructors */
export const make = (): (key: string) => boolean => {
  let [young, old] = [new Set<string>(), new Set<string>()]
  return (key) => {
    if (young.has(key) || old.has(key)) return true
    if (young.size >= remembered) [young, old] = [new Set(), young]
    young.add(key)
    return false
  }
}
