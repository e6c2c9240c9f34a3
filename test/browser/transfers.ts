/** A page that sends and takes files and streams. Its functions run inside the page. */
import type { ClientFileOffer } from "../../src/runtime/promise/browser.ts"

/** The bytes that the page sends. */
export const pattern = (length: number): Uint8Array<ArrayBuffer> => {
  const bytes = new Uint8Array(length)
  for (let at = 0; at < length; at++) bytes[at] = (at * 31 + (at >>> 9)) & 0xff
  return bytes
}

/** Joins a network and takes the first file that comes; says who it is, and leaves what came in a variable. */
export const takeFile = async ({ hub, networkName }: { readonly hub: string; readonly networkName: string }) => {
  const mesh = await globalThis.homing.createMesh({ hubs: hub, networkName })
  const steps: Array<number> = []
  const takeIn = async (offer: ClientFileOffer) => {
    const received = await offer.accept(undefined, { onProgress: ({ bytes }) => void steps.push(bytes) })
    const { name, saved, sha256, size } = received
    const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", await saved.arrayBuffer()))
    const own = Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("")
    return { name, size, sha256, own, blob: saved.size, type: saved.type, last: steps.at(-1) ?? 0 }
  }
  globalThis.taken = new Promise((resolve) => {
    mesh.onFile((offer) => resolve(takeIn(offer)))
  })
  await mesh.join()
  globalThis.mesh = mesh
  return mesh.peerId
}

/** Sends a file from the page, of bytes as `pattern` makes them, and gives what the mesh says of it. */
export const sendFile = async ({ length, to }: { readonly to: string; readonly length: number }) => {
  const bytes = new Uint8Array(length)
  for (let at = 0; at < length; at++) bytes[at] = (at * 31 + (at >>> 9)) & 0xff
  const { links, name, sha256, size } = await globalThis.mesh.sendFile(
    to,
    new File([bytes], "from a page.bin", { type: "application/x-test" })
  )
  return { links, name, sha256, size }
}

/** Opens a stream, writes to it, and gives what comes back as text. */
export const talk = async ({ text, to }: { readonly to: string; readonly text: string }) => {
  const { readable, writable } = await globalThis.mesh.openStream(to, { name: "talk" })
  const [, answer] = await Promise.all([
    new Blob([text]).stream().pipeTo(writable),
    new Response(readable).text()
  ])
  return answer
}
