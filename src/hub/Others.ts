/**
 * Other hubs, as far as this one knows of them: what its HTTP side and its metrics show, and where it sends its peers.
 */
import type { Elsewhere } from "./backplane/Backplane.ts"

/** All hubs but this one. @category models */
export type Others = Pick<Elsewhere, "hubs" | "health" | "counts">
