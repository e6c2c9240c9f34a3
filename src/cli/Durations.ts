/** Durations as people write them. */
import * as Duration from "effect/Duration"
import * as Result from "effect/Result"

const units = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 } as const

const isUnit = (unit: string): unit is keyof typeof units => unit in units

/** As people write it, in the largest unit that leaves a whole number. @category formatting */
export const format = (duration: Duration.Duration): string => {
  const millis = Duration.toMillis(duration)
  const [unit, size] = Object.entries(units).findLast(([, size]) => millis % size === 0 && millis >= size) ?? ["ms", 1]
  return `${millis / size}${unit}`
}

/**
 * Reads a number with a unit, such as `500ms`, `2.5s`, `2m` or `1h`, with nothing around or between them. Fails with what
 * was expected instead when it is something else, or not between `least` and `most`.
 *
 * @category parsing
 */
export const parse = (
  text: string,
  least: Duration.Duration,
  most: Duration.Duration
): Result.Result<Duration.Duration, string> => {
  const [, number, unit = ""] = /^(\d{1,9}(?:\.\d{1,3})?)(ms|s|m|h)$/.exec(text) ?? []
  if (number === undefined || !isUnit(unit)) {
    return Result.fail("a number with its unit, ms, s, m or h, such as 500ms, 5s or 2m")
  }
  const duration = Duration.millis(Number(number) * units[unit])
  return Duration.between(duration, { minimum: least, maximum: most })
    ? Result.succeed(duration)
    : Result.fail(`a duration from ${format(least)} to ${format(most)}`)
}
