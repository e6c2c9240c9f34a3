/** Which addresses are on this machine or in a private network. */
import { BlockList, isIP } from "node:net"

const near = new BlockList()
// Loopback and link-local; RFC 1918, 4193, 6598.
near.addSubnet("127.0.0.0", 8, "ipv4")
near.addSubnet("169.254.0.0", 16, "ipv4")
near.addSubnet("10.0.0.0", 8, "ipv4")
near.addSubnet("172.16.0.0", 12, "ipv4")
near.addSubnet("192.168.0.0", 16, "ipv4")
near.addSubnet("100.64.0.0", 10, "ipv4")
near.addAddress("::1", "ipv6")
near.addSubnet("fc00::", 7, "ipv6")
near.addSubnet("fe80::", 10, "ipv6")

/** An IPv4 address as an IPv6 socket shows it. */
const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i

/** Whether an address is loopback, link-local or private. What is no address is not. @category predicates */
export const isPrivate = (address: string): boolean => {
  const plain = mapped.exec(address)?.[1] ?? address.replace(/%.*$/, "")
  const family = isIP(plain)
  return family !== 0 && near.check(plain, family === 4 ? "ipv4" : "ipv6")
}
