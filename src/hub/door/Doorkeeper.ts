/**
 * How many connections an address may have, and how many it may open in a while. Addresses that did nothing for long are
 * forgotten, and so many are known at most, so that nobody fills the hub's memory by coming from everywhere.
 */
import * as Limits from "../Limits.ts"

/** @category models */
export interface Doorkeeper {
  /** Addresses that are remembered. */
  readonly size: number
  /** Lets one more connection of an address in, or says why not. */
  enter(address: string): "welcome" | "too many" | "too fast"
  /** A connection that was let in is over. */
  leave(address: string): void
}

interface Visitor {
  open: number
  budget: Limits.Budget
}

/**
 * Nobody has come yet. `now` gives milliseconds since 1970.
 *
 * @category constructors
 */
export const make = (options: {
  /** The most connections of one address at a time. */
  readonly connections: number
  /** The connections that an address may open per second for long, and at once as many as it may have. */
  readonly perSecond: number
  readonly now: () => number
}): Doorkeeper => {
  const { connections, now, perSecond } = options
  const allowance: Limits.Allowance = { burst: connections, perSecond, patience: 0 }
  /** Whom one looks at goes to the end. */
  const visitors = new Map<string, Visitor>()

  const isForgettable = ({ budget, open }: Visitor, time: number): boolean =>
    open === 0 && Limits.spend(allowance, budget, time, 0).tokens >= allowance.burst

  /** Looks at a few who were not looked at for longest, and forgets whom it can. */
  const forget = (time: number): void => {
    const isFull = visitors.size >= Limits.addresses
    let looked = 0
    for (const [address, visitor] of visitors) {
      if (looked++ === 4) return
      visitors.delete(address)
      if (!isForgettable(visitor, time) && !(isFull && visitor.open === 0)) visitors.set(address, visitor)
    }
  }

  return {
    get size() {
      return visitors.size
    },
    enter(address) {
      const time = now()
      forget(time)
      const visitor = visitors.get(address) ?? { open: 0, budget: Limits.full(allowance, time) }
      visitors.set(address, visitor)
      if (visitor.open >= connections) return "too many"
      const budget = Limits.spend(allowance, visitor.budget, time, 1)
      // A refusal costs nothing: who goes on trying gets in as fast as who waits.
      if (budget.tokens < 0) return "too fast"
      visitor.budget = budget
      visitor.open++
      return "welcome"
    },
    leave(address) {
      const visitor = visitors.get(address)
      if (visitor !== undefined && visitor.open > 0) visitor.open--
    }
  }
}
