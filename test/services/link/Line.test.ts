/** An attempt at a link, over a connection that only notes what is asked of it. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Line from "../../../src/services/link/Line.ts"
import { defaults } from "../../../src/services/link/LinkSettings.ts"
import type { IceServer } from "../../../src/services/WebRtc.ts"
import { peer } from "../../support/simulation.ts"

const turn = (credential: string): ReadonlyArray<IceServer> => [{ urls: "turn:turn.test", username: "ada", credential }]

describe("a line", () => {
  it.effect.each(["offerer", "answerer"] as const)(
    "restarts by the ICE servers of that moment, as %s",
    (role) =>
      Effect.gen(function*() {
        const done: Array<unknown> = []
        let servers = turn("first")
        const line = yield* Line.open(
          {
            other: peer(1),
            webRtc: {
              engine: "none",
              open: ({ iceServers }) =>
                Effect.sync(() => {
                  done.push(["open", iceServers])
                  return {
                    setIceServers: (servers) => Effect.sync(() => void done.push(["use", servers])),
                    offer: (options) =>
                      Effect.sync(() => (done.push(options?.restart === true ? "restart" : "offer"), "")),
                    accept: () => Effect.sync(() => (done.push("accept"), "")),
                    complete: () => Effect.void,
                    addCandidate: () => Effect.void
                  }
                })
            },
            iceServers: Effect.sync(() => servers),
            settings: defaults,
            isAside: () => false,
            signal: () => Effect.void,
            tell: () => undefined,
            malformed: () => undefined
          },
          "attempt",
          role,
          yield* Effect.scope
        )
        yield* role === "offerer" ? line.offer() : line.answer("")
        servers = turn("second")
        yield* role === "offerer" ? line.offer({ restart: true }) : line.answer("")
        assert.deepStrictEqual(done, [
          ["open", turn("first")],
          role === "offerer" ? "offer" : "accept",
          ["use", turn("second")],
          role === "offerer" ? "restart" : "accept"
        ])
      })
  )
})
