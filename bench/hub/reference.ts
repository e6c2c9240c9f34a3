/**
 * The server of PeerPigeon 1.1.3, if it is installed in a folder of yours. It is no dependency of ours:
 *
 *   npm install --prefix /tmp/reference --ignore-scripts peerpigeon@1.1.3
 *   npm run bench:hub -- --reference /tmp/reference
 */
import { existsSync } from "node:fs"
import { join, resolve } from "node:path"
import { pathToFileURL } from "node:url"

const entryIn = (folder: string): string => resolve(join(folder, "node_modules/peerpigeon/server/index.js"))

/** Whether it can be had from a folder. */
export const isIn = (folder: string): boolean => existsSync(entryIn(folder))

/** Starts it, silent, and returns its port. */
export const reference = async (folder: string): Promise<number> => {
  const { PeerPigeonServer } = await import(pathToFileURL(entryIn(folder)).href)
  // What it says of every message is not its routing.
  for (const method of ["log", "warn", "error"] as const) console[method] = () => undefined
  // It takes no port 0, but the next free one of ten.
  const server = new PeerPigeonServer({
    host: "127.0.0.1",
    port: 20_000 + Math.floor(Math.random() * 20_000),
    maxConnections: 100_000
  })
  const { port } = await server.start()
  return port
}
