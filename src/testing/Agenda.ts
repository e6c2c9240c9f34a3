/** What is due when: a binary heap, ordered by time and then by the order in which things were put down. */

/** Something that is due. @category models */
export interface Item {
  /** Called when it is due, unless it is `undefined` by then. */
  act: (() => void) | undefined
}

/** Added to the order of what comes after everything else of its time. */
const last = 2 ** 52

/** @category models */
export class Agenda {
  // Numbers in arrays of their own, so that comparing touches nothing else.
  readonly #times: Array<number> = []
  readonly #orders: Array<number> = []
  readonly #items: Array<Item> = []
  #count = 0

  /** When the next is due, in milliseconds since 1970; `Infinity` when nothing is. */
  get nextAt(): number {
    return this.#times[0] ?? Infinity
  }

  get next(): Item | undefined {
    return this.#items[0]
  }

  /** Puts something down. With `late` it comes after everything else of its time, whenever that was put down. */
  add(at: number, act: () => void, late = false): Item {
    const item: Item = { act }
    const order = this.#count++ + (late ? last : 0)
    let hole = this.#items.length
    while (hole > 0) {
      const up = (hole - 1) >> 1
      if (!this.#isAfter(up, at, order)) break
      this.#move(up, hole)
      hole = up
    }
    this.#put(hole, at, order, item)
    return item
  }

  /** Strikes out the next. */
  drop(): void {
    const [at, order, item] = [this.#times.pop(), this.#orders.pop(), this.#items.pop()]
    const size = this.#items.length
    if (at === undefined || order === undefined || item === undefined || size === 0) return
    let hole = 0
    while (true) {
      let child = 2 * hole + 1
      if (child >= size) break
      const right = child + 1
      if (right < size && this.#isAfter(child, this.#times[right] ?? 0, this.#orders[right] ?? 0)) child = right
      if (this.#isAfter(child, at, order)) break
      this.#move(child, hole)
      hole = child
    }
    this.#put(hole, at, order, item)
  }

  #isAfter(index: number, at: number, order: number): boolean {
    const time = this.#times[index] ?? 0
    return time > at || (time === at && (this.#orders[index] ?? 0) > order)
  }

  #put(index: number, at: number, order: number, item: Item): void {
    this.#times[index] = at
    this.#orders[index] = order
    this.#items[index] = item
  }

  #move(from: number, to: number): void {
    const item = this.#items[from]
    if (item !== undefined) this.#put(to, this.#times[from] ?? 0, this.#orders[from] ?? 0, item)
  }
}
