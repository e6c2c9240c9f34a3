/** A file as the one it is offered to sees it. */
import type * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { NetworkName } from "../../domain/NetworkName.ts"
import type { PeerId } from "../../domain/PeerId.ts"
import type { FileTarget } from "./Ports.ts"
import type * as Receiving from "./Receiving.ts"

/** A file that a peer wants to send. @category models */
export interface FileOffer {
  readonly from: PeerId
  readonly networkName: NetworkName
  /** A name that is safe to use in a directory. */
  readonly name: string
  /** The name as the sender gave it: a stranger's text. */
  readonly givenName: string
  /** Bytes. */
  readonly size: number
  /** The media type, as the sender says. */
  readonly type: string | undefined
  /**
   * Receives the file into a target, which is opened now and closed in the end, and succeeds once all of it is kept and its
   * checksum fits. A link that is lost meanwhile is waited for. Fails when the target does, with `ChecksumMismatch`, or
   * with `FileLost` when the rest does not come; then nothing is kept.
   */
  accept<A, E, R>(
    open: Effect.Effect<FileTarget<A>, E, R>,
    options?: Receiving.ReceiveFileOptions
  ): Effect.Effect<FileReceived<A>, Receiving.ReceiveError | E, Exclude<R, Scope.Scope>>
  /** Does not want it; the sender is told why. */
  refuse(reason: string): Effect.Effect<void>
}

/** A file that was received. @category models */
export interface FileReceived<A> extends Receiving.Received<A> {
  readonly from: PeerId
  readonly networkName: NetworkName
  readonly name: string
  readonly size: number
}
