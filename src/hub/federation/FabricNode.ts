/** The fabric of hubs with the WebRTC of Node. Loaded when there is another hub to link with: it is large. */
import * as Layer from "effect/Layer"
import * as Platform from "../../runtime/node.ts"
import type { Identity } from "../../services/Identity.ts"
import type { Fabric } from "./Fabric.ts"
import * as FabricWebRtc from "./FabricWebRtc.ts"

/** @category layers */
export const layer = (options: FabricWebRtc.FabricOptions): Layer.Layer<Fabric, never, Identity> =>
  Layer.provide(FabricWebRtc.layer(options), Platform.layerWebRtc)
