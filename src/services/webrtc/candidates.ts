/** Candidates: of which description they are, and how they look on the way to the other side. */
import type { Candidate } from "../../domain/Signal.ts"
import type { NativeCandidate } from "./engine.ts"

/** A candidate is early when it belongs to no description of the other side that was applied. @category predicates */
export const isEarly = ({ usernameFragment }: Candidate, remoteSdp: string | undefined): boolean =>
  remoteSdp === undefined || (!!usernameFragment && !remoteSdp.includes(`a=ice-ufrag:${usernameFragment}`))

/** A description without its candidates, and those. @category constructors */
export const takeOut = (sdp: string): readonly [string, ReadonlyArray<Candidate>] => [
  sdp.replaceAll(/^a=candidate:.*\r?\n/gm, ""),
  Array.from(sdp.matchAll(/^a=(candidate:.*?)\r?$/gm), ([, candidate = ""]) => ({ candidate }))
]

/** A candidate of an engine as it is told to the other side. @category constructors */
export const toCandidate = ({ candidate, sdpMLineIndex, sdpMid, usernameFragment }: NativeCandidate): Candidate => ({
  candidate,
  ...(sdpMid !== undefined && { sdpMid }),
  ...(sdpMLineIndex !== undefined && { sdpMLineIndex }),
  ...(usernameFragment !== undefined && { usernameFragment })
})
