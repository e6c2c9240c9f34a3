import * as Context from "effect/Context"
import type { PeerId } from "../domain/PeerId.ts"
export class Identity extends Context.Service<Identity, { readonly peerId: PeerId }>()("homing/Identity") {}
