/**
 * Turns of the event loop, and what a hub does once in each, for all of its connections.
 *
 * What was written to a socket in a turn leaves together at its end: under load that is one call of the system for many
 * frames, and otherwise it is as early as before.
 *
 * And a turn is short, whoever talks. What little a connection has to say is heard at once. What is more than that is read
 * while the turn has work left to give, and then waits in a line, from which each connection is read a slice at a time, in
 * the order in which they came. So whoever says little is answered in the next turn, however many others talk as fast as
 * they can.
 */
import { setImmediate } from "node:timers"

/** What has to wait for its turn. @category models */
export interface Waiting {
  /** Reads a slice, or does whatever else it waits for. What is left has to wait again. */
  resume(): void
}

/** What takes part. @category models */
export interface Party extends Waiting {
  /** Lets what was written leave. */
  flush(): void
}

/**
 * What a turn gives to those who say much, twice: to those who just came, and to the line. In tokens, of which a signal that
 * is passed on costs one: a millisecond's work, more or less.
 *
 * @category constants
 */
export const workPerTurn = 128

/** @category models */
export class Turns {
  #scheduled = false
  #work = 0
  #written: Array<Party> = []
  #line: Array<Waiting> = []

  /** What was done in this turn so far, in tokens. */
  get work(): number {
    return this.#work
  }

  /** Whether who says much has to wait for another turn. */
  get isBusy(): boolean {
    return this.#work >= workPerTurn
  }

  /** Notes work that was done in this turn. */
  worked(tokens: number): void {
    this.#work += tokens
    this.#schedule()
  }

  /** Flushes a party when the turn ends; to be called once in a turn. */
  wrote(party: Party): void {
    this.#written.push(party)
    this.#schedule()
  }

  /** Resumes whatever waits when it is its turn. */
  wait(party: Waiting): void {
    this.#line.push(party)
    this.#schedule()
  }

  #schedule(): void {
    if (this.#scheduled) return
    this.#scheduled = true
    // After all that has arrived by now was read, and before the loop waits for more: a place in the loop, not a time.
    setImmediate(this.#end)
  }

  readonly #end = (): void => {
    this.#work = 0
    let next = 0
    for (let party = this.#line[next]; party !== undefined && !this.isBusy; party = this.#line[++next]) party.resume()
    this.#line = this.#line.slice(next)
    this.#work = 0
    this.#scheduled = false
    const written = this.#written
    this.#written = []
    for (const party of written) party.flush()
    if (this.#line.length > 0) this.#schedule()
  }
}
