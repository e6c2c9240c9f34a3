/** Serves neighbours that speak PeerPigeon: what they ask we look up, and what they store we put. */
import type { Pigeon } from "../../domain/DhtFrame.ts"
import { pointOf } from "../../domain/Hash.ts"
import type { PeerId } from "../../domain/PeerId.ts"
import type { Ground } from "./Ground.ts"
import * as Limits from "./Limits.ts"
import * as PigeonWire from "./PigeonWire.ts"
import type { Requests } from "./Requests.ts"

/** @category models */
export interface PigeonDesk {
  onPigeon(from: PeerId, frame: Pigeon): void
}

/** @category constructors */
export const make = (ground: Ground, requests: Requests): PigeonDesk => {
  const { networkName, self } = ground
  return {
    onPigeon: (from, frame) => {
      const wish = PigeonWire.read(frame, networkName)
      switch (wish._tag) {
        case "Query":
          return requests.ask(wish.key, { op: "get", fresh: false }, (answer) => {
            const record = answer?.is === "record" ? answer.record : undefined
            const { requestId } = wish
            ground.send(from, PigeonWire.respond({ self, networkName, requestId, record, now: ground.now() }))
          })
        case "Store": {
          const { key, timestamp, value } = wish
          // It tells each of its neighbours, and they are to know it for the same write.
          const write = pointOf(`${from}:${timestamp}:${key}`)
          const ask = { op: "write", write, writer: from, ttl: Limits.pigeonTtl } as const
          return requests.ask(key, value === undefined ? ask : { ...ask, value }, () => {})
        }
        case "Foreign":
          return ground.drop("foreignNetwork")
        case "Malformed":
          return ground.drop("malformed")
        case "Nothing":
          return
      }
    }
  }
}
