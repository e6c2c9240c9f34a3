/**
 * Sends frames over open links, encoded once for all who speak alike. Whoever sends to a slow link waits for its room; a link
 * that carries nothing at all meanwhile is let go.
 */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import { LinkClosed, type MessageTooLarge } from "../../domain/Errors.ts"
import type { Dialect, Frame } from "../../domain/Frame.ts"
import * as FrameCodec from "../../domain/FrameCodec.ts"
import { type PeerId, short } from "../../domain/PeerId.ts"
import type { LinkSettings } from "./LinkSettings.ts"
import type { OpenLink } from "./OpenLink.ts"
import * as Outbox from "./Outbox.ts"

/** What became of a frame that was sent to some. @category models */
export interface Posted {
  /** How many have it. */
  readonly taken: number
  /** Those with no room for it, and how to wait for room; one that takes nothing meanwhile is let go. */
  readonly full: ReadonlyArray<{ readonly peerId: PeerId; readonly put: Effect.Effect<void, LinkClosed> }>
}

/** As in `ConnectionPool`. @category models */
export interface Sending {
  send(peerId: PeerId, frame: Frame): Effect.Effect<void, LinkClosed | MessageTooLarge>
  sendBulk(peerId: PeerId, frame: Frame): Effect.Effect<void, LinkClosed | MessageTooLarge>
  fanOut(frame: Frame, except: (peerId: PeerId) => boolean): Effect.Effect<number, MessageTooLarge>
  post(frame: Frame, to: Iterable<PeerId>): Effect.Effect<Posted, MessageTooLarge>
  relieved(peerId: PeerId): Effect.Effect<void, LinkClosed>
}

const tooSlow = "too slow for the messages of this network"

/** Over the links that are `open`; `letGo` ends one without waiting for it. @category constructors */
export const make = (
  settings: LinkSettings,
  open: ReadonlyMap<PeerId, OpenLink>,
  letGo: (peerId: PeerId, reason: string) => Effect.Effect<void>
): Sending => {
  /** Lets a neighbour go once it takes nothing any more. One that takes a little is slow, and waited for. */
  const letGoIfStalled = Effect.fnUntraced(function*(link: OpenLink) {
    let sent: number
    do {
      sent = link.sent()
      yield* Effect.sleep(settings.forwardPatience)
    } while (link.sent() > sent)
    yield* letGo(link.peerId, tooSlow)
  })

  /** Waits for room for as long as the link carries anything at all. */
  const unlessStalled = (link: OpenLink, offer: Effect.Effect<void, LinkClosed>): Effect.Effect<void, LinkClosed> =>
    Effect.raceFirst(
      offer,
      Effect.andThen(
        letGoIfStalled(link),
        // Made when needed: an error costs more than the message.
        Effect.suspend(() => Effect.fail(new LinkClosed({ peerId: link.peerId, reason: "it takes nothing any more" })))
      )
    )

  /** Puts a parcel into a link's outbox, waiting for room. */
  const put = (link: OpenLink, parcel: Outbox.Parcel): Effect.Effect<void, LinkClosed> =>
    Effect.suspend(() => link.outbox.tryOffer(parcel) ? Effect.void : unlessStalled(link, link.outbox.offer(parcel)))

  const encode = (frame: Frame, dialect: Dialect) =>
    Result.map(FrameCodec.encode(frame, dialect, settings.maxMessageBytes), Outbox.parcel)

  /** Offers a frame to links, and gives those that have no room for it. */
  const offerAll = Effect.fnUntraced(function*(frame: Frame, links: Iterable<OpenLink>) {
    const parcels = new Map<Dialect, Outbox.Parcel>()
    const slow: Array<readonly [OpenLink, Outbox.Parcel]> = []
    let sent = 0
    for (const link of links) {
      let parcel = parcels.get(link.dialect)
      if (parcel === undefined) {
        const encoded = encode(frame, link.dialect)
        if (Result.isFailure(encoded)) {
          if (link.dialect === "homing") return yield* encoded.failure
          // PeerPigeon takes 256 KiB at most; its smaller limit is not everybody's.
          yield* Effect.logWarning(`peer ${short(link.peerId)} cannot take a message: ${encoded.failure.message}`)
          continue
        }
        parcel = encoded.success
        parcels.set(link.dialect, parcel)
      }
      sent++
      if (!link.outbox.tryOffer(parcel)) slow.push([link, parcel])
    }
    return { sent, slow }
  })

  /** The open link to a peer, and a frame as it carries it. */
  const parcelFor = Effect.fnUntraced(function*(peerId: PeerId, frame: Frame) {
    const link = open.get(peerId)
    if (link === undefined) return yield* new LinkClosed({ peerId, reason: "there is no link to this peer" })
    return { link, parcel: yield* Effect.fromResult(encode(frame, link.dialect)) }
  })

  return {
    send: (peerId, frame) => Effect.flatMap(parcelFor(peerId, frame), ({ link, parcel }) => put(link, parcel)),
    sendBulk: (peerId, frame) =>
      Effect.flatMap(
        parcelFor(peerId, frame),
        ({ link, parcel }) =>
          link.outbox.tryOfferBulk(parcel) ? Effect.void : unlessStalled(link, link.outbox.offerBulk(parcel))
      ),
    fanOut: Effect.fnUntraced(function*(frame: Frame, except: (peerId: PeerId) => boolean) {
      const links: Array<OpenLink> = []
      for (const [peerId, link] of open) if (!except(peerId)) links.push(link)
      const { sent, slow } = yield* offerAll(frame, links)
      yield* Effect.forEach(slow, ([link, parcel]) => Effect.ignore(put(link, parcel)), {
        concurrency: "unbounded",
        discard: true
      })
      return sent
    }),
    post: Effect.fnUntraced(function*(frame, to) {
      const links: Array<OpenLink> = []
      for (const peerId of to) {
        const link = open.get(peerId)
        if (link !== undefined) links.push(link)
      }
      const { sent, slow } = yield* offerAll(frame, links)
      return {
        taken: sent - slow.length,
        full: slow.map(([link, parcel]) => ({ peerId: link.peerId, put: put(link, parcel) }))
      }
    }),
    relieved: Effect.fnUntraced(function*(peerId) {
      const link = open.get(peerId)
      if (link === undefined) return yield* new LinkClosed({ peerId, reason: "there is no link to this peer" })
      const before = link.sent()
      const hasMoved = Effect.flatMap(Effect.sleep(settings.forwardPatience), () =>
        link.sent() > before
          ? Effect.void
          : Effect.andThen(letGo(peerId, tooSlow), Effect.fail(new LinkClosed({ peerId, reason: tooSlow }))))
      yield* Effect.raceFirst(link.outbox.drained, hasMoved)
    })
  }
}
