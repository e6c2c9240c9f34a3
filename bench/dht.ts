/**
 * What the hash table reaches at 10 to 1,000 peers, beside the goals: its core at every peer, over an ideal ring with long
 * links of 20 to 120 ms, on an agenda instead of a clock.
 *
 * Run with `node bench/dht.ts`; `node bench/dht.ts 3` takes 3 seeds, and `node bench/dht.ts 1 100` 100 peers alone.
 */
import * as Limits from "../src/services/dht/Limits.ts"
import * as RingModel from "../test/support/dht/RingModel.ts"

const seeds = Number(process.argv[2] ?? 4)
const sizes = process.argv[3] === undefined ? [10, 100, 1000] : [Number(process.argv[3])]

const keys = 1000
const reads = 3000

const quantile = (numbers: ReadonlyArray<number>, share: number) =>
  numbers.toSorted((one, other) => one - other)[Math.min(numbers.length - 1, Math.floor(share * numbers.length))] ?? 0

const percent = (share: number) => `${(100 * share).toFixed(2)} %`

const say = (peers: number, what: string, goal: string, reached: string, isReached: boolean) =>
  console.log(
    `${String(peers).padStart(5)}  ${what.padEnd(46)} ${goal.padEnd(12)} ${reached.padEnd(34)} ${
      isReached ? "" : "MISSED"
    }`
  )

/** Frames that carry a request or a record onwards: what a put costs, apart from the words that it was done. */
const onwards = ["dht-request", "dht-spread"] as const

const sum = (model: RingModel.Model, types: Iterable<string>) => {
  let total = 0
  for (const type of types) for (const [sent, count] of model.sent) if (sent === type) total += count
  return total
}

/** Reads at random places, and says how many found the right value, and at what cost. */
const readMany = (model: RingModel.Model, count: number, isLost: (key: number) => boolean = () => false) => {
  const alive = model.members.filter(({ alive }) => alive)
  const hops: Array<number> = []
  const millis: Array<number> = []
  let right = 0
  let inVain = 0
  for (let n = 0; n < count; n++) {
    const [reader] = RingModel.some(model.random, alive, 1)
    if (reader === undefined) continue
    const at = Math.floor(model.random() * keys)
    if (isLost(at)) inVain++
    const before = sum(model, ["dht-request"])
    const since = model.now()
    const answer = model.ask(reader, `key-${at}`, { op: "get", fresh: false })
    hops.push(sum(model, ["dht-request"]) - before)
    millis.push(model.now() - since)
    if (answer?.is === "record" && answer.record.value?.content === at) right++
  }
  return { right: right / count, rightOfLeft: right / (count - inVain), hops, millis }
}

const putAll = (model: RingModel.Model) => {
  const costs: Array<number> = []
  const frames: Array<number> = []
  const holders: Array<number> = []
  const millis: Array<number> = []
  for (let at = 0; at < keys; at++) {
    const [writer] = RingModel.some(model.random, model.members, 1)
    if (writer === undefined) continue
    const [before, all] = [sum(model, onwards), sum(model, model.sent.keys())]
    const since = model.now()
    const answer = model.ask(writer, `key-${at}`, {
      op: "write",
      value: { content: at },
      ttl: 86_400_000,
      expected: undefined
    })
    if (answer?.is === "stored") holders.push(answer.holders)
    costs.push(sum(model, onwards) - before)
    frames.push(sum(model, model.sent.keys()) - all)
    millis.push(model.now() - since)
  }
  return { costs, frames, holders, millis }
}

const mean = (numbers: ReadonlyArray<number>) => numbers.reduce((one, other) => one + other, 0) / numbers.length

