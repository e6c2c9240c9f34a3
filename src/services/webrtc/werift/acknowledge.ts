/**
 * What werift makes of SCTP's numbers that come out of order, mended: it sorts them as texts. When something is lost where
 * they get another digit, or begin again at zero, it never acknowledges more than came before, and the other side keeps, and
 * sends again, all that follows. It also sorts all of them anew for each packet, which makes those after a loss dear.
 */
import type { RTCPeerConnection } from "werift"

/** What of werift's SCTP concerns acknowledgements. */
interface Receiver {
  /** The last number before the first gap. */
  lastReceivedTsn: number | undefined
  readonly sackMisOrdered: Set<number>
  readonly sackDuplicates: Array<number>
  markReceived(tsn: number): boolean
  sendChunk(chunk: object): Promise<void>
}

const isReceiver = (sctp: object): sctp is Receiver =>
  "lastReceivedTsn" in sctp
  && "sackMisOrdered" in sctp && sctp.sackMisOrdered instanceof Set
  && "sackDuplicates" in sctp && Array.isArray(sctp.sackDuplicates)
  && ["markReceived", "sendChunk"].every((name) => typeof Reflect.get(sctp, name) === "function")

const next = (tsn: number): number => (tsn + 1) >>> 0

/** How far one number is after another, on their circle. */
const distance = (from: number, to: number): number => (to - from) >>> 0

/** Whether a number is another or before it, on their circle. */
const isUpTo = (tsn: number, last: number): boolean => distance(tsn, last) < 2 ** 31

/** The runs of numbers that came after a gap, as distances from the last number before it. */
const gapsOf = (last: number, misordered: Iterable<number>): Array<[number, number]> => {
  const gaps: Array<[number, number]> = []
  for (const at of Array.from(misordered, (tsn) => distance(last, tsn)).toSorted((a, b) => a - b)) {
    const gap = gaps.at(-1)
    if (gap !== undefined && gap[1] === at - 1) gap[1] = at
    else gaps.push([at, at])
  }
  return gaps
}

/**
 * Mends how one connection acknowledges, and says whether it could; what is not as in werift 0.25 stays as it was. To be
 * called before anything comes.
 *
 * @category workarounds
 */
export const acknowledge = (connection: RTCPeerConnection): boolean => {
  const sctp: object | undefined = connection.sctpTransport?.sctp
  if (sctp === undefined || !isReceiver(sctp)) return false
  // Every description comes by here, and once is enough.
  if (Object.hasOwn(sctp, "markReceived")) return true
  const { sendChunk } = sctp

  sctp.markReceived = (tsn) => {
    const { sackDuplicates, sackMisOrdered } = sctp
    let last = sctp.lastReceivedTsn
    if (last === undefined) return true
    if (isUpTo(tsn, last) || sackMisOrdered.has(tsn)) {
      sackDuplicates.push(tsn)
      return true
    }
    sackMisOrdered.add(tsn)
    while (sackMisOrdered.delete(next(last))) last = next(last)
    sctp.lastReceivedTsn = last
    return false
  }

  sctp.sendChunk = (chunk) => {
    const { lastReceivedTsn, sackMisOrdered } = sctp
    if ("gaps" in chunk && lastReceivedTsn !== undefined) chunk.gaps = gapsOf(lastReceivedTsn, sackMisOrdered)
    return Reflect.apply(sendChunk, sctp, [chunk])
  }
  return true
}
