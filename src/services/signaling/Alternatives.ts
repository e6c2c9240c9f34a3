/**
 * Where to go when a hub sends its peers away.
 *
 * A hub is believed as far as it is trusted anyway: it serves us, so it may say where we are served next. But only one
 * that we were configured with may, so that nobody is led from one strange hub to the next; never from TLS to a
 * connection without; a strange hub is tried once, before the configured ones; and few of them, for each that does not
 * answer costs time.
 */
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"

/** The most hubs that are tried because another hub named them. @category constants */
export const most = 2

const isSecure = (url: string): boolean => /^(wss|https):/i.test(url)

/**
 * The hubs to try after `url` closed and named others: of those a few in random order, so that its peers do not all go to
 * the first; then those that we are configured with, and `url` itself last, if it is one of them.
 *
 * @category constructors
 */
export const after = (
  url: string,
  named: ReadonlyArray<string>,
  configured: ReadonlyArray<string>
): Effect.Effect<ReadonlyArray<string>> => {
  const known = configured.includes(url)
  const others = configured.filter((hub) => hub !== url)
  const trusted = known ? named.filter((hub) => hub !== url && (isSecure(hub) || !isSecure(url))) : []
  return Effect.map(
    Random.shuffle(new Set(trusted)),
    (shuffled) => Array.from(new Set([...shuffled.slice(0, most), ...others, ...known ? [url] : []]))
  )
}
