/** What is due when: a binary heap, ordered by time and then by the order in which things were put down. */

/** Something that is due at a time. @category models */
export interface Item {
  /** Milliseconds since 1970. */
  readonly at: number
  /** Comes after everything else of its time, whenever that was put down. */
  readonly late: boolean
  /** Called at that time, unless it is `undefined` by then. */
  act: (() => void) | undefined
}

interface Node {
  readonly item: Item
  readonly order: number
}

const before = (a: Node, b: Node): boolean => {
  if (a.item.at !== b.item.at) return a.item.at < b.item.at
  if (a.item.late !== b.item.late) return b.item.late
  return a.order < b.order
}

/** @category models */
export class Agenda {
  readonly #heap: Array<Node> = []
  #count = 0

  /** What comes next. */
  get next(): Item | undefined {
    return this.#heap[0]?.item
  }

  add(at: number, act: () => void, late = false): Item {
    const item: Item = { at, late, act }
    const node: Node = { item, order: this.#count++ }
    const heap = this.#heap
    let hole = heap.push(node) - 1
    while (hole > 0) {
      const up = (hole - 1) >> 1
      const parent = heap[up]
      if (parent === undefined || before(parent, node)) break
      heap[hole] = parent
      hole = up
    }
    heap[hole] = node
    return item
  }

  /** Strikes out what comes next. */
  drop(): void {
    const heap = this.#heap
    const last = heap.pop()
    if (last === undefined || heap.length === 0) return
    let hole = 0
    while (true) {
      const left = heap[2 * hole + 1]
      const right = heap[2 * hole + 2]
      if (left === undefined) break
      const [child, at] = right !== undefined && before(right, left)
        ? [right, 2 * hole + 2]
        : [left, 2 * hole + 1]
      if (before(last, child)) break
      heap[hole] = child
      hole = at
    }
    heap[hole] = last
  }
}
