/**
 * Hubs on an existing NATS server or cluster: core NATS, without JetStream.
 *
 * Presence goes to all hubs on one subject. A frame for a peer is a request to that peer's own subject, to which only the
 * hub that holds it subscribes; "no responders" is the immediate answer that nobody does. While NATS is away hubs go on
 * alone, and say that they are degraded.
 */
import type { Msg, NatsConnection, Subscription } from "@nats-io/transport-node"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import * as Layer from "effect/Layer"
import * as Random from "effect/Random"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import type { NetworkName } from "../../domain/NetworkName.ts"
import type { PeerId } from "../../domain/PeerId.ts"
import { Timings } from "../federation/FederationSettings.ts"
import { Backplane, type Elsewhere, type Health, known, nothingCounted, viewOf } from "./Backplane.ts"
import * as Claims from "./Claims.ts"
import * as HubMessage from "./HubMessage.ts"
import * as Presence from "./Presence.ts"
import * as Subjects from "./Subjects.ts"

/** What hubs on NATS are told. @category models */
export interface NatsOptions {
  readonly hub: PeerId
  /** The network of the hubs; hubs of another share nothing with them. */
  readonly namespace: NetworkName
  /** `nats://` or `tls://` URLs of the servers, separated by commas, with a user and password or a token if need be. */
  readonly url: string
}

const decodeEnvelope = Schema.decodeUnknownResult(Schema.fromJsonString(HubMessage.Envelope))

/** How long a hub may take to take a frame, in milliseconds. */
const requestTimeout = 1500

/** The first and the longest pause before a lost server is dialled again, in milliseconds. */
const [reconnectFirst, reconnectAtMost] = [100, 5000]

/** Servers without what is secret in their URLs, and that. */
const readUrl = (url: string) => {
  const all = url.split(",").map((part) => part.trim()).filter((part) => part !== "")
  const [first] = all
  const parsed = first !== undefined && URL.canParse(first) ? new URL(first) : undefined
  const servers = all.map((server) => URL.canParse(server) ? new URL(server).host : server)
  const [user, pass] = [decodeURIComponent(parsed?.username ?? ""), decodeURIComponent(parsed?.password ?? "")]
  return {
    servers,
    ...(parsed?.protocol === "tls:" ? { tls: {} } : {}),
    ...(user !== "" && pass !== "" ? { user, pass } : user === "" ? {} : { token: user })
  }
}

/** A callback for what is no error: errors are told by the connection's state. */
const without = (hear: (message: Msg) => void) => (error: Error | null, message: Msg): void => {
  if (error === null) hear(message)
}

/** @category layers */
export const layer = (options: NatsOptions): Layer.Layer<Backplane> =>
  Layer.succeed(Backplane, { kind: "nats", hub: options.hub, open: open(options) })

