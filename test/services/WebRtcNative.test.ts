import { describe } from "@effect/vitest"
import * as Layer from "effect/Layer"
import * as WebRtcNative from "../../src/services/WebRtcNative.ts"
import * as WebRtcWerift from "../../src/services/WebRtcWerift.ts"
import {
  both,
  carriesPackets,
  flushesAtClose,
  keepsItsServers,
  losesNoFlight,
  negotiates,
  refusesRestarts,
  tricklesAtOnce
} from "./webrtc/conformance.ts"

const native = Layer.orDie(WebRtcNative.layer)
const werift = WebRtcWerift.layer

describe("WebRtcNative", () => {
  const engines = both(native)
  carriesPackets(engines)
  flushesAtClose(engines)
  negotiates(engines, { emptyRecord: "fatal" })
  losesNoFlight(engines)
  keepsItsServers(engines)
  refusesRestarts(engines, "offerer")
  refusesRestarts(engines, "answerer")
})

describe("WebRtcNative, with werift answering", () => {
  const engines = { offerer: native, answerer: werift }
  carriesPackets(engines)
  flushesAtClose(engines)
  negotiates(engines, { emptyRecord: "ignored" })
})

describe("WebRtcNative, answering werift", () => {
  const engines = { offerer: werift, answerer: native }
  carriesPackets(engines)
  flushesAtClose(engines)
  negotiates(engines, { emptyRecord: "fatal" })
  losesNoFlight(engines)
  tricklesAtOnce(engines)
})
