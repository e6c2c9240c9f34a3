import { assert, describe, it } from "@effect/vitest"
import * as Result from "effect/Result"
import * as Addresses from "../../../src/hub/door/Addresses.ts"

const trusting = (...list: ReadonlyArray<string>) => Result.getOrThrow(Addresses.trustedProxies(list))

describe("clientOf", () => {
  it.each([
    ["is the socket's when no proxy is trusted", [], "1.2.3.4", "5.6.7.8", "1.2.3.4"],
    ["is the socket's when that is not the proxy", ["10.0.0.1"], "1.2.3.4", "5.6.7.8", "1.2.3.4"],
    ["is what the proxy says", ["10.0.0.1"], "10.0.0.1", "5.6.7.8", "5.6.7.8"],
    [
      "is what the last says who is not believed",
      ["loopback", "private"],
      "::ffff:127.0.0.1",
      "9.9.9.9, 5.6.7.8, 10.1.1.1",
      "5.6.7.8"
    ],
    ["is the proxy's when it says nothing", ["10.0.0.0/8"], "10.0.0.1", undefined, "10.0.0.1"],
    ["is the proxy's when it says nonsense", ["10.0.0.0/8"], "10.0.0.1", "5.6.7.8, me", "10.0.0.1"],
    ["may come with a port", ["10.0.0.1"], "10.0.0.1", "5.6.7.8:1234", "5.6.7.8"],
    ["may be an IPv6 address in brackets", ["::1"], "::1", "[2001:DB8::1]:99", "2001:db8::1"]
  ])("%s", (_, list, socket, forwarded, client) => {
    assert.strictEqual(Addresses.clientOf(trusting(...list), socket, forwarded), client)
  })

  it("does not follow a chain without an end", () => {
    const forwarded = Array.from({ length: 1000 }, (_, n) => `10.0.${n >> 8}.${n & 255}`).join(",")
    assert.strictEqual(Addresses.clientOf(trusting("private"), "10.0.0.1", forwarded), "10.0.3.216")
  })
})

describe("trustedProxies", () => {
  it.each(["10.0.0.0/33", "10.0.0", "example.org", "::1/129", "10.0.0.1/x", "fe80::1%eth0", ""])(
    "refuses %s",
    (entry) => {
      assert.deepStrictEqual(Addresses.trustedProxies(["10.0.0.1", entry]), Result.fail(entry))
    }
  )
})

describe("groupOf", () => {
  it.each([
    ["1.2.3.4", "1.2.3.4"],
    ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2"],
    ["2001:db8:1:2::9", "2001:db8:1:2"],
    ["2001:0db8::1", "2001:db8:0:0"],
    ["::1", "0:0:0:0"]
  ])("of %s is %s", (address, group) => {
    assert.strictEqual(Addresses.groupOf(address), group)
  })
})