const open = ({ hub: self, namespace, url }: NatsOptions): Backplane["Service"]["open"] =>
  Effect.fnUntraced(function*(house) {
    const timings = yield* Timings
    const clock = yield* Clock.Clock
    const now = () => clock.currentTimeMillisUnsafe()
    const random = yield* Random.Random
    const subjects = Subjects.make(namespace)
    const settings = readUrl(url)
    const where = settings.servers.join(", ")
    const changed = Latch.makeUnsafe(false)
    const presence = Presence.make({
      hub: self,
      incarnation: Math.floor(now()),
      silence: Duration.toMillis(timings.silence),
      now
    })
    const counts = { ...nothingCounted, delivered: 0, lost: 0, malformed: 0 }
    let connection: NatsConnection | undefined
    /** Servers that were dialled in vain since one was there last. */
    let attempts = 0
    let problem: string | undefined = `no NATS server at ${where} has answered yet`
    const held = new Map<
      string,
      { readonly networkName: NetworkName; readonly peerId: PeerId; subscription: Subscription | undefined }
    >()

    // ------------------------------------------------------------------------------------------------
    // presence
    // ------------------------------------------------------------------------------------------------

    /** Says something to hubs. What cannot be said now is asked for later. */
    const publish = (subject: string, message: HubMessage.HubMessage, reply?: string): void => {
      if (connection === undefined || problem !== undefined) return
      Result.try(() => connection?.publish(subject, HubMessage.encode(message), reply === undefined ? {} : { reply }))
    }

    const flush = (): void => {
      for (const delta of presence.flush()) publish(subjects.presence, delta)
    }

    const beat = (): void => {
      flush()
      publish(subjects.presence, presence.beat(house.about()))
      house.hear(presence.tick())
    }

    const claims = Claims.make(presence, (claim) => publish(subjects.hub(claim.to), { ...claim, number: 0 }))

    const hearClaim = ({ age, claim, hub, peer, proven, to }: HubMessage.ClaimMessage): void => {
      if (to !== self) return
      const { incarnation } = presence
      house.claimed(
        { peerId: peer, proven, age },
        (held) =>
          publish(subjects.hub(hub), { type: "verdict", hub: self, incarnation, number: 0, to: hub, claim, held })
      )
    }

    /** What hubs say, with the subject of who says it, to which answers go. */
    const hearHub = (message: Msg): void => {
      const read = HubMessage.decode(message.string())
      if (Result.isFailure(read) || read.success.type === "signal") return void counts.malformed++
      if (read.success.type === "word") {
        const { hub, label, network, peer } = read.success
        return hub === self ? undefined : house.labelled(network, peer, label)
      }
      if (read.success.type === "claim") return hearClaim(read.success)
      if (read.success.type === "verdict") return read.success.to === self ? claims.hear(read.success) : undefined
      const { news, replies } = presence.hear(read.success)
      const asked = read.success.type === "want" ? message.reply : subjects.hub(read.success.hub)
      if (asked !== undefined && asked.startsWith(subjects.root)) {
        for (const reply of replies) publish(asked, reply, subjects.hub(self))
      }
      // Whoever comes need not wait for the next beat.
      for (const item of news) {
        if (item._tag === "HubCame") publish(subjects.hub(item.hub), presence.beat(house.about()))
      }
      house.hear(news)
    }

    // ------------------------------------------------------------------------------------------------
    // frames for peers
    // ------------------------------------------------------------------------------------------------

    const hearFrame = (message: Msg): void => {
      const read = decodeEnvelope(message.string())
      const isDelivered = Result.isSuccess(read) && house.deliver(read.success)
      if (isDelivered) counts.delivered++
      else if (Result.isSuccess(read)) counts.lost++
      else counts.malformed++
      message.respond(isDelivered ? "" : "gone")
    }

    const hold = (networkName: NetworkName, peerId: PeerId): void => {
      const subject = subjects.peer(networkName, peerId)
      if (held.has(subject)) return
      held.set(subject, { networkName, peerId, subscription: subscribe(subject) })
    }

    const subscribe = (subject: string): Subscription | undefined =>
      connection?.subscribe(subject, { callback: without(hearFrame) })

    const release = (networkName: NetworkName, peerId: PeerId): void => {
      const subject = subjects.peer(networkName, peerId)
      const { subscription } = held.get(subject) ?? {}
      held.delete(subject)
      Result.try(() => subscription?.unsubscribe())
    }

    const miss = (envelope: HubMessage.Envelope): void => {
      if (envelope.answered === true) house.undelivered(envelope)
    }

    const send = (envelope: HubMessage.Envelope): boolean => {
      const nats = connection
      if (nats === undefined || problem !== undefined) return false
      if (presence.roster.locate(envelope.network, envelope.target, self) === undefined) return false
      // What the others have to know first, to let the target answer.
      flush()
      const payload = JSON.stringify(envelope)
      if (payload.length > (nats.info?.max_payload ?? Number.POSITIVE_INFINITY)) return false
      const subject = subjects.peer(envelope.network, envelope.target)
      void nats.request(subject, payload, { timeout: requestTimeout }).then(
        (answer) => answer.data.length > 0 && miss(envelope),
        () => miss(envelope)
      )
      return true
    }

    // ------------------------------------------------------------------------------------------------
    // the connection
    // ------------------------------------------------------------------------------------------------

    const watch = Effect.fnUntraced(function*(nats: NatsConnection) {
      const states = nats.status()[Symbol.asyncIterator]()
      while (true) {
        const state = yield* Effect.promise(() => states.next())
        if (state.done === true) return
        switch (state.value.type) {
          case "disconnect":
            problem = `the NATS server at ${where} is away`
            yield* Effect.logWarning(`This hub is on its own: ${problem}`)
            break
          case "reconnect":
            problem = undefined
            attempts = 0
            yield* Effect.logInfo(`NATS is back, at ${state.value.server}`)
            beat()
            break
          case "error":
            yield* Effect.logWarning(`NATS reports an error: ${state.value.error.message}`)
            break
        }
      }
    })

    const connect = Effect.gen(function*() {
      // Loaded only where it is used.
      const { connect } = yield* Effect.promise(() => import("@nats-io/transport-node"))
      const nats = yield* Effect.acquireRelease(
        Effect.tryPromise({
          try: () =>
            connect({
              ...settings,
              name: `homing hub ${self}`,
              maxReconnectAttempts: -1,
              reconnect: true,
              // Backoff with jitter, so that all hubs do not come at once.
              reconnectDelayHandler: () =>
                Math.min(reconnectAtMost, reconnectFirst * 2 ** Math.min(attempts++, 10)) *
                (0.5 + random.nextDoubleUnsafe() / 2),
              pingInterval: 5000,
              maxPingOut: 2
            }),
          catch: (cause) => cause instanceof Error ? cause.message : String(cause)
        }),
        (nats) => Effect.promise(() => nats.isClosed() ? Promise.resolve() : nats.close()).pipe(Effect.ignore)
      )
      connection = nats
      problem = undefined
      for (const entry of held.values()) {
        entry.subscription = subscribe(subjects.peer(entry.networkName, entry.peerId))
      }
      const callback = without(hearHub)
      nats.subscribe(subjects.presence, { callback })
      nats.subscribe(subjects.hub(self), { callback })
      yield* Effect.addFinalizer(() =>
        Effect.promise(() => {
          publish(subjects.presence, presence.farewell())
          connection = undefined
          return nats.isClosed() ? Promise.resolve() : nats.flush().catch(() => undefined)
        }).pipe(Effect.timeoutOption(Duration.seconds(1)))
      )
      yield* Effect.logInfo(`This hub is on NATS at ${nats.getServer()}`)
      beat()
      attempts = 0
      yield* watch(nats)
      return yield* Effect.fail("the connection to NATS was closed")
    }).pipe(
      Effect.scoped,
      Effect.catch((why) => {
        const isNew = problem !== why
        problem = why
        return Effect.when(
          Effect.logWarning(`This hub is on its own: NATS at ${where}: ${why}`),
          Effect.sync(() => isNew)
        )
      }),
      Effect.andThen(Effect.sleep(Duration.seconds(1))),
      Effect.forever
    )

    yield* Effect.forkScoped(connect)
    yield* changed.await.pipe(
      Effect.andThen(Effect.sync(() => {
        changed.closeUnsafe()
        flush()
      })),
      Effect.andThen(Effect.sleep(timings.gather)),
      Effect.forever,
      Effect.forkScoped
    )
    yield* Effect.sleep(timings.beat).pipe(Effect.andThen(Effect.sync(beat)), Effect.forever, Effect.forkScoped)

    const ofPresence = known(presence, house, {
      changed: () => changed.openUnsafe(),
      say: (word) => publish(subjects.presence, { ...word, number: 0 })
    })
    const elsewhere: Elsewhere = {
      ...ofPresence,
      rivals: claims.rivals,
      joined(networkName, peerId, facts) {
        hold(networkName, peerId)
        ofPresence.joined(networkName, peerId, facts)
      },
      left(networkName, peerId, farewell) {
        release(networkName, peerId)
        ofPresence.left(networkName, peerId, farewell)
      },
      send,
      get hubs() {
        return presence.hubs.map((hub) => viewOf(hub, "nats"))
      },
      counts,
      get health(): Health {
        return problem === undefined ? { _tag: "Well" } : { _tag: "Degraded", problem }
      }
    }
    return elsewhere
  })