console.log("peers  what                                           goal         reached")
for (const size of sizes) {
  const runs = Array.from({ length: seeds }, (_, seed) => {
    const fresh = (salt: number) => {
      const model = RingModel.make(size, 1000 * seed + salt)
      model.run(5000)
      const puts = putAll(model)
      return { model, puts }
    }
    const { model, puts } = fresh(1)
    const calm = readMany(model, reads)
    const lose = (share: number, salt: number) => {
      const { model } = fresh(salt)
      model.kill(RingModel.some(model.random, model.members, Math.floor(share * size)))
      const isLost = (at: number) =>
        !model.members.some(({ alive, node }) => alive && node.held(`key-${at}`, model.now()) !== undefined)
      const gone = new Set(Array.from({ length: keys }, (_, at) => at).filter(isLost))
      const before = readMany(model, reads / 3)
      model.repair()
      model.run(10_000)
      const after = readMany(model, reads, (at) => gone.has(at))
      return { before, after, lost: gone.size / keys }
    }
    return { puts, calm, third: lose(0.3, 2), half: lose(0.5, 3) }
  })
  const all = <A>(of: (run: typeof runs[number]) => ReadonlyArray<A>) => runs.flatMap(of)
  const share = (of: (run: typeof runs[number]) => number) => mean(runs.map(of))

  const calm = share(({ calm }) => calm.right)
  say(size, "10 get finds what was put", ">= 99.9 %", percent(calm), calm >= 0.999)
  const hops = all(({ calm }) => calm.hops)
  const most = Math.log2(size) + 1
  say(
    size,
    "11 hops of a get, p50 / p99",
    `p99 <= ${most.toFixed(1)}`,
    `${quantile(hops, 0.5)} / ${quantile(hops, 0.99)}`,
    quantile(hops, 0.99) <= most
  )
  const wait = all(({ calm }) => calm.millis)
  say(
    size,
    "   its time, p50 / p99",
    "",
    `${quantile(wait, 0.5).toFixed(0)} / ${quantile(wait, 0.99).toFixed(0)} ms`,
    true
  )
  const costs = mean(all(({ puts }) => puts.costs))
  say(
    size,
    "12 messages of a put: onwards (with answers)",
    "<= 20",
    `${costs.toFixed(1)} (${mean(all(({ puts }) => puts.frames)).toFixed(1)})`,
    costs <= 20
  )
  const putWait = all(({ puts }) => puts.millis)
  say(
    size,
    "   its time, p50 / p99; copies, mean",
    "",
    `${quantile(putWait, 0.5).toFixed(0)} / ${quantile(putWait, 0.99).toFixed(0)} ms; ${
      mean(all(({ puts }) => puts.holders)).toFixed(2)
    }`,
    true
  )
  const early = share(({ third }) => third.before.right)
  say(size, "13 get right after 30 % died, before repair", ">= 99.5 %", percent(early), early >= 0.995)
  say(
    size,
    "   its hops p99, time p99",
    "",
    `${quantile(all(({ third }) => third.before.hops), 0.99)}, ${
      quantile(all(({ third }) => third.before.millis), 0.99).toFixed(0)
    } ms`,
    true
  )
  const mended = share(({ third }) => third.after.right)
  say(size, "14 get after one repair round, 30 % dead", ">= 99.9 %", percent(mended), mended >= 0.999)
  const half = share(({ half }) => half.after.right)
  say(size, "15 get after one repair round, 50 % dead", ">= 99.9 %", percent(half), half >= 0.999)
  // All twelve copies are among the dead half once in 2^12 times: of no record, or, where a dozen in a row died, of many.
  const expected = Array.from({ length: Limits.copies }, (_, n) => (size * 0.5 - n) / (size - n))
    .reduce((one, other) => one * Math.max(0, other), 1)
  say(
    size,
    "   records of which no copy was left",
    `(${percent(expected)})`,
    percent(share(({ half }) => half.lost)),
    true
  )
  const left = share(({ half }) => half.after.rightOfLeft)
  say(size, "   get of those of which one was", ">= 99.9 %", percent(left), left >= 0.999)
}
