/** Every period and bound of gossip, in one place. */
import * as Context from "effect/Context"
import * as Plumtree from "./Plumtree.ts"

/** The settings in force; the defaults unless provided otherwise. @category references */
export const GossipSettings = Context.Reference<Plumtree.Settings>("homing/GossipSettings", {
  defaultValue: () => Plumtree.defaults
})
