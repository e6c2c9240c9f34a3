/** The Promise API in a browser. */
import * as Platform from "../browser.ts"
import * as MeshClient from "./MeshClient.ts"

export type * from "./ClientTypes.ts"

/**
 * Makes a mesh in a browser. Rejects with `InvalidInput` when an option cannot be used, and with `StoreUnusable` when what a
 * profile or store keeps is damaged or in use.
 *
 * @category constructors
 */
export const createMesh = MeshClient.make(Platform)
