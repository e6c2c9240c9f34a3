/** From the address of a hub to the URL that a WebSocket dials. */
import * as Result from "effect/Result"
import type { PeerId } from "../../domain/PeerId.ts"

const schemes: ReadonlyMap<string, string> = new Map([
  ["ws:", "ws:"],
  ["wss:", "wss:"],
  ["http:", "ws:"],
  ["https:", "wss:"]
])

/**
 * The URL to dial: `http` becomes `ws`, path and query stay, and `peerId` joins the query, with `proof` if we can prove it
 * when asked. Fails with what is wrong with the address.
 *
 * @category constructors
 */
export const toDial = (hub: string, peerId: PeerId, canProve = false): Result.Result<string, string> => {
  if (!URL.canParse(hub)) return Result.fail("this is not a URL; write it like wss://hub.example.org")
  const url = new URL(hub)
  const scheme = schemes.get(url.protocol)
  if (scheme === undefined) {
    return Result.fail(`the address starts with ${url.protocol} where ws:, wss:, http: or https: must stand`)
  }
  url.protocol = scheme
  url.hash = ""
  url.searchParams.set("peerId", peerId)
  if (canProve) url.searchParams.set("proof", "1")
  return Result.succeed(url.href)
}
