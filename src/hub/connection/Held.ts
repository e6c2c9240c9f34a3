/**
 * Connections that are not read from for a while, since their peers speak faster than they may. What they send waits in their
 * own machines meanwhile: TCP holds it there.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"

/** How often it is looked after who may speak again. @category constants */
export const lookPeriod = Duration.millis(50)

/** What is held back. @category models */
export interface Party {
  /** It may be read from again. */
  released(): void
}

/** @category models */
export class Held {
  readonly #until = new Map<Party, number>()
  readonly #any = Latch.makeUnsafe()

  /** Holds a party back until a time, in milliseconds since 1970. */
  add(party: Party, until: number): void {
    this.#until.set(party, until)
    this.#any.openUnsafe()
  }

  /** Forgets a party. */
  drop(party: Party): void {
    this.#until.delete(party)
  }

  /** Releases everybody whose time has come. */
  release(time: number): void {
    for (const [party, until] of this.#until) {
      if (until > time) continue
      this.#until.delete(party)
      party.released()
    }
    if (this.#until.size === 0) this.#any.closeUnsafe()
  }

  /** Releases each when its time has come, for as long as it runs. `now` gives milliseconds since 1970. */
  serve(now: () => number): Effect.Effect<never> {
    return this.#any.await.pipe(
      Effect.andThen(Effect.sleep(lookPeriod)),
      Effect.andThen(Effect.sync(() => this.release(now()))),
      Effect.forever
    )
  }
}
