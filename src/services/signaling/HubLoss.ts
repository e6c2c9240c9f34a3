/** Why a connection to a hub is no more, or never came to be. */
import * as Data from "effect/Data"
import * as Duration from "effect/Duration"
import * as Predicate from "effect/Predicate"
import type * as Socket from "effect/socket/Socket"
import { hubClose } from "../../domain/Signal.ts"

/** The end of a connection. @category models */
export type HubLoss = Data.TaggedEnum<{
  /** The hub does not answer, or no longer. */
  Unreachable: { readonly problem: string }
  /** The hub does not want us: a policy, or no room. `code` is the WebSocket close code. */
  Refused: { readonly code: number; readonly reason: string }
  /** The hub shuts down, and all its peers look for another at this moment. `hubs` are those it sends them to. */
  Closing: { readonly problem: string; readonly hubs: ReadonlyArray<string> }
  /** A newer connection of this peer, which proved its key, has our place: to come back would take it away again. */
  TakenOver: { readonly problem: string }
  /** What let us in ran out: a fresh token lets us in again. */
  Expired: { readonly problem: string }
  /** We ended it ourselves, to make another at once. */
  Renewed: { readonly problem: string }
}>

/** The ways to make a loss, and to tell one from another. @category constructors */
export const { $match: match, Closing, Expired, Refused, Renewed, TakenOver, Unreachable } = Data.taggedEnum<HubLoss>()

/** What happened, for people to read. @category formatting */
export const describe: (loss: HubLoss) => string = match({
  Unreachable: ({ problem }) => problem,
  Refused: ({ code, reason }) => `refused with code ${code}: ${reason || "no reason given"}`,
  Closing: ({ problem }) => problem,
  TakenOver: ({ problem }) => problem,
  Expired: ({ problem }) => problem,
  Renewed: ({ problem }) => problem
})

/** The hub did not answer in time. @category constructors */
export const timedOut = (after: Duration.Duration): HubLoss =>
  Unreachable({ problem: `no answer within ${Duration.format(after)}` })

// RFC 6455, 7.4.1: 1001 going away, 1008 policy violation. IANA registry: 1012 service restart, 1013 try again later.
const closingCodes: ReadonlySet<number> = new Set([1001, 1012])
const isRefusal = (code: number) => code === 1008 || code === 1013 || (code >= 4000 && code <= 4999)

/** Reads the close code that ended a connection. @category constructors */
export const fromClose = (code: number, reason: string): HubLoss => {
  if (code === hubClose.takenOver) return TakenOver({ problem: reason || "a newer connection of this peer took over" })
  if (code === hubClose.tokenExpired) return Expired({ problem: reason || "the peer token has expired" })
  if (isRefusal(code)) return Refused({ code, reason })
  if (closingCodes.has(code)) return Closing({ problem: reason || "the hub is shutting down", hubs: [] })
  if (code === 1006) return Unreachable({ problem: "the connection broke" })
  return Unreachable({ problem: `the hub closed the connection with code ${code}${reason && `: ${reason}`}` })
}

/** Browsers say nothing about a failed connection; Node says it in the event's or its error's fields. */
const tell = (cause: unknown): string | undefined => {
  if (!Predicate.isObject(cause)) return undefined
  if ("message" in cause && Predicate.isString(cause.message) && cause.message !== "") return cause.message
  if ("code" in cause && Predicate.isString(cause.code)) return cause.code
  return "error" in cause ? tell(cause.error) : undefined
}

/** Reads the error that ended a connection. @category constructors */
export const fromSocketError = ({ reason }: Socket.SocketError): HubLoss => {
  switch (reason._tag) {
    case "SocketCloseError":
      return fromClose(reason.code, reason.closeReason ?? "")
    case "SocketOpenError":
      return Unreachable({ problem: tell(reason.cause) ?? "no connection could be opened" })
    case "SocketReadError":
    case "SocketWriteError":
    case "SocketUpgradeError":
      return Unreachable({ problem: tell(reason.cause) ?? "the connection broke" })
  }
}
