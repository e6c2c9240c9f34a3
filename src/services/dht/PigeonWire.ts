/**
 * The hash table as PeerPigeon's peers know it: they ask and store at neighbours alone, under `network:key`, and get no
 * word of what they stored. What they ask we look up; what they store we put.
 */
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import type { Pigeon } from "../../domain/DhtFrame.ts"
import { Key, sizeOf, type StoredRecord } from "../../domain/DhtRecord.ts"
import { maxValueBytes } from "../../domain/DhtRecord.ts"
import type { NetworkName } from "../../domain/NetworkName.ts"
import type { PeerId } from "../../domain/PeerId.ts"

const Id = Schema.Union([Schema.String.check(Schema.isMaxLength(128)), Schema.Finite])

const Query = Schema.Struct({ key: Schema.String.check(Schema.isMaxLength(1024)), requestId: Id })

const Store = Schema.Struct({
  originalKey: Key,
  value: Schema.Json,
  networkName: Schema.optionalKey(Schema.String.check(Schema.isMaxLength(64))),
  timestamp: Schema.Finite
})

const decodeQuery = Schema.decodeUnknownResult(Query)
const decodeStore = Schema.decodeUnknownResult(Store)

/** What a frame asks for. @category models */
export type Wish =
  | { readonly _tag: "Query"; readonly key: string; readonly wireKey: string; readonly requestId: string | number }
  | { readonly _tag: "Store"; readonly key: string; readonly value: StoredRecord["value"]; readonly timestamp: number }
  /** Of another network. */
  | { readonly _tag: "Foreign" }
  | { readonly _tag: "Malformed" }
  /** Nothing that we follow. */
  | { readonly _tag: "Nothing" }

/** Reads a frame in a network. @category decoding */
export const read = ({ data, messageType }: Pigeon, networkName: NetworkName): Wish => {
  switch (messageType) {
    case "dht_query": {
      const query = decodeQuery(data)
      if (Result.isFailure(query)) return { _tag: "Malformed" }
      const { key, requestId } = query.success
      const prefix = `${networkName}:`
      if (!key.startsWith(prefix) || key.length === prefix.length) return { _tag: "Foreign" }
      return { _tag: "Query", key: key.slice(prefix.length), wireKey: key, requestId }
    }
    case "dht_store": {
      const store = decodeStore(data)
      if (Result.isFailure(store)) return { _tag: "Malformed" }
      const { originalKey, timestamp, value } = store.success
      if ((store.success.networkName ?? "global") !== networkName) return { _tag: "Foreign" }
      const wire = { content: value }
      if (sizeOf(wire) > maxValueBytes) return { _tag: "Malformed" }
      return { _tag: "Store", key: originalKey, value: wire, timestamp }
    }
    default:
      return { _tag: "Nothing" }
  }
}

/** Answers a query. @category encoding */
export const respond = (options: {
  readonly self: PeerId
  readonly networkName: NetworkName
  readonly requestId: string | number
  readonly record: StoredRecord | undefined
  readonly now: number
}): Pigeon => {
  const { networkName, now, record, requestId, self } = options
  const isFound = record?.value !== undefined
  return {
    type: "dht",
    messageType: "dht_query_response",
    data: {
      requestId,
      found: isFound,
      data: !isFound ? null : {
        key: `${networkName}:${record.key}`,
        originalKey: record.key,
        value: record.value.content,
        // PeerPigeon has no bytes: they stay base64 text, and whoever looks for it is told.
        ...(record.value.encoding === undefined ? {} : { encoding: record.value.encoding }),
        networkName,
        timestamp: record.time,
        publisher: record.writer
      }
    },
    from: self,
    timestamp: now
  }
}
