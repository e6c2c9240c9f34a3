/**
 * Whether a network is split, and who of it should meet, judged by what its members say: each knows the name of the
 * component that it is in (the smallest id that is linked to it, directly or over others), and two names in one network
 * are two components that do not know of each other.
 *
 * While a component changes its name its members say different things for a moment, so a split must last before anybody is
 * introduced; and then few are, now and then, since one link between two components is enough for them to merge.
 */
import type { PeerId } from "./PeerId.ts"

/** Members of a network, of any kind, by what they say. @category models */
export interface Components<M> {
  /**
   * Takes a member's word on the component that it is in; says who should be introduced to whom now, which mostly is
   * nobody. `now` is in milliseconds since 1970.
   */
  report(member: M, label: PeerId, now: number): ReadonlyArray<readonly [M, M]>
  /** Forgets a member that left. */
  leave(member: M): void
  /** How many members have said something. */
  readonly size: number
}

/** How often a member says where it is, in milliseconds: as often as one asks a hub for a sign of life. @category constants */
export const reportPeriod = 20_000

/** How long a word is good for, in milliseconds: three may be lost. @category constants */
export const reportLives = 70_000

/** How long there must be two names before they mean that a network is split, in milliseconds. @category constants */
export const splitSettles = 30_000

/** The least time between two introductions, in milliseconds. @category constants */
export const introductionPause = 10_000

/** Pairs that are introduced at once: some may not be able to link each other. @category constants */
export const pairs = 4

/** Nobody has said anything. `random` gives uniform numbers in [0, 1). @category constructors */
export const make = <M>(random: () => number): Components<M> => {
  const words = new Map<M, { readonly label: PeerId; readonly at: number }>()
  /** How many say each name. */
  const names = new Map<PeerId, number>()
  let splitSince: number | undefined
  let introducedAt = -Infinity

  const count = (label: PeerId, more: number) => {
    const many = (names.get(label) ?? 0) + more
    if (many > 0) names.set(label, many)
    else names.delete(label)
    if (names.size < 2) splitSince = undefined
  }

  const leave = (member: M) => {
    const word = words.get(member)
    if (word === undefined) return
    words.delete(member)
    count(word.label, -1)
  }

  const forgetOld = (now: number) => {
    for (const [member, { at }] of words) if (now - at >= reportLives) leave(member)
  }

  const draw = (members: Array<M>): M | undefined => {
    const [drawn] = members.splice(Math.floor(random() * members.length), 1)
    return drawn
  }

  return {
    report(member, label, now) {
      const before = words.get(member)
      if (before?.label !== label) count(label, 1)
      words.set(member, { label, at: now })
      if (before !== undefined && before.label !== label) count(before.label, -1)
      if (names.size < 2) return []
      splitSince ??= now
      if (now - splitSince < splitSettles || now - introducedAt < introductionPause) return []
      forgetOld(now)
      if (names.size < 2) return []
      introducedAt = now
      const others = Array.from(names.keys()).filter((name) => name !== label)
      const theirs = others[Math.floor(random() * others.length)]
      const saying = (name: PeerId | undefined) =>
        Array.from(words).flatMap(([one, word]) => word.label === name ? [one] : [])
      const [here, there] = [saying(label), saying(theirs)]
      return Array.from({ length: Math.min(pairs, here.length, there.length) }).flatMap(() => {
        const [one, other] = [draw(here), draw(there)]
        return one === undefined || other === undefined ? [] : [[one, other] as const]
      })
    },
    leave,
    get size() {
      return words.size
    }
  }
}
