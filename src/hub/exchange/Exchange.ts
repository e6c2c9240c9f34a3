/**
 * All of a hub that knows no socket, put together: who is where, who watches, what is listed, and what becomes of a frame.
 * A hub in memory runs on the same.
 */
import { hubMesh, type NetworkName } from "../../domain/NetworkName.ts"
import type { PeerId } from "../../domain/PeerId.ts"
import type { House } from "../backplane/Backplane.ts"
import * as Ties from "../backplane/Ties.ts"
import * as Directory from "./Directory.ts"
import * as Labels from "./Labels.ts"
import * as Lookout from "./Lookout.ts"
import * as Registry from "./Registry.ts"
import * as Router from "./Router.ts"
import * as Traffic from "./Traffic.ts"
import * as Wire from "./Wire.ts"

/** @category models */
export interface Exchange {
  readonly registry: Registry.Registry
  /** Its `serve` must run for those who watch to be told. */
  readonly lookout: Lookout.Lookout
  readonly directory: Directory.Directory
  readonly router: Router.Router
  readonly traffic: Traffic.Traffic
  /** To other hubs, once a backplane is attached. */
  readonly ties: Ties.Ties
  /** Lets the hub itself in as a peer. */
  readonly visit: House["visit"]
}

/** What an exchange is made with. @category models */
export interface ExchangeOptions extends Registry.RegistryOptions {
  /** Milliseconds since 1970. */
  readonly now: () => number
  /** The network of the hubs, which no peer gets into, and nobody is told of. Default: `pigeonhub-mesh`. */
  readonly hubNetwork?: NetworkName
  /** Called with every peer that came into a network at another hub, and with those that come here and are there. */
  readonly contested?: (peerId: PeerId) => void
}

/** An exchange that nobody has come to yet. @category constructors */
export const make = (options: ExchangeOptions): Exchange => {
  const { hubNetwork = hubMesh, now } = options
  const contested = options.contested === undefined ? {} : { contested: options.contested }
  const registry = Registry.make(options)
  const traffic = Traffic.make()
  const ties: Ties.Ties = Ties.make(() => router.guests)
  const elsewhere = () => ties.elsewhere
  const lookout = Lookout.make({ registry, now, elsewhere })
  const directory = Directory.make({ registry, waiting: lookout.waiting, now, hubNetwork })
  const router: Router.Router = Router.make({
    registry,
    lookout,
    directory,
    labels: Labels.make(options),
    traffic,
    now,
    elsewhere,
    hubNetwork,
    ...contested
  })
  const visit: House["visit"] = (peerId, hear) => {
    const text = new TextDecoder()
    const visitor: Router.Sender = {
      peerId,
      isHub: true,
      send(frame) {
        hear(typeof frame === "string" ? frame : text.decode(frame))
        return true
      },
      afford: () => true,
      strike: () => undefined
    }
    hear(Wire.connected(peerId, now()))
    return { say: (frame) => router.receive(visitor, frame), leave: () => router.lost(visitor) }
  }
  return { registry, lookout, directory, router, traffic, ties, visit }
}
