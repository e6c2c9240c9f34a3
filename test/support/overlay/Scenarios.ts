/** What is done to a modelled network, and what is measured then. Each is one run of one seed. */
import * as Measures from "./Measures.ts"
import { Model, type Settings } from "./Model.ts"

/** How peers come: 1 s apart, 20 a second, or all at once. @category models */
export type Arrival = "trickle" | "burst" | "flash"

const gaps: Readonly<Record<Arrival, number>> = { trickle: 1000, burst: 50, flash: 0 }

/** A network of so many peers, right after the last came. @category scenarios */
export const grow = (size: number, arrival: Arrival, settings: Partial<Settings>): Model => {
  const model = new Model(settings)
  for (let i = 0; i < size; i++) {
    if (i > 0) model.run(gaps[arrival])
    model.join()
  }
  return model
}

/** Ring neighbours per side that a model's peers want. */
const perSide = (model: Model): number => model.settings.maxPeers < 8 ? 1 : 2

/** Rows 1 to 3, 7, 8, 11 and 18: a network that forms and is left alone. `when` are seconds after the last join. */
export const formation = (model: Model, options: { readonly deaths: number; readonly ways: number }) => {
  model.run(10_000)
  const components = Measures.components(Measures.graph(model)).length
  const ringAfter10 = Measures.ringShare(model, perSide(model))
  model.run(50_000)
  const edges = Measures.graph(model)
  const losses = (share: number) =>
    Array.from({ length: options.deaths }, () => Measures.survivors(model, share, model.random))
  return {
    components,
    ringAfter10,
    componentsAfter60: Measures.components(edges).length,
    ringAfter60: Measures.ringShare(model, perSide(model)),
    degrees: Measures.degrees(model),
    mostLinks: model.mostLinks,
    longestExcess: model.longestExcess,
    paths: Measures.paths(edges),
    labels: Measures.labels(model).size,
    survive30: losses(0.3),
    survive50: losses(0.5),
    messages: Measures.messages(model, options.ways, model.random),
    lookups: Measures.lookups(model, options.ways, 12, model.random),
    opened: model.opened / model.peers.size
  }
}

/** Row 16: a share of the peers dies at once. What the links are like right after one round of repair. */
export const repair = (model: Model, options: { readonly share: number; readonly hubs: boolean }) => {
  model.run(60_000)
  model.hubs = options.hubs
  const peers = [...model.living]
  for (let left = Math.round(options.share * peers.length); left > 0; left--) {
    const [dead] = peers.splice(Math.floor(model.random() * peers.length), 1)
    if (dead !== undefined) model.kill(dead)
  }
  const opened = model.opened
  const round = () => {
    const sizes = Measures.components(Measures.graph(model))
    return {
      ring: Measures.ringShare(model, perSide(model)),
      together: (sizes[0] ?? 0) / peers.length,
      newLinks: (model.opened - opened) / peers.length
    }
  }
  model.run(model.settings.detection[1] + 10_000)
  const first = round()
  model.run(50_000)
  return { first, later: round(), lookups: Measures.lookups(model, 500, 12, model.random) }
}

/** Row 17: peers stay for 120 s on average and die without a word, each one replaced by a new one, for `minutes`. */
export const churn = (model: Model, options: { readonly session: number; readonly minutes: number }) => {
  model.run(60_000)
  const size = model.peers.size
  const end = model.now + options.minutes * 60_000
  const opened = model.opened
  const next = () => {
    if (model.now >= end) return
    model.after(-Math.log(1 - model.random()) * options.session / size, () => {
      const peers = model.living
      const dead = peers[Math.floor(model.random() * peers.length)]
      if (dead !== undefined) model.kill(dead)
      model.join()
      next()
    })
  }
  next()
  let [rounds, split, right, arrived] = [0, 0, 0, 0]
  const rings: Array<number> = []
  while (model.now < end) {
    model.run(10_000)
    rounds++
    // A peer that came just now is not part of anything yet.
    const settled = model.living.filter(({ joinedAt }) => model.now - joinedAt >= 10_000)
    if (!Measures.areTogether(model, settled)) split++
    rings.push(Measures.ringShare(model, perSide(model), (peer) => model.now - peer.joinedAt >= 10_000))
    right += Measures.owners(model, 50, model.random, settled)
    arrived += Measures.lookups(model, 50, 12, model.random, settled).share
  }
  return {
    splitRounds: split / rounds,
    owners: right / rounds,
    lookups: arrived / rounds,
    ring: rings.reduce((sum, ring) => sum + ring, 0) / rounds,
    newLinksPerMinute: (model.opened - opened) / size / options.minutes,
    mostLinks: model.mostLinks,
    longestExcess: model.longestExcess
  }
}

/**
 * Two networks of one name that formed apart and can meet from now on. A hub introduces each of so many peers of the first
 * to one of the second; with none, nobody does. Says after how many seconds there was one whole ring, or none after 300.
 */
export const merge = (size: number, settings: Partial<Settings>, introduced: number) => {
  const model = new Model(settings)
  const first = new Set<string>()
  for (let i = 0; i < size; i++) {
    const id = model.newId()
    const isFirst = i % 2 === 0
    if (isFirst) first.add(id)
    model.isCut = (one, other) => first.has(one.id) !== first.has(other.id)
    model.join(id, model.living.filter((peer) => first.has(peer.id) === isFirst))
    model.run(50)
  }
  model.run(60_000)
  const before = { components: Measures.components(Measures.graph(model)).length, labels: Measures.labels(model).size }
  model.heal()
  const ones = model.living.filter((peer) => first.has(peer.id))
  const others = model.living.filter((peer) => !first.has(peer.id))
  for (let i = 0; i < introduced; i++) {
    const one = ones[Math.floor(model.random() * ones.length)]
    const other = others[Math.floor(model.random() * others.length)]
    if (one !== undefined && other !== undefined) model.tell(one, other.id)
  }
  for (let seconds = 1; seconds <= 300; seconds++) {
    model.run(1000)
    const ring = Measures.ringShare(model, perSide(model))
    if (ring === 1 && Measures.components(Measures.graph(model)).length === 1) {
      return { before, seconds, labels: Measures.labels(model).size }
    }
  }
  return { before, seconds: Infinity, labels: Measures.labels(model).size }
}

/** A network that is cut in two for so many seconds, at random or between two arcs of the ring, and heals. No hub helps. */
export const heal = (model: Model, options: { readonly seconds: number; readonly arcs: boolean }) => {
  model.run(60_000)
  model.hubs = false
  const isFirst = new Map(
    Measures.ringOrder(model.living).map((peer, index, all) =>
      [peer, options.arcs ? index < all.length / 2 : model.random() < 0.5] as const
    )
  )
  model.cut((peer) => isFirst.get(peer) === true)
  model.run(options.seconds * 1000)
  const parts = Measures.components(Measures.graph(model)).length
  const labels = Measures.labels(model).size
  model.heal()
  model.hubs = true
  for (let seconds = 1; seconds <= 600; seconds++) {
    model.run(1000)
    const ring = Measures.ringShare(model, perSide(model))
    if (ring === 1 && Measures.components(Measures.graph(model)).length === 1) return { parts, labels, seconds }
  }
  return { parts, labels, seconds: Infinity }
}
