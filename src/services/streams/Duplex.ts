/** A stream of bytes to a peer and one back, as an application has them. */
import type * as Effect from "effect/Effect"
import type * as Pull from "effect/Pull"
import type * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import type * as Sink from "effect/Sink"
import type * as Stream from "effect/Stream"
import type { StreamLost } from "../../domain/Errors.ts"
import type { NetworkName } from "../../domain/NetworkName.ts"
import type { PeerId } from "../../domain/PeerId.ts"

/** What is known of a stream from its beginning. @category models */
export interface StreamFacts {
  /** The other end. */
  readonly peerId: PeerId
  readonly networkName: NetworkName
  readonly name: string
  /** What the opener says of it. */
  readonly metadata: Schema.Json | undefined
}

/**
 * An open stream. When its scope closes in success, the direction to the peer is ended if it was not; when it closes in
 * failure, the stream is reset, and the other end hears that it is not whole.
 *
 * @category models
 */
export interface Duplex extends StreamFacts {
  /**
   * Sends bytes in order, and waits while the other end takes none. Succeeds once they are on their way, which does not
   * say that they arrived. Fails with `StreamLost` when the stream is lost, and after its end.
   */
  write(bytes: Uint8Array): Effect.Effect<void, StreamLost>
  /** Says that everything was sent. The other direction goes on. */
  readonly end: Effect.Effect<void, StreamLost>
  /** Ends both directions at once; the other end is told why. */
  abort(reason: string): Effect.Effect<void>
  /** The next bytes that came, waiting for some; done at the end of the other direction. */
  readonly read: Pull.Pull<readonly [Uint8Array, ...Array<Uint8Array>], StreamLost>
  /** Sends everything that it is fed, and then the end. */
  readonly sink: Sink.Sink<void, Uint8Array, never, StreamLost>
  /** What the other end sends. It waits while this is not run. */
  readonly stream: Stream.Stream<Uint8Array, StreamLost>
}

/** A stream that a peer wants to open. @category models */
export interface StreamRequest extends StreamFacts {
  /** Takes the stream for as long as the scope is open. Fails with `StreamLost` when it is there no more, or was decided. */
  readonly accept: Effect.Effect<Duplex, StreamLost, Scope.Scope>
  /** As `accept`, but the link is not kept for it: the stream is lost when the network needs the link no longer. */
  readonly acceptOnly: Effect.Effect<Duplex, StreamLost, Scope.Scope>
  /** Does not; the peer is told why. Does nothing once that was decided. */
  refuse(reason: string): Effect.Effect<void>
}
