/**
 * A supervisor for colleagues: in working hours the peer waits at home, however long it is alone, since somebody is
 * bound to come. At night and on weekends it goes where people are, and it is back when work begins.
 *
 * The policy reads no clock: what time it is, is one of the facts that it is given. The same facts always lead to the
 * same verdict, and a test can let a week pass in a moment.
 *
 *     npm run hub
 *     npm run example examples/working-hours.ts
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { DateTime, Effect, Layer, Stream } from "effect"
import { FallbackPolicy, Mesh, NetworkHealth } from "homing"
import * as Node from "homing/node"

/** When people work. */
export interface WorkingHours {
  /** Such as `Europe/Berlin`, summer time and all. */
  readonly timeZone: string
  /** Hours of the day, such as 9 and 17: from nine until five. */
  readonly from: number
  readonly until: number
  /** Days of the week; 0 is Sunday. */
  readonly days: ReadonlyArray<number>
}

/** From nine to five, Monday to Friday. */
export const nineToFive = (timeZone: string): WorkingHours => ({ timeZone, from: 9, until: 17, days: [1, 2, 3, 4, 5] })

/** Whether people work at a time, in milliseconds since 1970. Throws a `RangeError` for a time zone that there is not. */
export const isWorkingTime = ({ days, from, timeZone, until }: WorkingHours): (at: number) => boolean => {
  const zone = DateTime.zoneMakeNamedUnsafe(timeZone)
  return (at) => {
    const { hour, weekDay } = DateTime.toParts(DateTime.makeZonedUnsafe(at, { timeZone: zone }))
    return days.includes(weekDay) && hour >= from && hour < until
  }
}

/** Stays at home, or returns there, in working hours; leaves the rest to another policy. */
export const workingHours = (
  hours: WorkingHours,
  otherwise: FallbackPolicy = { decide: (health) => NetworkHealth.decide(health) }
): FallbackPolicy => {
  const isWorking = isWorkingTime(hours)
  return {
    decide: (health) => {
      if (!isWorking(health.at)) return otherwise.decide(health)
      return health.networkName === health.originalNetworkName
        ? NetworkHealth.stay("it is working time")
        : NetworkHealth.goHome("work begins")
    }
  }
}

/** The policy as a layer, to be provided to `Mesh.layer`. */
export const WorkingHoursInBerlin = Layer.sync(FallbackPolicy, () => workingHours(nineToFive("Europe/Berlin")))

/** Joins, and says where it is taken. */
const program = Effect.gen(function*() {
  const mesh = yield* Mesh
  yield* mesh.events.pipe(
    Stream.runForEach((event) => event._tag === "StatusChanged" ? Effect.log(event.message) : Effect.void),
    Effect.forkScoped({ startImmediately: true })
  )
  yield* mesh.join
  yield* Effect.never
})

if (import.meta.main) {
  const MeshLayer = Mesh.layer({ hubs: "ws://localhost:3000", networkName: "work" }).pipe(
    Layer.provide(WorkingHoursInBerlin),
    Layer.provide(Node.layer)
  )
  program.pipe(Effect.scoped, Effect.provide(MeshLayer), NodeRuntime.runMain)
}
