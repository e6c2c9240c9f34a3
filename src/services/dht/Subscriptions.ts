/**
 * Our own subscriptions: registered where the key belongs, renewed before they end and when the peers around change, and
 * each version told once.
 */
import type { Ask } from "../../domain/DhtFrame.ts"
import { compareAge, expiresAt, forgottenAt, type StoredRecord } from "../../domain/DhtRecord.ts"
import { type Ground, jittered } from "./Ground.ts"
import * as Limits from "./Limits.ts"
import type { Answered } from "./Requests.ts"

/** @category models */
export interface Subscriptions {
  /** Subscribes; `ready` hears how the first registration went. `false` when there are too many. */
  add(key: string, token: number, ready: Answered): boolean
  remove(key: string, token: number): void
  /** A record came by, from whomever. */
  saw(record: StoredRecord): void
  /** The peers around us are others. */
  moved(): void
  /** Time has passed. */
  tick(): void
  /** When `tick` is wanted next, in milliseconds since 1970. */
  readonly dueAt: number
  readonly size: number
}

interface Subscription {
  readonly tokens: Set<number>
  last: StoredRecord | undefined
  renewAt: number
}

/** No subscriptions. `ask` registers; `changed` tells a subscriber. @category constructors */
export const make = (
  ground: Ground,
  ask: (key: string, ask: Ask, answered: Answered) => void,
  changed: (token: number, record: StoredRecord) => void
): Subscriptions => {
  const all = new Map<string, Subscription>()

  const saw = (record: StoredRecord) => {
    const subscription = all.get(record.key)
    if (subscription === undefined) return
    const { last, tokens } = subscription
    const isOld = last !== undefined && forgottenAt(last) > ground.now() && compareAge(record, last) <= 0
    if (isOld) return
    subscription.last = record
    for (const token of tokens) changed(token, record)
  }

  const register = (key: string, subscription: Subscription, answered: Answered) => {
    subscription.renewAt = ground.now() + jittered(ground, Limits.renewal, 0.25)
    ask(key, { op: "watch", watching: true }, (answer) => {
      if (answer?.is === "watching" && answer.record !== undefined) saw(answer.record)
      answered(answer)
    })
  }

  return {
    add: (key, token, ready) => {
      const known = all.get(key)
      if (known === undefined && all.size >= Limits.maxSubscriptions) return false
      const subscription = known ?? { tokens: new Set(), last: undefined, renewAt: 0 }
      subscription.tokens.add(token)
      all.set(key, subscription)
      if (subscription.last !== undefined && expiresAt(subscription.last) > ground.now()) {
        changed(token, subscription.last)
      }
      register(key, subscription, ready)
      return true
    },
    remove: (key, token) => {
      const subscription = all.get(key)
      if (subscription === undefined || !subscription.tokens.delete(token) || subscription.tokens.size > 0) return
      all.delete(key)
      ask(key, { op: "watch", watching: false }, () => {})
    },
    saw,
    moved: () => {
      const soon = ground.now() + jittered(ground, Limits.renewalSoon, 0.5)
      for (const subscription of all.values()) subscription.renewAt = Math.min(subscription.renewAt, soon)
    },
    tick: () => {
      for (const [key, subscription] of all) {
        if (subscription.renewAt <= ground.now()) register(key, subscription, () => {})
      }
    },
    get dueAt() {
      let dueAt = Number.POSITIVE_INFINITY
      for (const { renewAt } of all.values()) dueAt = Math.min(dueAt, renewAt)
      return dueAt
    },
    get size() {
      return all.size
    }
  }
}
