/** The Promise API on Node. */
import * as Platform from "../node.ts"
import * as MeshClient from "./MeshClient.ts"

export type * from "./ClientTypes.ts"

/**
 * Makes a mesh on Node. Rejects with `InvalidInput` when an option cannot be used, and with `StoreUnusable` when what a
 * profile or store keeps is damaged or in use.
 *
 * @category constructors
 */
export const createMesh = MeshClient.make({
  ...Platform,
  files: { source: Platform.fileSource, target: Platform.fileTarget }
})
