/**
 * All of a hub that knows no socket, put together: who is where, who watches, what is listed, and what becomes of a frame.
 * A hub in memory runs on the same.
 */
import * as Directory from "./Directory.ts"
import * as Labels from "./Labels.ts"
import * as Lookout from "./Lookout.ts"
import * as Registry from "./Registry.ts"
import * as Router from "./Router.ts"
import * as Traffic from "./Traffic.ts"

/** @category models */
export interface Exchange {
  readonly registry: Registry.Registry
  /** Its `serve` must run for those who watch to be told. */
  readonly lookout: Lookout.Lookout
  readonly directory: Directory.Directory
  readonly router: Router.Router
  readonly traffic: Traffic.Traffic
}

/** What an exchange is made with. @category models */
export interface ExchangeOptions extends Registry.RegistryOptions {
  /** Milliseconds since 1970. */
  readonly now: () => number
}

/** An exchange that nobody has come to yet. @category constructors */
export const make = (options: ExchangeOptions): Exchange => {
  const { now } = options
  const registry = Registry.make(options)
  const traffic = Traffic.make()
  const lookout = Lookout.make({ registry, now })
  const directory = Directory.make({ registry, waiting: lookout.waiting, now })
  const labels = Labels.make(options)
  const router = Router.make({ registry, lookout, directory, labels, traffic, now })
  return { registry, lookout, directory, router, traffic }
}
