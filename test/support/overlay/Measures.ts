/** What a model's network is like: its graph, its ring, and the ways over it. Nothing here changes the model. */
import * as PeerId from "../../../src/domain/PeerId.ts"
import * as Ring from "../../../src/domain/Ring.ts"
import type { Model, Peer } from "./Model.ts"

/** The peers that a peer has an open link to, at both ends. @category getters */
export const neighbours = (model: Model, peer: Peer): ReadonlyArray<Peer> => {
  const open: Array<Peer> = []
  for (const [id, wire] of peer.wires) {
    const other = model.peers.get(id)
    if (wire.open && other?.wires.get(peer.id) === wire) open.push(other)
  }
  return open
}

/** Everybody's neighbours by index, without those left out. @category constructors */
export const graph = (
  model: Model,
  peers: ReadonlyArray<Peer> = model.living
): ReadonlyArray<ReadonlyArray<number>> => {
  const index = new Map(peers.map((peer, at) => [peer, at]))
  return peers.map((peer) =>
    neighbours(model, peer).flatMap((other) => {
      const at = index.get(other)
      return at === undefined ? [] : [at]
    })
  )
}

/** Hops from one peer to each other one; -1 where there is no way. */
const hopsFrom = (edges: ReadonlyArray<ReadonlyArray<number>>, from: number): Int32Array => {
  const hops = new Int32Array(edges.length).fill(-1)
  hops[from] = 0
  const queue = [from]
  for (let i = 0; i < queue.length; i++) {
    const here = queue[i] ?? 0
    for (const next of edges[here] ?? []) {
      if (hops[next] !== -1) continue
      hops[next] = (hops[here] ?? 0) + 1
      queue.push(next)
    }
  }
  return hops
}

/** The sizes of the components, the largest first. @category getters */
export const components = (edges: ReadonlyArray<ReadonlyArray<number>>): ReadonlyArray<number> => {
  const seen = new Set<number>()
  const sizes: Array<number> = []
  for (let i = 0; i < edges.length; i++) {
    if (seen.has(i)) continue
    let size = 0
    for (const [at, hops] of hopsFrom(edges, i).entries()) {
      if (hops < 0) continue
      size++
      seen.add(at)
    }
    sizes.push(size)
  }
  return sizes.toSorted((a, b) => b - a)
}

/** Whether there is a way between all of some peers, over whomever. @category predicates */
export const areTogether = (model: Model, some: ReadonlyArray<Peer>): boolean => {
  const peers = model.living
  const [first] = some
  if (first === undefined) return true
  const hops = hopsFrom(graph(model, peers), peers.indexOf(first))
  const wanted = new Set(some)
  return peers.every((peer, index) => !wanted.has(peer) || (hops[index] ?? -1) >= 0)
}

/** The longest and the average shortest path, from at most `most` peers. @category getters */
export const paths = (edges: ReadonlyArray<ReadonlyArray<number>>, most = 200) => {
  let [diameter, sum, count] = [0, 0, 0]
  const step = Math.max(1, Math.floor(edges.length / most))
  for (let i = 0; i < edges.length; i += step) {
    for (const hops of hopsFrom(edges, i)) {
      if (hops <= 0) continue
      diameter = Math.max(diameter, hops)
      sum += hops
      count++
    }
  }
  return { diameter, average: sum / count }
}

/** Peers in their order on the ring. @category getters */
export const ringOrder = (peers: ReadonlyArray<Peer>): ReadonlyArray<Peer> =>
  peers.toSorted((a, b) => a.id < b.id ? -1 : 1)

/**
 * The share of the links between each peer and its `perSide` nearest on each side that are open. Links of peers that are
 * not `settled` do not count.
 *
 * @category getters
 */
