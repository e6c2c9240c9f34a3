/** Every period and bound of gossip, in one place. */
import * as Context from "effect/Context"
import { defaults, type Settings } from "./PlumtreeSettings.ts"

/** The settings in force; the defaults unless provided otherwise. @category references */
export const GossipSettings = Context.Reference<Settings>("homing/GossipSettings", { defaultValue: () => defaults })
