/**
 * The hubs that this one is linked with. A neighbour may be linked in several ways at a time, and the best of them is used.
 * No I/O: links are given.
 */
import type { PeerId } from "../../../domain/PeerId.ts"

/** How a link to a neighbour is made. */
export type Carrier = "webrtc" | "websocket"

/** One end of a link to another hub. @category models */
export interface Link {
  readonly carrier: Carrier
  /** Hands a message over; `false` when the link is closing. Never throws. */
  send(message: string): boolean
  /** Reads no more: what the other sends waits at its end. */
  pause(): void
  /** Reads on. */
  resume(): void
  /** Gives the link up, since nothing comes by it any more. */
  close(): void
}

/** @category models */
export interface Neighbours {
  /** The links to each, the best first. */
  readonly all: ReadonlyMap<PeerId, ReadonlyArray<Link>>
  /** Whether one more hub may be linked, or this one once more. */
  hasRoom(hub: PeerId): boolean
  add(hub: PeerId, link: Link): void
  /** Says whether that was the last link to the hub. */
  remove(hub: PeerId, link: Link): boolean
  /** Since when a link is used, in milliseconds since 1970. */
  openedAt(link: Link): number | undefined
  /** Something came by a link. */
  heard(link: Link): void
  /** Tells a neighbour, by the best link that takes it. */
  tell(hub: PeerId, message: string): boolean
  /** Tells all, or all but one; says how many. */
  tellAll(message: string, except?: PeerId): number
  /** Tells by every link, so that each shows that it is good. */
  tellByAll(message: string): void
  /** Gives up the links to a hub, all but one. */
  closeOthers(hub: PeerId, link: Link): void
  /** Gives up the links by which nothing has come for longer than a hub may be silent. */
  closeSilent(): void
}

/** Hubs that are linked with this one at most: far more than a federation wants of one. @category constants */
export const maxNeighbours = 256

/** Links to one hub at most; of more, the oldest is given up. It has one or two, and those that are dead and not known to be. */
const maxLinks = 4

/** No links. `silence` is how many milliseconds a link may be silent; `now` gives them since 1970. @category constructors */
export const make = (options: { readonly silence: number; readonly now: () => number }): Neighbours => {
  const { now, silence } = options
  const all = new Map<PeerId, Array<Link>>()
  /** When each link was made, and when something came by it last; the oldest link first. */
  const times = new Map<Link, { readonly openedAt: number; heardAt: number }>()

  const tell: Neighbours["tell"] = (hub, message) => (all.get(hub) ?? []).some((link) => link.send(message))

  return {
    all,
    hasRoom: (hub) => all.has(hub) || all.size < maxNeighbours,
    add(hub, link) {
      const links = all.get(hub) ?? []
      all.set(hub, links)
      links.push(link)
      // WebRTC before WebSocket; of the same kind, the first.
      links.sort((a, b) => a.carrier === b.carrier ? 0 : a.carrier === "webrtc" ? -1 : 1)
      times.set(link, { openedAt: now(), heardAt: now() })
      if (links.length > maxLinks) Array.from(times.keys()).find((each) => links.includes(each))?.close()
    },
    remove(hub, link) {
      times.delete(link)
      const links = all.get(hub)
      const index = links?.indexOf(link) ?? -1
      if (links === undefined || index < 0) return false
      links.splice(index, 1)
      return links.length === 0 && all.delete(hub)
    },
    openedAt: (link) => times.get(link)?.openedAt,
    heard(link) {
      const time = times.get(link)
      if (time !== undefined) time.heardAt = now()
    },
    tell,
    tellAll(message, except) {
      let told = 0
      for (const hub of all.keys()) if (hub !== except && tell(hub, message)) told++
      return told
    },
    tellByAll(message) {
      for (const link of Array.from(times.keys())) link.send(message)
    },
    closeOthers(hub, link) {
      for (const other of Array.from(all.get(hub) ?? [])) if (other !== link) other.close()
    },
    closeSilent() {
      for (const [link, { heardAt }] of Array.from(times)) if (now() - heardAt > silence) link.close()
    }
  }
}
