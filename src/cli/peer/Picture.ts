/** A mesh's status, drawn in text. */
import type { ActorStatus, HubState, LinkStatus, MeshStatus } from "../../domain/MeshStatus.ts"
import { short } from "../../domain/PeerId.ts"
import type { NetworkSummary } from "../../domain/Signal.ts"

const plural = (count: number, noun: string) => `${count} ${noun}${count === 1 ? "" : "s"}`

const hubLine = (hub: HubState): string => {
  switch (hub._tag) {
    case "Idle":
      return "none needed"
    case "Connecting":
      return `connecting to ${hub.url}, attempt ${hub.attempt + 1}`
    case "Connected":
      return `connected to ${hub.url}`
    case "Waiting":
      return `${hub.url} cannot be reached (${hub.problem}); trying again`
    case "TakenOver":
      return `${hub.url}: ${hub.problem}`
  }
}

/** Columns of text, as wide as their widest cell. */
const columns = (rows: ReadonlyArray<ReadonlyArray<string>>): ReadonlyArray<string> => {
  const widths: Array<number> = []
  for (const row of rows) row.forEach((cell, n) => void (widths[n] = Math.max(widths[n] ?? 0, cell.length)))
  return rows.map((row) => row.map((cell, n) => cell.padEnd(widths[n] ?? 0)).join("  ").trimEnd())
}

/** One line for each link: who, state, round trip, what waits. @category drawing */
export const links = (all: ReadonlyArray<LinkStatus>): ReadonlyArray<string> =>
  all.length === 0 ? ["no links"] : columns(all.map((link) => [
    short(link.peerId),
    link.state,
    link.rttMillis === undefined ? "" : `${link.rttMillis} ms`,
    link.queued === 0 ? "" : `${link.queued} queued`,
    link.dialect === "pigeon" ? "PeerPigeon" : ""
  ]))

interface Branch {
  readonly name: string
  actor: ActorStatus | undefined
  readonly children: Map<string, Branch>
}

const isId = (name: string) => /^[0-9a-fA-F]{40}$/.test(name)

/** The supervision tree: each actor with its state, waiting messages and restarts. @category drawing */
export const tree = (actors: ReadonlyArray<ActorStatus>): ReadonlyArray<string> => {
  const root: Branch = { name: "", actor: undefined, children: new Map() }
  for (const actor of actors) {
    let branch = root
    for (const name of actor.path.split("/")) {
      const child = branch.children.get(name) ?? { name, actor: undefined, children: new Map() }
      branch.children.set(name, child)
      branch = child
    }
    branch.actor = actor
  }
  const rows: Array<ReadonlyArray<string>> = []
  const draw = (branch: Branch, indent: string) => {
    const children = Array.from(branch.children.values())
    children.forEach((child, n) => {
      const last = n === children.length - 1
      const { actor } = child
      const name = isId(child.name) ? child.name.slice(0, 8) : child.name
      rows.push([
        `${indent}${last ? "└─" : "├─"} ${name}`,
        ...actor === undefined
          ? []
          : [actor.state, `mailbox ${actor.mailbox}`, actor.restarts === 0 ? "" : plural(actor.restarts, "restart")]
      ])
      draw(child, `${indent}${last ? "   " : "│  "}`)
    })
  }
  draw(root, "")
  return columns(rows)
}

/** A hub's networks: who is there, and who waits elsewhere for somebody to come. @category drawing */
export const networks = (all: ReadonlyArray<NetworkSummary>): ReadonlyArray<string> =>
  all.length === 0 ? ["no networks: nobody is here"] : columns([
    ["NETWORK", "PEERS", "WAITING"],
    ...all.map(({ name, present, waiting }) => [name, String(present), String(waiting)])
  ])

/** Where a mesh is, and where it wants to be. @category drawing */
export const whereabouts = (mesh: MeshStatus): string =>
  [
    `${mesh.networkName} (${mesh.state})`,
    ...mesh.isInFallbackMode ? [`away from home, which is ${mesh.originalNetworkName}`] : [],
    mesh.allowGlobalFallback ? "may fall back to global" : "stays at home"
  ].join(", ")

/** Everything there is to see, in a few lines. @category drawing */
export const status = (mesh: MeshStatus): ReadonlyArray<string> => {
  const { duplicate, foreignNetwork, malformed, refused, unannounced } = mesh.dropped
  const lost = [
    ...refused > 0 ? [`${refused} came too fast`] : [],
    ...unannounced > 0 ? [`${unannounced} not told of over slow links`] : []
  ]
  return [
    ...columns([
      ["peer", mesh.peerId],
      ["network", whereabouts(mesh)],
      ["hub", hubLine(mesh.hub)],
      [
        "links",
        `${mesh.connectedCount} open of ${mesh.links.length}, wanted ${mesh.minPeers} to ${mesh.maxPeers}, ` +
        `${plural(mesh.knownCount, "peer")} known`
      ],
      [
        "dropped",
        [`${duplicate} duplicate`, `${malformed} malformed`, `${foreignNetwork} of another network`, ...lost].join(", ")
      ]
    ]),
    ...links(mesh.links).map((line) => `  ${line}`),
    "actors",
    ...tree(mesh.actors)
  ]
}
