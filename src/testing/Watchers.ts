/** Who watches which network of a simulated hub, and what each is told. Plain data. */
import type { NetworkName } from "../domain/NetworkName.ts"
import { system } from "../domain/Signal.ts"
import type { Guest, HubRegistry } from "./HubRegistry.ts"

/** @category models */
export class Watchers {
  readonly #registry: HubRegistry
  readonly #networks = new Map<NetworkName, Map<Guest, { readonly waiting: boolean }>>()

  constructor(registry: HubRegistry) {
    this.#registry = registry
  }

  watch(networkName: NetworkName, guest: Guest, waiting: boolean): void {
    const watchers = this.#networks.get(networkName) ?? new Map<Guest, { readonly waiting: boolean }>()
    this.#networks.set(networkName, watchers.set(guest, { waiting }))
  }

  unwatch(networkName: NetworkName, guest: Guest): void {
    this.#networks.get(networkName)?.delete(guest)
  }

  /** Forgets a guest, and says which networks it watched. */
  forget(guest: Guest): ReadonlyArray<NetworkName> {
    return Array.from(this.#networks).flatMap(([name, watchers]) => watchers.delete(guest) ? [name] : [])
  }

  /** Tells everyone who watches a network how many are there and how many others wait, and says to how many. */
  tell(networkName: NetworkName, timestamp: number): number {
    const watchers = this.#networks.get(networkName)
    if (watchers === undefined) return 0
    this.#tell(networkName, watchers.keys(), timestamp)
    return watchers.size
  }

  /** Tells one of them. */
  tellOne(networkName: NetworkName, watcher: Guest, timestamp: number): void {
    this.#tell(networkName, [watcher], timestamp)
  }

  #tell(networkName: NetworkName, whom: Iterable<Guest>, timestamp: number): void {
    const members = new Set(this.#registry.members(networkName).map(({ guest }) => guest))
    const waiting = new Set<Guest>()
    for (const [guest, watcher] of this.#networks.get(networkName) ?? []) {
      if (watcher.waiting && !members.has(guest)) waiting.add(guest)
    }
    for (const watcher of whom) {
      watcher.tell({
        type: "network-counts",
        networkName,
        data: { present: members.size, waiting: waiting.size - (waiting.has(watcher) ? 1 : 0) },
        fromPeerId: system,
        timestamp
      })
    }
  }

  clear(): void {
    this.#networks.clear()
  }
}
