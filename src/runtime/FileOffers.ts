/** The files that peers offer, within what a listener is ready to take. */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { FileOffer } from "../services/files/Offered.ts"

/** What is taken at most; whatever is more is refused, and its sender told why. @category models */
export interface FileLimits {
  /** Bytes of one file. Default: 1 GiB. */
  readonly maxBytes?: number
  /** Files that are received at a time. Default: 4. */
  readonly atOnce?: number
}

/** @category constants */
export const defaultLimits = { maxBytes: 1024 ** 3, atOnce: 4 } as const satisfies FileLimits

/** Those of the offers that are within the limits. @category combinators */
export const within = (offers: Stream.Stream<FileOffer>, limits: FileLimits): Stream.Stream<FileOffer> =>
  Stream.unwrap(Effect.sync(() => {
    const { atOnce = defaultLimits.atOnce, maxBytes = defaultLimits.maxBytes } = limits
    let underWay = 0

    /** An offer that counts while it is received. */
    const counted = (offer: FileOffer): FileOffer => ({
      ...offer,
      accept: (open, options) =>
        Effect.acquireUseRelease(
          Effect.sync(() => ++underWay),
          () => offer.accept(open, options),
          () => Effect.sync(() => void underWay--)
        )
    })

    return offers.pipe(
      Stream.filterEffect((offer) => {
        const problem = offer.size > maxBytes
          ? `it has ${offer.size} bytes, and ${maxBytes} are taken at most`
          : underWay >= atOnce
          ? `${atOnce} files are being received there already`
          : undefined
        return problem === undefined ? Effect.succeed(true) : Effect.as(offer.refuse(problem), false)
      }),
      Stream.map(counted)
    )
  }))
