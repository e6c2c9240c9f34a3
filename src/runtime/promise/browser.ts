/** The Promise API in a browser. */
import { layer } from "../browser.ts"
import * as MeshClient from "./MeshClient.ts"

export type { MeshClient, MeshListeners } from "./MeshClient.ts"

/** Makes a mesh in a browser. Rejects with `InvalidInput` when an option cannot be used. @category constructors */
export const createMesh = MeshClient.make(layer)
