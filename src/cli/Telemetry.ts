/**
 * Traces, metrics and logs to an OpenTelemetry collector, as OpenTelemetry's own environment variables say. Nothing is
 * sent, and nothing of it is loaded, while none of them names a collector.
 */
import * as Cause from "effect/Cause"
import * as Config from "effect/Config"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import { InvalidInput } from "../domain/Errors.ts"
import { waitAtMost } from "../services/Patience.ts"

const endpoints = ["", "TRACES_", "METRICS_", "LOGS_"].map((signal) => `OTEL_EXPORTER_OTLP_${signal}ENDPOINT`)

/** What the specification says of a variable that is not set. */
const defaults = {
  OTEL_TRACES_EXPORTER: "otlp",
  OTEL_METRICS_EXPORTER: "otlp",
  OTEL_LOGS_EXPORTER: "otlp",
  OTEL_SERVICE_NAME: "homing-hub",
  // How many milliseconds each of them may take for what is left after the last report of ours, where 10 s are usual: a hub
  // that is to stop must not be held up by a collector that is gone.
  OTEL_EXPORTER_OTLP_TIMEOUT: "500"
}

const text = (variable: string) => Config.String(variable).pipe(Config.option, Effect.orDie)

const protocols = ["http/protobuf", "http/json"]

const checked = Effect.gen(function*() {
  let named = false
  for (const variable of endpoints) {
    const value = Option.getOrElse(yield* text(variable), () => "")
    if (value === "") continue
    if (!/^https?:/.test(value) || !URL.canParse(value)) {
      return yield* new InvalidInput({ field: variable, problem: "expected a URL such as http://localhost:4318" })
    }
    named = true
  }
  const protocol = Option.getOrElse(yield* text("OTEL_EXPORTER_OTLP_PROTOCOL"), () => "http/protobuf")
  if (named && !protocols.includes(protocol)) {
    return yield* new InvalidInput({
      field: "OTEL_EXPORTER_OTLP_PROTOCOL",
      problem: `expected ${protocols.join(" or ")}`
    })
  }
  return { named, json: protocol === "http/json" }
})

/** Sends at once what was gathered; to be done while what is measured is still there. @category references */
export const Flush = Context.Reference<Effect.Effect<void>>("homing/cli/Telemetry/Flush", {
  defaultValue: () => Effect.void
})

/** How long the last report may take. */
const flushPatience = Duration.seconds(2)

/** What cannot be read in a variable is no bug of ours. */
const unreadable = (cause: Cause.Cause<never>): Effect.Effect<never, InvalidInput> => {
  const defect = Cause.squash(cause)
  return defect instanceof Config.ConfigError
    ? Effect.fail(new InvalidInput({ field: "A variable of OpenTelemetry", problem: defect.cause.message }))
    : Effect.failCause(cause)
}

/**
 * Exports whatever the program traces, measures and logs. Fails when a variable that matters is not what it must be. A
 * collector that does not answer costs nothing but its data.
 *
 * @category layers
 */
export const layer = (serviceVersion: string): Layer.Layer<never, InvalidInput> =>
  Layer.unwrap(Effect.gen(function*() {
    const { json, named } = yield* checked
    if (!named) return Layer.empty
    const [Otlp, { Flusher }, Serialization, Client] = yield* Effect.promise(() =>
      Promise.all([
        import("effect/observability/Otlp"),
        import("effect/observability/OtlpExporter"),
        import("effect/observability/OtlpSerialization"),
        import("effect/http/FetchHttpClient")
      ])
    )
    const layerFlush = Layer.effect(Flush, Effect.map(Flusher, ({ flush }) => waitAtMost(flushPatience)(flush)))
    const exporters = Otlp.layerFromConfig({ resource: { serviceVersion }, loggerMergeWithExisting: true })
    return layerFlush.pipe(
      Layer.provideMerge(Layer.catchCause(exporters, (cause) => Layer.effectContext(unreadable(cause)))),
      Layer.provide([json ? Serialization.layerJson : Serialization.layerProtobuf, Client.layer]),
      Layer.provide(ConfigProvider.layerAdd(ConfigProvider.fromEnv({ env: defaults })))
    )
  }))
