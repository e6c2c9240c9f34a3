// What somebody who does not use Effect writes. Only type-checked, against the declarations of the installed package.
import { createMesh, type MeshClient } from "homing/promise"

export const start = async (): Promise<MeshClient> => {
  const mesh = await createMesh({ hubs: ["ws://localhost:3000"], networkName: "garden" })
  const stop: () => void = mesh.on("message", ({ content, from, kind }) => {
    if (kind === "direct") void mesh.send(from, content)
  })
  // @ts-expect-error there is no such event
  mesh.on("nonsense", stop)
  await mesh.join()
  const { neighbours: heard } = await mesh.broadcast(`hello from ${mesh.peerId}`)
  if (heard === 0) await mesh.leave()
  return mesh
}
