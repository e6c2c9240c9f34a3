/**
 * Puts what a peer says back into the order in which it was said. What comes too early waits for what is missing, but not
 * for ever; then the gap is left, and what fills it later is left out. Bounded in number: of those who speak, and of what
 * waits for one.
 */

/** How long a gap is waited for, in milliseconds: several rounds of asking for what is missing. @category constants */
export const patience = 5000

/** Messages that wait for a gap of one series; with more, it is not waited for. @category constants */
export const capacity = 256

/** Series that are remembered; the least recently heard give way. @category constants */
export const maxSeries = 1024

interface Series<A> {
  /** The next one to deliver; unknown while others may still come that were said before the first that came. */
  next: number | undefined
  readonly waiting: Map<number, A>
  waitsSince: number
}

/** @category models */
export interface Sequence<A> {
  /** What can be delivered now that the `n`th of a series came. */
  offer(series: string, n: number, value: A, now: number): ReadonlyArray<A>
  /** What has waited long enough. */
  expire(now: number): ReadonlyArray<A>
  /** Whether anything waits. */
  waits(): boolean
}

/** Nothing heard yet. @category constructors */
export const make = <A>(): Sequence<A> => {
  const all = new Map<string, Series<A>>()

  /** Everything up to the next gap. */
  const take = (series: Series<A>, now: number): ReadonlyArray<A> => {
    const values: Array<A> = []
    while (series.next !== undefined && series.waiting.has(series.next)) {
      const value = series.waiting.get(series.next)
      series.waiting.delete(series.next++)
      if (value !== undefined) values.push(value)
    }
    if (values.length > 0) series.waitsSince = now
    return values
  }

  /** Leaves the gap before what waits. */
  const skip = (series: Series<A>, now: number): ReadonlyArray<A> => {
    series.next = Math.min(...series.waiting.keys())
    return take(series, now)
  }

  return {
    waits: () => {
      for (const { waiting } of all.values()) if (waiting.size > 0) return true
      return false
    },
    offer: (name, n, value, now) => {
      const series: Series<A> = all.get(name) ?? { next: n === 0 ? 0 : undefined, waiting: new Map(), waitsSince: now }
      all.delete(name)
      all.set(name, series)
      for (const oldest of all.keys()) {
        if (all.size <= maxSeries) break
        all.delete(oldest)
      }
      if (series.next !== undefined && n < series.next) return []
      if (n === 0) series.next = 0
      if (series.waiting.size === 0) series.waitsSince = now
      series.waiting.set(n, value)
      return series.waiting.size > capacity ? skip(series, now) : take(series, now)
    },
    expire: (now) => {
      const values: Array<A> = []
      for (const series of all.values()) {
        if (series.waiting.size > 0 && now - series.waitsSince >= patience) values.push(...skip(series, now))
      }
      return values
    }
  }
}
