/** Running a whole network of hubs from the command line, in one process. */
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import { InvalidInput } from "../domain/Errors.ts"
import type { HubView } from "../hub/backplane/Backplane.ts"
import { Hub } from "../hub/Hub.ts"
import type { HubOptions } from "../hub/Options.ts"
import * as Failure from "./Failure.ts"
import { Output } from "./Output.ts"

/** @category models */
export interface HubNetworkOptions extends HubOptions {
  /** How many hubs. */
  readonly count: number
  /** The port of the first; the others take those above. */
  readonly startPort: number
}

const highestPort = 65535

/** How often statistics are told. */
const period = Duration.seconds(30)

/** How often it is looked whether the topology changed. */
const glance = Duration.seconds(1)

const signs = { webrtc: "══", websocket: "──", relayed: "··", nats: "──", refused: "  " } as const

/** Who is linked with whom, as a table. @category formatting */
export const topology = (
  ports: ReadonlyArray<number>,
  between: (from: number, to: number) => HubView["connection"] | undefined
): ReadonlyArray<string> => {
  const width = 6
  const cell = (text: string) => text.padStart(width)
  return [
    `  ${cell("")}${ports.map((port) => cell(String(port))).join("")}`,
    ...ports.map((from) =>
      `  ${cell(String(from))}${
        ports.map((to) => {
          const way = from === to ? undefined : between(from, to)
          return cell(from === to ? "■" : way === undefined ? "" : signs[way])
        }).join("")
      }`
    ),
    "  ══ WebRTC   ── WebSocket   ·· across other hubs"
  ]
}

const make = (options: HubOptions) =>
  Effect.map(Layer.build(Layer.fresh(Hub.layer(options))), (context) => Context.get(context, Hub))

/**
 * Runs hubs until interrupted; then all of them end. Fails when an option cannot be used or no port can be had.
 *
 * @category running
 */
export const run = ({ count, startPort, ...options }: HubNetworkOptions) =>
  Effect.gen(function*() {
    const output = yield* Output
    if (startPort + count - 1 > highestPort) {
      return yield* new InvalidInput({
        field: "--start-port or START_PORT",
        problem: `expected a port with ${count - 1} above it, up to ${highestPort}, for ${count} hubs`
      })
    }
    const first = yield* make({ ...options, port: startPort, isHub: true })
    const others = yield* Effect.forEach(
      Array.from({ length: count - 1 }, (_, index) => startPort === 0 ? 0 : first.port + index + 1),
      (port) => make({ ...options, port, isHub: true, bootstrapHubs: [first.url] })
    )
    const hubs = [first, ...others]
    yield* output.line(`Homing hub network on ${first.hubMeshNamespace}: ${count} hubs`)
    for (const { hubId, url } of hubs) yield* output.line(`  ${url}  ${hubId}`)
    yield* output.line("  Stop:   Ctrl-C")

    const ports = hubs.map(({ port }) => port)
    const draw = Effect.gen(function*() {
      const views = new Map<number, ReadonlyArray<HubView>>()
      for (const hub of hubs) views.set(hub.port, yield* hub.hubs)
      const idOf = new Map(hubs.map(({ hubId, port }) => [port, hubId]))
      return topology(ports, (from, to) => views.get(from)?.find(({ hub }) => hub === idOf.get(to))?.connection)
    })

    const picture = Stream.fromEffectRepeat(Effect.delay(draw, glance)).pipe(
      Stream.changesWith((one, other) => one.join("\n") === other.join("\n")),
      Stream.runForEach((lines) => Effect.forEach(lines, output.line, { discard: true }))
    )
    const statistics = Effect.gen(function*() {
      yield* output.line("  port   connections  peers  networks  relayed  refused  hubs")
      for (const hub of hubs) {
        const { connections, networks, peers, refused, relayed } = yield* hub.stats
        const linked = (yield* hub.hubs).filter(({ connection }) => connection !== "refused").length
        const columns = [[connections, 13], [peers, 7], [networks, 10], [relayed, 9], [refused, 9], [
          linked,
          6
        ]] as const
        yield* output.line(
          `  ${String(hub.port).padEnd(5)}${columns.map(([value, width]) => String(value).padStart(width)).join("")}`
        )
      }
    }).pipe(Effect.delay(period), Effect.forever)

    return yield* Effect.all([picture, statistics], { concurrency: "unbounded", discard: true }).pipe(
      Effect.andThen(Effect.never)
    )
  }).pipe(Effect.scoped, Effect.provide(Output.layer), Failure.shown)
