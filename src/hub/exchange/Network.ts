/**
 * The members of one network: by id to find them, and in the order of their ids to find who is near whom. Plain data.
 *
 * A newcomer is introduced to a few of them. Nearest on the ring come first, as many on either side: a Homing mesh links
 * ring neighbours, and since every newcomer meets those next to it, each member knows the ones next to itself however
 * many there are. Then those nearest by XOR: those are what PeerPigeon peers look for, and near a border of the ring's
 * halves, quarters and so on they are others than the ring's. The rest are any, so that no corner of a network knows
 * only itself. One row in the order of the ids serves all three.
 *
 * Who was told about whom is remembered, so that a departure concerns those and nobody else, and it is bounded: a member
 * that knows too many forgets whom it met first.
 */
import { caseless, type PeerId } from "../../domain/PeerId.ts"
import type { Member, Peer } from "./Member.ts"

/** A member in its place. @category models */
export interface Seat {
  member: Member
  /** The id in lower case, by which the row is ordered. */
  readonly key: string
  /** Members that were told about this one and this one about them, the oldest acquaintance first. */
  met: ReadonlyArray<Seat>
}

/** How many members a newcomer meets for which reason. @category models */
export interface Introductions {
  /** Nearest on the ring, on each of its sides. */
  readonly perSide: number
  /** Nearest by XOR, besides those. */
  readonly byXor: number
  /** In all. */
  readonly total: number
}

/** How to meet `total` members: three fifths from the ring, a fifth by XOR, and the rest any. @category constructors */
export const introductions = (total: number): Introductions => ({
  perSide: Math.ceil((total * 3) / 10),
  byXor: Math.floor(total / 5),
  total
})

const hides = ({ facts }: Member): number => facts.discoverable === false ? 1 : 0

/** One bit of an id, counted from the highest. */
const bitOf = (key: string, bit: number): number => (Number.parseInt(key.charAt(bit >> 2), 16) >> (3 - (bit & 3))) & 1

const idBits = 160

// Made anew each time, and by methods that know the length beforehand: what grows in place has room for half as many again,
// at each of thousands of peers.

const note = (one: Seat, other: Seat): void => {
  one.met = one.met.concat(other)
}

const forget = (one: Seat, other: Seat): void => {
  const index = one.met.indexOf(other)
  if (index >= 0) one.met = one.met.toSpliced(index, 1)
}

/** @category models */
export class Network {
  readonly #seats = new Map<PeerId, Seat>()
  /** The seats in the order of their keys. */
  readonly #row: Array<Seat> = []
  readonly #acquaintances: number
  #hiders = 0

  /** An empty network. `acquaintances` is how many others a member knows at most. */
  constructor(acquaintances: number) {
    this.#acquaintances = acquaintances
  }

  get size(): number {
    return this.#row.length
  }

  /** Whether a member asks that the network not be listed. */
  get hidden(): boolean {
    return this.#hiders > 0
  }

  get members(): ReadonlyArray<Member> {
    return this.#row.map(({ member }) => member)
  }

  /** The seat of exactly this peer, and not of another connection with its id. */
  seatOf(peer: Peer): Seat | undefined {
    const seat = this.#seats.get(peer.peerId)
    return seat?.member.peer === peer ? seat : undefined
  }

  find(peerId: PeerId): Seat | undefined {
    return this.#seats.get(peerId)
  }

  /** Gives a member a seat, or the one that its id has already. */
  put(member: Member): Seat {
    const { peerId } = member.peer
    const seat = this.#seats.get(peerId)
    this.#hiders += hides(member) - (seat === undefined ? 0 : hides(seat.member))
    if (seat !== undefined) {
      seat.member = member
      return seat
    }
    const made: Seat = { member, key: caseless(peerId), met: [] }
    this.#seats.set(peerId, made)
    this.#row.splice(this.#placeOf(made.key), 0, made)
    return made
  }

  /** Takes a seat away; returns those who know of the member. */
  remove(seat: Seat): ReadonlyArray<Seat> {
    this.#hiders -= hides(seat.member)
    this.#seats.delete(seat.member.peer.peerId)
    this.#row.splice(this.#indexOf(seat), 1)
    for (const other of seat.met) forget(other, seat)
    return seat.met
  }

  /** Notes that two members know of each other. */
  acquaint(one: Seat, other: Seat): void {
    if (one === other || one.met.includes(other)) return
    this.#note(one, other)
    this.#note(other, one)
  }

  /** Chooses whom a member meets, itself excluded. `random` gives numbers from 0 up to 1. */
  choose(seat: Seat, { byXor, perSide, total }: Introductions, random: () => number): ReadonlySet<Seat> {
    const row = this.#row
    const chosen = new Set<Seat>()
    if (row.length - 1 <= total) {
      for (const other of row) if (other !== seat) chosen.add(other)
      return chosen
    }
    const take = (other: Seat | undefined): void => {
      if (other !== undefined && other !== seat && chosen.size < total) chosen.add(other)
    }
    const self = this.#indexOf(seat)
    for (let step = 1; step <= perSide; step++) {
      take(row[(self + step) % row.length])
      take(row[(self - step + row.length) % row.length])
    }
    const enough = Math.min(total, chosen.size + byXor)
    this.#nearest(seat.key, 0, row.length, 0, (other) => {
      take(other)
      return chosen.size < enough
    })
    while (chosen.size < total) take(row[Math.floor(random() * row.length)])
    return chosen
  }

  #note(one: Seat, other: Seat): void {
    const [oldest] = one.met
    if (oldest !== undefined && one.met.length >= this.#acquaintances) {
      forget(one, oldest)
      forget(oldest, one)
    }
    note(one, other)
  }

  /** Where a key is in the row, or would be. */
  #placeOf(key: string): number {
    return this.#first(0, this.#row.length, (other) => other.key >= key)
  }

  #indexOf(seat: Seat): number {
    let index = this.#placeOf(seat.key)
    // Ids that differ only in the case of their letters sit side by side.
    while (this.#row[index] !== seat) index++
    return index
  }

  /** The first place between two from which on `is` holds; `to` when it holds nowhere. */
  #first(from: number, to: number, is: (seat: Seat) => boolean): number {
    let [low, high] = [from, to]
    while (low < high) {
      const middle = (low + high) >>> 1
      const seat = this.#row[middle]
      if (seat !== undefined && is(seat)) high = middle
      else low = middle + 1
    }
    return low
  }

  /**
   * Visits the part of the row between two places, nearest by XOR first, until `visit` has enough. Its ids have the first
   * `bit` bits in common, so that the next one parts it in two, of which one is the nearer as a whole.
   */
  #nearest(key: string, from: number, to: number, bit: number, visit: (seat: Seat) => boolean): boolean {
    if (from >= to) return true
    if (to - from === 1 || bit >= idBits) {
      for (let index = from; index < to; index++) {
        const seat = this.#row[index]
        if (seat !== undefined && !visit(seat)) return false
      }
      return true
    }
    const border = this.#first(from, to, (seat) => bitOf(seat.key, bit) === 1)
    const halves = [[from, border], [border, to]] as const
    const [near, far] = bitOf(key, bit) === 0 ? halves : halves.toReversed()
    return [near, far].every((half) => half === undefined || this.#nearest(key, half[0], half[1], bit + 1, visit))
  }
}
