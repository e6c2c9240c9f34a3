/**
 * Turns of the event loop, and what a hub does once in each, for all of its connections.
 *
 * What was written to a socket in a turn leaves together at its end: under load that is one call of the system for many
 * frames, and otherwise it is as early as before. And who fills its turn, by sending more frames in one than anybody needs
 * to, is read from again only when it is its turn: a few of those in each, in the order in which they came. So whoever
 * says little is answered in the next turn, however many others talk as fast as they can.
 */
import { setImmediate } from "node:timers"

/** What takes part. @category models */
export interface Party {
  /** Lets what was written leave. */
  flush(): void
  /** Reads on. */
  resume(): void
}

/** Frames that a connection may send in a turn: more than a peer that opens a link to each of its neighbours does. @category constants */
export const framesPerTurn = 32

/** Connections of those that sent more which are read from in one turn. @category constants */
export const talkersPerTurn = 4

/** @category models */
export class Turns {
  #number = 0
  #scheduled = false
  #written: Array<Party> = []
  readonly #talkers: Array<Party> = []

  /** Which turn it is. */
  get number(): number {
    return this.#number
  }

  /** Flushes a party when the turn ends; to be called once in a turn. */
  wrote(party: Party): void {
    this.#written.push(party)
    this.#schedule()
  }

  /** Resumes a party when it is its turn. */
  wait(party: Party): void {
    this.#talkers.push(party)
    this.#schedule()
  }

  #schedule(): void {
    if (this.#scheduled) return
    this.#scheduled = true
    // After all that has arrived by now was read, and before the loop waits for more: a place in the loop, not a time.
    setImmediate(this.#end)
  }

  readonly #end = (): void => {
    this.#scheduled = false
    this.#number++
    const written = this.#written
    this.#written = []
    for (const party of written) party.flush()
    for (const party of this.#talkers.splice(0, talkersPerTurn)) party.resume()
    if (this.#talkers.length > 0) this.#schedule()
  }
}
