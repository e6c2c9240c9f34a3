/** What is wrong with the hubs that were tried. */
import { HubRefused, HubUnreachable } from "../../domain/Errors.ts"
import * as HubLoss from "./HubLoss.ts"

/** A hub that did not do, and why. @category models */
export interface Failure {
  readonly url: string
  readonly loss: HubLoss.HubLoss
}

/** Why a round in vain fails a join: a refusal says more than a hub that is not there. @category constructors */
export const toJoinError = (
  hubs: ReadonlyArray<string>,
  failures: ReadonlyArray<Failure>
): HubRefused | HubUnreachable => {
  for (const { loss, url } of failures) {
    if (loss._tag === "Refused") return new HubRefused({ url, code: loss.code, reason: loss.reason })
  }
  return new HubUnreachable({ urls: hubs, problem: describeAll(failures) })
}

/** What is wrong with every hub; its name is left out where there is but one. @category formatting */
export const describeAll = (failures: ReadonlyArray<Failure>): string =>
  failures.map(({ loss, url }) => `${failures.length === 1 ? "" : `${url}: `}${HubLoss.describe(loss)}`).join("; ")
