/** One of the two processes of `bench/link.ts`. */
import * as WebRtcNative from "../../src/services/WebRtcNative.ts"
import * as WebRtcWerift from "../../src/services/WebRtcWerift.ts"
import * as Pool from "./pool.ts"
import type { Carrier, Message, Order, Pacing, Side, Surroundings } from "./protocol.ts"
import * as Raw from "./raw.ts"

const [carrier, role] = process.argv.slice(2)
const dials = role === "dials"
const tell = (message: Message) => void process.send?.(message)

let expected = 0
let maxRss = 0
const weigh = () => void (maxRss = Math.max(maxRss, process.memoryUsage.rss()))
const unhurried: Pacing = { highWaterMark: 16 * 1024, perTurn: 1 }
let answered: (() => void) | undefined

/** Texts begin with their number; a question begins with `?` and comes back with `!`. */
const arrived: Surroundings["arrived"] = (text) => {
  if (text.startsWith("?")) return void side.then(({ send }) => send([`!${text.slice(1)}`], unhurried))
  if (text.startsWith("!")) return answered?.()
  const [number, count] = text.split(" ", 2).map(Number)
  if (number !== expected) return tell({ report: "failed", problem: `expected ${expected}, got ${number}` })
  if (number % 1000 === 0) weigh()
  expected++
  if (expected === count) {
    expected = 0
    tell({ report: "arrived", count })
  }
}

const makers: { readonly [C in Carrier]: (surroundings: Surroundings) => Promise<Side> } = {
  "pool-werift": (surroundings) => Pool.make(WebRtcWerift.layer, surroundings),
  "pool-native": (surroundings) => Pool.make(WebRtcNative.layer, surroundings),
  "raw-werift": async (surroundings) => Raw.make(surroundings)
}
const make = Object.entries(makers).find(([name]) => name === carrier)?.[1]
if (make === undefined) throw new Error(`no carrier is called ${carrier}`)
const side = make({ dials, arrived, signal: (link, signal) => tell({ signal, link }) })

function* numbered(size: number, count: number) {
  const filler = "x".repeat(size)
  for (let n = 0; n < count; n++) {
    if (n % 1000 === 0) weigh()
    yield `${n} ${count} ${filler}`.slice(0, size)
  }
}

const carryOut = async (order: Order): Promise<ReadonlyArray<number>> => {
  const { close, open, send } = await side
  switch (order.order) {
    case "open": {
      const start = performance.now()
      await open(order.links)
      return [performance.now() - start]
    }
    case "close":
      await close()
      return []
    case "flood":
      await send(numbered(order.size, order.count), order.pacing)
      return []
    case "echo": {
      const times: Array<number> = []
      for (let n = 0; n < order.count; n++) {
        const start = performance.now()
        const back = new Promise<void>((resolve) => {
          answered = resolve
        })
        await send([`?${n}`], unhurried)
        await back
        times.push(performance.now() - start)
      }
      return times
    }
    case "usage": {
      weigh()
      const most = maxRss
      globalThis.gc?.()
      maxRss = process.memoryUsage.rss()
      const { system, user } = process.cpuUsage()
      const { external, heapUsed } = process.memoryUsage()
      return [maxRss, most, (system + user) / 1000, heapUsed + external]
    }
  }
}

process.on("message", (message: Message) => {
  if ("signal" in message) void side.then(({ receive }) => receive(message.link, message.signal))
  else if ("order" in message) {
    carryOut(message).then(
      (value) => tell({ report: "done", value }),
      (cause: unknown) => tell({ report: "failed", problem: String(cause) })
    )
  }
})
// An end without its bench has nothing to do.
process.on("disconnect", () => process.exit())
void side.then(() => tell({ report: "ready" }))
