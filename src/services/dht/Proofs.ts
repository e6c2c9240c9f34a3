/**
 * Checks what neighbours send before it comes to the core: what is said to be signed is, or it does not get there.
 */
import * as Effect from "effect/Effect"
import { type DhtFrame, maxHops, signedRecordOf } from "../../domain/DhtFrame.ts"
import { signedBytes, type StoredRecord } from "../../domain/DhtRecord.ts"
import type { NetworkName } from "../../domain/NetworkName.ts"
import type { Identity } from "../Identity.ts"
import * as Limits from "./Limits.ts"

/** @category models */
export interface Proofs {
  /** Whether a record is not signed, or by its writer. */
  isGenuine(record: StoredRecord): Effect.Effect<boolean>
  /**
   * A frame without the records that are forged; `undefined` when nothing is left. Whoever answers with a forgery has no
   * answer, and is gone around.
   */
  screen(frame: DhtFrame): Effect.Effect<DhtFrame | undefined>
}

/** What is checked by an identity, for one network. `forged` hears of each forgery. @category constructors */
export const make = (
  { verify }: Pick<Identity["Service"], "verify">,
  networkName: NetworkName,
  forged: () => void
): Proofs => {
  // A record comes from several neighbours, and checking it once is enough.
  const checked = new Set<string>()
  const toText = new TextDecoder()

  const isGenuine = Effect.fnUntraced(function*(record: StoredRecord) {
    const { signature, writer } = record
    if (signature === undefined) return true
    const bytes = signedBytes(networkName, record)
    const name = `${signature} ${toText.decode(bytes)}`
    if (checked.has(name)) return true
    if (!(yield* verify({ peerId: writer, purpose: "dht-record", bytes, signature }))) {
      forged()
      return false
    }
    checked.add(name)
    for (const oldest of checked) {
      if (checked.size <= Limits.maxChecked) break
      checked.delete(oldest)
    }
    return true
  })

  const screen = (frame: DhtFrame): Effect.Effect<DhtFrame | undefined> => {
    const onlyIf = (record: StoredRecord | undefined) =>
      record?.signature === undefined
        ? Effect.succeed(frame)
        : Effect.map(isGenuine(record), (isIt) => isIt ? frame : undefined)
    switch (frame.type) {
      case "dht-request":
        return onlyIf(frame.ask.op === "write" ? signedRecordOf(frame.key, frame.ask) : undefined)
      case "dht-spread":
      case "dht-notice":
        return onlyIf(frame.record)
      case "dht-records":
        return frame.records.every(({ signature }) => signature === undefined)
          ? Effect.succeed(frame)
          : Effect.map(Effect.filter(frame.records, isGenuine), (records) => ({ ...frame, records }))
      case "dht-spreaded": {
        const { newer, ...rest } = frame
        return Effect.map(onlyIf(newer), (left) => left ?? rest)
      }
      case "dht-reply": {
        const { answer } = frame
        const record = answer.is === "record" || answer.is === "watching" ? answer.record : undefined
        return Effect.map(onlyIf(record), (left) => left ?? { ...frame, answer: nothing })
      }
      default:
        return Effect.succeed(frame)
    }
  }

  return { isGenuine, screen }
}

const nothing = { is: "lost", ttl: maxHops, visited: [], minima: 0 } as const
