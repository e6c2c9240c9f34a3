/** The page's elements as one thing that shows a mesh and hears its user. */
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import type { HubState, MeshStatus } from "../domain/MeshStatus.ts"
import { type PeerId, short } from "../domain/PeerId.ts"
import type { NetworkSummary } from "../domain/Signal.ts"
import * as Dom from "./dom.ts"
import * as Log from "./Log.ts"
import * as Peers from "./Peers.ts"

/** What the user wrote, and to whom: `undefined` is everyone. @category models */
export interface Said {
  readonly text: string
  readonly to: PeerId | undefined
}

/** @category models */
export interface View {
  readonly log: Log.Log
  /** What the user says, one after the other. */
  readonly said: Effect.Effect<Said>
  /** Whether to go to `global` while nobody is here, each time that the user decides it. */
  readonly fallback: Effect.Effect<boolean>
  /** Shows that a network is being entered. */
  enter(networkName: string, self: PeerId): void
  show(status: MeshStatus): void
  /** Offers networks to choose from. */
  offer(networks: ReadonlyArray<NetworkSummary>): void
  /** Shows that nothing more will happen. */
  fail(problem: string): void
}

const describe = (state: HubState): string => {
  switch (state._tag) {
    case "Idle":
      return "No hub"
    case "Connecting":
      return "Connecting to the hub"
    case "Connected":
      return "Hub connected"
    case "Waiting":
      return "Hub lost, trying again"
    case "TakenOver":
      return "Taken over by another page of the same peer"
  }
}

/** @category constructors */
export const make = (choose: (networkName: string) => void): View => {
  const hub = Dom.find("hub", HTMLParagraphElement)
  const network = Dom.find("network", HTMLInputElement)
  const networks = Dom.find("networks", HTMLDataListElement)
  const away = Dom.find("away", HTMLParagraphElement)
  const refuge = Dom.find("refuge", HTMLElement)
  const fallback = Dom.find("fallback", HTMLInputElement)
  const self = Dom.find("self", HTMLElement)
  const count = Dom.find("count", HTMLSpanElement)
  const alone = Dom.find("alone", HTMLParagraphElement)
  const recipient = Dom.find("recipient", HTMLOutputElement)
  const everyone = Dom.find("everyone", HTMLButtonElement)
  const message = Dom.find("message", HTMLInputElement)

  const said = Effect.runSync(Queue.sliding<Said>(64))
  const decided = Effect.runSync(Queue.sliding<boolean>(1))
  let links: MeshStatus["links"] = []
  let to: PeerId | undefined

  const address = (peerId: PeerId | undefined) => {
    to = peerId
    Dom.setText(recipient, to === undefined ? "everyone" : short(to))
    recipient.className = to === undefined ? "" : "id"
    everyone.hidden = to === undefined
    peers.show(links, to)
  }

  const peers = Peers.make(Dom.find("peers", HTMLUListElement), (peerId) => {
    address(peerId === to ? undefined : peerId)
    message.focus()
  })
  const log = Log.make(Dom.find("log", HTMLOListElement))

  everyone.addEventListener("click", () => {
    address(undefined)
    message.focus()
  })
  fallback.addEventListener("change", () => Queue.offerUnsafe(decided, fallback.checked))
  Dom.onSubmit(Dom.find("network-form", HTMLFormElement), () => choose(network.value))
  Dom.onSubmit(Dom.find("message-form", HTMLFormElement), () => {
    const text = message.value.trim()
    if (text !== "") Queue.offerUnsafe(said, { text, to })
    message.value = ""
  })

  return {
    log,
    said: Queue.take(said),
    fallback: Queue.take(decided),
    enter(networkName, peerId) {
      network.value = networkName
      document.title = `${networkName} · Homing`
      self.className = "id"
      self.title = peerId
      Dom.setText(self, short(peerId))
      links = []
      address(undefined)
    },
    show(status) {
      links = status.links
      hub.dataset["state"] = status.hub._tag.toLowerCase()
      Dom.setText(hub, describe(status.hub))
      fallback.checked = status.allowGlobalFallback
      away.hidden = !status.isInFallbackMode
      Dom.setText(refuge, status.networkName)
      Dom.setText(count, status.knownCount === 0 ? "" : `${status.connectedCount} of ${status.knownCount} linked`)
      alone.hidden = links.length > 0
      peers.show(links, to)
    },
    offer(summaries) {
      networks.replaceChildren(...summaries.map(({ name, present }) => new Option(`${present} there`, name)))
    },
    fail(problem) {
      hub.dataset["state"] = "failed"
      Dom.setText(hub, "Not connected")
      log.note(problem, "problem")
    }
  }
}
