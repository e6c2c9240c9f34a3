/** The Promise API on Node. */
import { layer } from "../node.ts"
import * as MeshClient from "./MeshClient.ts"

export type { MeshClient, MeshListeners } from "./MeshClient.ts"

/** Makes a mesh on Node. Rejects with `InvalidInput` when an option cannot be used. @category constructors */
export const createMesh = MeshClient.make(layer)
