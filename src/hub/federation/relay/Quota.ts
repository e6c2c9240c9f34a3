/**
 * What each neighbour may have this hub do. Whoever goes beyond it, by a bug or since somebody else has taken it over, is not
 * read from until it has made up for it; what it says waits at its own end, and nothing that it says is lost here. Plain
 * data.
 */
import type { PeerId } from "../../../domain/PeerId.ts"
import type { HubMessage } from "../../backplane/HubMessage.ts"
import * as Limits from "../../Limits.ts"

/** A neighbour that went beyond its quota at some time. @category models */
export interface Held {
  /** How often it was held back. */
  readonly times: number
  /** Whether it is now. */
  readonly now: boolean
  /** When that began last, in milliseconds since 1970. */
  readonly since: number
}

/** @category models */
export interface Quota {
  /** Charges a neighbour; `true` when it is to be held back from now on. */
  charge(hub: PeerId, tokens: number): boolean
  isHeld(hub: PeerId): boolean
  /** Whether any is held back. */
  readonly isAnyHeld: boolean
  /** Those that have made up for it, and are to be read from again. */
  release(): ReadonlyArray<PeerId>
  /** What is known of a neighbour, if it was ever held back. */
  of(hub: PeerId): Held | undefined
  /** Forgets those that are no neighbours and owe nothing. */
  tidy(isNeighbour: (hub: PeerId) => boolean): void
  /** How often any was held back. */
  readonly times: number
}

interface Account {
  budget: Limits.Budget
  times: number
  held: boolean
  since: number
}

/** The tokens that a message of so many characters costs, as far as that shows in it. @category getters */
export const costOf = (length: number, message: HubMessage | undefined): number => {
  const base = Limits.costOf(length)
  switch (message?.type) {
    case undefined:
      return base + Limits.malformedCost
    case "delta":
      return message.changes.reduce((sum, { op }) => sum + (op === "put" ? Limits.arrivalCost : 1), base)
    case "state":
      return base + Limits.foundCost * message.entries.length
    default:
      return base
  }
}

/** The tokens that it costs to answer. @category getters */
export const costOfReply = (message: HubMessage): number => {
  const told = message.type === "delta" ? message.changes.length : message.type === "state" ? message.entries.length : 0
  return 1 + Math.ceil(told / Limits.toldPerToken)
}

/** Nobody has spent anything. `now` gives milliseconds since 1970. @category constructors */
export const make = (now: () => number, allowance: Limits.Allowance = Limits.hubWork): Quota => {
  const accounts = new Map<PeerId, Account>()
  const held = new Set<PeerId>()
  let times = 0

  /** An account as it stands now. */
  const look = (account: Account): Limits.Budget => account.budget = Limits.spend(allowance, account.budget, now(), 0)

  return {
    charge(hub, tokens) {
      const at = now()
      const account = accounts.get(hub) ?? { budget: Limits.full(allowance, at), times: 0, held: false, since: 0 }
      accounts.set(hub, account)
      account.budget = Limits.spend(allowance, account.budget, at, tokens)
      if (account.held || account.budget.tokens >= 0) return false
      account.held = true
      account.since = at
      account.times++
      times++
      held.add(hub)
      return true
    },
    isHeld: (hub) => held.has(hub),
    get isAnyHeld() {
      return held.size > 0
    },
    release() {
      const released: Array<PeerId> = []
      for (const hub of held) {
        const account = accounts.get(hub)
        if (account !== undefined && look(account).tokens < 0) continue
        if (account !== undefined) account.held = false
        held.delete(hub)
        released.push(hub)
      }
      return released
    },
    of(hub) {
      const account = accounts.get(hub)
      return account === undefined || account.times === 0
        ? undefined
        : { times: account.times, now: account.held, since: account.since }
    },
    tidy(isNeighbour) {
      for (const [hub, account] of accounts) {
        if (!isNeighbour(hub) && look(account).tokens >= allowance.burst) accounts.delete(hub)
      }
    },
    get times() {
      return times
    }
  }
}
