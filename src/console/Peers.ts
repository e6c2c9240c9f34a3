/** The peers we are linked to, or about to be. Choosing one addresses the next messages to it. */
import type { LinkStatus } from "../domain/MeshStatus.ts"
import { type PeerId, short } from "../domain/PeerId.ts"
import * as Dom from "./dom.ts"

/** @category models */
export interface Peers {
  show(links: ReadonlyArray<LinkStatus>, chosen: PeerId | undefined): void
}

interface Row {
  readonly item: HTMLLIElement
  readonly button: HTMLButtonElement
  readonly state: HTMLSpanElement
}

const describe = (link: LinkStatus): string => {
  if (link.state !== "open") return link.state === "resting" ? "waiting" : "linking"
  return link.rttMillis === undefined ? "linked" : `${Math.max(1, Math.round(link.rttMillis))} ms`
}

/** @category constructors */
export const make = (list: HTMLElement, choose: (peerId: PeerId) => void): Peers => {
  // Rows stay what they are while their peer is there, so that the one with the focus keeps it.
  const rows = new Map<PeerId, Row>()

  const rowOf = (peerId: PeerId): Row => {
    const known = rows.get(peerId)
    if (known !== undefined) return known
    const state = Dom.create("span", "state")
    const dot = Dom.colour(Dom.create("span", "dot"), peerId)
    const button = Dom.create("button", "", dot, Dom.create("span", "id", short(peerId)), state)
    button.type = "button"
    button.title = peerId
    button.addEventListener("click", () => choose(peerId))
    const row = { item: Dom.create("li", "", button), button, state }
    rows.set(peerId, row)
    list.append(row.item)
    return row
  }

  return {
    show(links, chosen) {
      const present = new Set(links.map(({ peerId }) => peerId))
      for (const [peerId, { item }] of rows) {
        if (present.has(peerId)) continue
        item.remove()
        rows.delete(peerId)
      }
      for (const link of links) {
        const { button, state } = rowOf(link.peerId)
        button.dataset["state"] = link.state === "open" ? "open" : "pending"
        button.ariaPressed = String(link.peerId === chosen)
        Dom.setText(state, describe(link))
      }
    }
  }
}
