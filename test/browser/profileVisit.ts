/** A page that uses the Promise API with a profile. */
import { Effect } from "effect"
import { rolldown } from "rolldown"
import type { createMesh, MeshClient } from "../../src/runtime/promise/browser.ts"
import type { restart } from "./restart.ts"

declare global {
  /** What the bundle leaves in the page. */
  var homing: { readonly createMesh: typeof createMesh }
  var restarting: { readonly restart: typeof restart }
  /** What tests leave in it: a mesh that has joined, and what became of a file. */
  var mesh: MeshClient
  var taken: Promise<{ readonly [fact: string]: string | number }>
}

/** A module as a script for browsers, which leaves it in a variable. */
export const scriptOf = (input: string, name: string) =>
  Effect.promise(async () => {
    const build = await rolldown({ input, platform: "browser" })
    const { output: [script] } = await build.generate({ format: "iife", name })
    await build.close()
    return `${script.code}\nglobalThis.${name} = ${name}`
  })

/** `homing/promise` as such a script. */
export const promiseApi = scriptOf("src/runtime/promise/browser.ts", "homing")

/** What a visit found. */
export interface Visit {
  readonly peerId: string
  /** The network and the fallback setting it started with. */
  readonly start: readonly [networkName: string, allowGlobalFallback: boolean]
  /** The error of a second mesh with the same profile. */
  readonly refusal: string
}

/** Starts a mesh with a profile, and changes what it wants if asked to. Runs inside a page. */
export const profileVisit = async (
  { change, hub }: { readonly hub: string; readonly change: boolean }
): Promise<Visit> => {
  const options = { hubs: hub, profile: "ada" }
  const mesh = await globalThis.homing.createMesh(options)
  const { allowGlobalFallback, networkName } = await mesh.getStatus()
  const refusal = await globalThis.homing.createMesh(options).then(
    () => "none",
    (error: unknown) =>
      typeof error === "object" && error !== null && "_tag" in error ? String(error._tag) : String(error)
  )
  if (change) {
    await mesh.setNetworkName("work")
    await mesh.setAllowGlobalFallback(false)
  }
  await mesh.close()
  return { peerId: mesh.peerId, start: [networkName, allowGlobalFallback], refusal }
}
