/**
 * Where a connection comes from: the address of its other end, or, when that is a proxy that the operator trusts, the
 * address that the proxy says it got the connection from. What anybody else says of addresses is ignored.
 */
import * as Result from "effect/Result"
import { BlockList, isIP } from "node:net"

/** The proxies that may say where a connection comes from. @category models */
export interface TrustedProxies {
  has(address: string): boolean
}

const named: Readonly<Record<string, ReadonlyArray<string>>> = {
  loopback: ["127.0.0.0/8", "::1/128"],
  private: ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "fc00::/7", "fe80::/10"]
}

const familyOf = (address: string): "ipv4" | "ipv6" => isIP(address) === 6 ? "ipv6" : "ipv4"

/** An address as it is compared: without a port or brackets, and IPv4 as IPv4. `undefined` when it is none. @category decoding */
export const normalise = (text: string): string | undefined => {
  const trimmed = text.trim()
  const bare = /^\[(.+)\](?::\d+)?$/.exec(trimmed)?.[1] ?? /^([\d.]+):\d+$/.exec(trimmed)?.[1] ?? trimmed
  const mapped = /^::ffff:([\d.]+)$/i.exec(bare)?.[1] ?? bare
  return isIP(mapped) === 0 || mapped.includes("%") ? undefined : mapped.toLowerCase()
}

/**
 * Reads a list of proxies: addresses, networks such as `10.1.0.0/16`, `loopback` and `private`. Fails with the first
 * that is none of those.
 *
 * @category decoding
 */
export const trustedProxies = (list: ReadonlyArray<string>): Result.Result<TrustedProxies, string> => {
  const trusted = new BlockList()
  for (const entry of list.flatMap((each) => named[each] ?? [each])) {
    const [text = "", prefix] = entry.split("/")
    const address = normalise(text)
    const most = address !== undefined && familyOf(address) === "ipv6" ? 128 : 32
    if (address === undefined || (prefix !== undefined && !(/^\d{1,3}$/.test(prefix) && Number(prefix) <= most))) {
      return Result.fail(entry)
    }
    trusted.addSubnet(address, prefix === undefined ? most : Number(prefix), familyOf(address))
  }
  return Result.succeed({ has: (address) => trusted.check(address, familyOf(address)) })
}

const loopback = Result.getOrThrow(trustedProxies(["loopback"]))

/** Whether an address is this machine's own. @category predicates */
export const isLoopback = (address: string): boolean => loopback.has(address)

/**
 * The address of whoever is at the other end: that of the socket, or, for as long as those are trusted proxies, what each
 * says is before it (`X-Forwarded-For`, read from its end). What is no address ends the search.
 *
 * @category getters
 */
export const clientOf = (proxies: TrustedProxies, socketAddress: string, forwardedFor: string | undefined): string => {
  let client = normalise(socketAddress) ?? socketAddress
  for (const hop of (forwardedFor ?? "").split(",").slice(-maxHops).toReversed()) {
    const before = proxies.has(client) ? normalise(hop) : undefined
    if (before === undefined) break
    client = before
  }
  return client
}

/** The most proxies in a row. */
const maxHops = 16

/**
 * What counts as one address: of IPv6 the first 64 bits, since whoever has one such address has all of them.
 *
 * @category getters
 */
export const groupOf = (address: string): string => {
  if (familyOf(address) === "ipv4") return address
  const [head = "", tail = ""] = address.split("::")
  const groups = head === "" ? [] : head.split(":")
  if (address.includes("::")) {
    const after = tail === "" ? [] : tail.split(":")
    while (groups.length + after.length < 8) groups.push("0")
    groups.push(...after)
  }
  return groups.slice(0, 4).map((group) => group.replace(/^0+(?=.)/, "")).join(":")
}
