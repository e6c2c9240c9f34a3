/** Tells the hub again and again in which component of the network we are, so that it can see when there are two. */
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import * as Components from "../../domain/Components.ts"
import type { PeerId } from "../../domain/PeerId.ts"
import type { HubMembership } from "../SignalingTransport.ts"

/** By how much of a period it varies, so that peers do not speak in step. */
const jitter = 0.1

/** Beats in the scope. `label` is the component's name. @category constructors */
export const make = (hub: Pick<HubMembership, "report">, label: () => PeerId) =>
  Effect.gen(function*() {
    const way = yield* Random.next
    yield* Effect.sleep(Components.reportPeriod * (1 + jitter * (2 * way - 1)))
    // While no hub is there, there is nobody to tell; the next beat comes anyway.
    yield* Effect.ignore(hub.report(label()))
  }).pipe(Effect.forever, Effect.forkScoped)
