/**
 * What the peer nearest to a key does with a write: keeps it as the next version, spreads it, and does so anew where
 * somebody has a newer record. A write is done once, however often and on however many ways it is asked for.
 */
import { type Answer, signedRecordOf, type Write } from "../../domain/DhtFrame.ts"
import { compareAge, minTtl, type StoredRecord } from "../../domain/DhtRecord.ts"
import type { PeerId } from "../../domain/PeerId.ts"
import type { Copies } from "./Copies.ts"
import type { Ground } from "./Ground.ts"
import type { Keeping } from "./Keeping.ts"
import * as Limits from "./Limits.ts"
import type { Outcome } from "./Spreads.ts"
import * as Store from "./Store.ts"
import type { Sync } from "./Sync.ts"
import * as Writes from "./Writes.ts"

/** @category models */
export interface Writing {
  /** Writes at the nearest peer, which we are, and says what became of it. */
  write(key: string, position: PeerId, ask: Write, answer: (answer: Answer) => void): void
}

/** No write under way. @category constructors */
export const make = (
  ground: Ground,
  store: Store.Store,
  writes: Writes.Writes,
  sync: Sync,
  keeping: Keeping,
  copies: Copies
): Writing => {
  /** Those who wait for a write that is under way, by its name. */
  const underway = new Map<string, Array<(answer: Answer) => void>>()

  const versionOf = (record: StoredRecord | undefined) => record?.value === undefined ? 0 : record.version

  const isSound = (record: StoredRecord) => Store.problemWith(record, ground.now()) === undefined

  const attempt = (
    key: string,
    position: PeerId,
    ask: Write,
    rounds: number,
    answer: (answer: Answer) => void
  ): void => {
    const now = ground.now()
    const held = store.get(key, now)?.record
    // One that was tried again, because its answer got lost.
    const isHere = held !== undefined && Writes.nameOf(held.write) === Writes.nameOf(ask.write) &&
      Writes.attemptOf(ask.write) <= Writes.attemptOf(held.write)
    const past = rounds === Limits.writeRounds ? writes.of(ask.write, now) : undefined
    if (!isHere && past !== undefined) return answer({ is: "stored", version: past.version, holders: 0 })
    const signed = signedRecordOf(key, ask)
    const isLate = (ask.expected !== undefined && ask.expected !== versionOf(held)) ||
      (signed !== undefined && held !== undefined && signed.version <= held.version)
    if (!isHere && isLate) return answer({ is: "conflict", version: versionOf(held) })
    const draft: StoredRecord = isHere ? held : signed ?? {
      key,
      ...(ask.value === undefined ? {} : { value: ask.value }),
      version: (held?.version ?? 0) + 1,
      writer: ask.writer,
      write: ask.write,
      time: now,
      ttl: ask.ttl
    }
    const problem = Store.problemWith(draft, now)
    if (problem !== undefined) return answer({ is: "refused", why: "invalid", problem })
    const verdict = keeping.accept(draft, false)
    if (verdict._tag === "Full") return answer({ is: "refused", why: "full", problem: verdict.problem })
    const record = verdict._tag === "Kept" ? verdict.record : draft
    copies.bring(
      record,
      position,
      ask.expected !== undefined,
      (outcome) => settle(outcome, record, isHere, position, ask, rounds, answer)
    )
  }

  /** What a write has come to, now that those who are to have it have been asked. */
  const settle = (
    { done, holders, missing, newer }: Outcome,
    record: StoredRecord,
    wasHere: boolean,
    position: PeerId,
    ask: Write,
    rounds: number,
    answer: (answer: Answer) => void
  ): void => {
    const { key } = record
    const before = done ?? (wasHere ? record.version : undefined)
    // Others have written since it was done, and that stands.
    if (before !== undefined && newer !== undefined && isSound(newer)) {
      const finish = () => answer({ is: "stored", version: before, holders: 0 })
      if (compareAge(newer, record) < 0) return renew(newer, position, rounds - 1, finish)
      keeping.accept(newer, false)
      return finish()
    }
    if (newer === undefined || !isSound(newer)) {
      if (missing.length > 0) sync.kept(key, true)
      return answer({ is: "stored", version: record.version, holders: holders + 1 })
    }
    // It is as if that had been here before.
    if (compareAge(newer, record) > 0) keeping.accept(newer, false)
    if (ask.expected !== undefined) return answer({ is: "conflict", version: versionOf(newer) })
    if (rounds <= 1) {
      return answer({ is: "refused", why: "invalid", problem: "others write the same key all the time" })
    }
    attempt(key, position, { ...ask, write: Writes.again(ask.write) }, rounds - 1, answer)
  }

  /** Writes anew a record that an old write was done over. Signed ones cannot be: each has its version. */
  const renew = (
    { key, signature, time, ttl, value, write, writer }: StoredRecord,
    position: PeerId,
    rounds: number,
    done: () => void
  ) => {
    const left = time + ttl - ground.now()
    if (signature !== undefined || left < minTtl || rounds <= 0) return done()
    const ask: Write = { op: "write", write: Writes.again(write), writer, ttl: left }
    attempt(key, position, value === undefined ? ask : { ...ask, value }, rounds, done)
  }

  return {
    write: (key, position, ask, answer) => {
      const name = Writes.nameOf(ask.write)
      const waiting = underway.get(name)
      if (waiting !== undefined) return void waiting.push(answer)
      underway.set(name, [answer])
      attempt(key, position, ask, Limits.writeRounds, (result) => {
        const all = underway.get(name) ?? []
        underway.delete(name)
        for (const answer of all) answer(result)
      })
    }
  }
}