export const ringShare = (
  model: Model,
  perSide: number,
  isSettled: (peer: Peer) => boolean = () => true
): number => {
  const order = ringOrder(model.living)
  let [right, wanted] = [0, 0]
  for (const [at, peer] of order.entries()) {
    for (let step = 1; step <= Math.min(perSide, order.length - 1); step++) {
      const next = order[(at + step) % order.length]
      if (next === undefined || !isSettled(peer) || !isSettled(next)) continue
      wanted++
      if (peer.wires.get(next.id)?.open === true && next.wires.get(peer.id)?.open === true) right++
    }
  }
  return wanted === 0 ? 1 : right / wanted
}

/** Links per peer: the mean and the most. @category getters */
export const degrees = (model: Model, peers: ReadonlyArray<Peer> = model.living) => {
  const counts = peers.map((peer) => neighbours(model, peer).length)
  return { mean: counts.reduce((sum, count) => sum + count, 0) / counts.length, most: Math.max(...counts) }
}

/** A number at which a share of sorted numbers is reached. @category getters */
export const quantile = (values: ReadonlyArray<number>, share: number): number =>
  values.toSorted((a, b) => a - b)[Math.max(0, Math.ceil(share * values.length) - 1)] ?? Number.NaN

/** The share of the survivors in the largest component when a share of the peers is gone. @category getters */
export const survivors = (model: Model, share: number, random: () => number): number => {
  const peers = [...model.living]
  for (let left = Math.round(share * peers.length); left > 0; left--) {
    peers.splice(Math.floor(random() * peers.length), 1)
  }
  return (components(graph(model, peers))[0] ?? 0) / peers.length
}

const pick = (peers: ReadonlyArray<Peer>, random: () => number): Peer | undefined =>
  peers[Math.floor(random() * peers.length)]

/**
 * Hops of messages from random peers to others, and the share that arrive.
 *
 * @category getters
 */
export const messages = (model: Model, count: number, random: () => number) => {
  const peers = model.living
  const hops: Array<number> = []
  for (let i = 0; i < count; i++) {
    const [from, to] = [pick(peers, random), pick(peers, random)]
    if (from === undefined || to === undefined || from === to) continue
    hops.push(model.walk(from, to.id, (peer) => peer === to)?.hops ?? Infinity)
  }
  return summary(hops)
}

/** Hops of lookups of random keys from random peers to the first of the `copies` nearest, and the share that get there. */
export const lookups = (
  model: Model,
  count: number,
  copies: number,
  random: () => number,
  peers: ReadonlyArray<Peer> = model.living
) => {
  const hops: Array<number> = []
  for (let i = 0; i < count; i++) {
    const from = pick(peers, random)
    if (from === undefined) continue
    const key = model.newId()
    const target = Ring.position(key)
    const nearest = peers.toSorted((a, b) => Ring.compareDistance(target, a.position, b.position)).slice(0, copies)
    const holders = new Set(nearest)
    hops.push(model.walk(from, key, (peer) => holders.has(peer))?.hops ?? Infinity)
  }
  return summary(hops)
}

/** The share of random places at whose nearest peer, or a nearer one that is none of them, a request for the place ends. @category getters */
export const owners = (
  model: Model,
  count: number,
  random: () => number,
  peers: ReadonlyArray<Peer> = model.living
): number => {
  let right = 0
  for (let i = 0; i < count; i++) {
    const from = pick(peers, random)
    const key = model.newId()
    const target = Ring.position(key)
    const owner = peers.reduce((best, peer) =>
      Ring.compareDistance(target, peer.position, best.position) < 0 ? peer : best
    )
    const end = from === undefined ? undefined : model.walk(from, key)?.end
    if (end !== undefined && Ring.compareDistance(target, end.position, owner.position) <= 0) right++
  }
  return right / count
}

const summary = (hops: ReadonlyArray<number>) => {
  const arrived = hops.filter(Number.isFinite)
  return { share: arrived.length / hops.length, p50: quantile(arrived, 0.5), p99: quantile(arrived, 0.99) }
}

/** The names that components go by, as far as their members say. @category getters */
export const labels = (model: Model): ReadonlySet<string> =>
  new Set(model.living.map(({ overlay }) => PeerId.short(overlay.label.peer)))
