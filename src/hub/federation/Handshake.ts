/**
 * How two hubs admit each other. Both say who they are and on which namespace; then each proves that it knows the secret,
 * by a code over what both said, and neither ever sends it. Hubs of different namespaces refuse each other, and so do
 * hubs of which one has a secret and the other has not.
 *
 * Without a secret a hub admits others from loopback and private addresses only.
 */
import type * as SecureRandom from "effect/crypto/SecureRandom"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import type * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { NetworkName } from "../../domain/NetworkName.ts"
import { PeerId, short } from "../../domain/PeerId.ts"
import type { Duplex } from "./Duplex.ts"
import * as HubSecret from "./HubSecret.ts"
import { isPrivate } from "./PrivateAddresses.ts"

/** The version of what hubs say to each other. @category constants */
export const version = 1

const Hello = Schema.Struct({
  type: Schema.tag("hub-hello"),
  version: Schema.Natural,
  hub: PeerId,
  namespace: NetworkName,
  /** Never the same twice. */
  nonce: HubSecret.Nonce,
  /** Whether a proof will follow, and is expected. */
  secret: Schema.Boolean
})
const Proof = Schema.Struct({ type: Schema.tag("hub-proof"), proof: Schema.optionalKey(HubSecret.Proof) })
const Refusal = Schema.Struct({
  type: Schema.tag("hub-refused"),
  problem: Schema.String.check(Schema.isMaxLength(512))
})

const Greeting = Schema.Union([Hello, Proof, Refusal]).pipe(Schema.toTaggedUnion("type"))
type Greeting = typeof Greeting.Type
type Hello = typeof Hello.Type

const decode = Schema.decodeUnknownResult(Schema.fromJsonString(Greeting))

/** Two hubs do not belong together. @category errors */
export class HubNotAdmitted extends Schema.TaggedError<HubNotAdmitted>()("HubNotAdmitted", {
  problem: Schema.String,
  /** Who it is, as it says itself. */
  hub: Schema.optionalKey(PeerId),
  /** Whether it is this hub itself. */
  isSelf: Schema.Boolean
}) {
  override get message() {
    return this.problem
  }
}

const refused = (problem: string, hub?: PeerId, isSelf = false) =>
  new HubNotAdmitted({ problem, isSelf, ...(hub === undefined ? {} : { hub }) })

/** The most characters that a hub may say before it is admitted: it says three things of some 300, and what follows waits. */
const maxGreeting = 1024 * 1024

/** What a hub is to others before they admit it. @category models */
export interface Credentials {
  readonly hub: PeerId
  readonly namespace: NetworkName
  readonly secret: Redacted.Redacted | undefined
  /** How long the other may take. */
  readonly patience: Duration.Duration
}

/** Why two hubs that said hello are not to be connected. */
const objection = (self: Hello, other: Hello, address: string, role: HubSecret.Role) => {
  const name = `the hub ${short(other.hub)}`
  const because = (problem: string, isSelf = false) => refused(problem, other.hub, isSelf)
  if (other.hub === self.hub) return because("this is the hub itself, or another was given its id", true)
  if (other.namespace !== self.namespace) {
    return because(`${name} is on the namespace ${other.namespace}, and this one on ${self.namespace}`)
  }
  if (other.version !== version) {
    return because(`${name} speaks version ${other.version} of the hubs' protocol, not ${version}`)
  }
  if (self.secret && !other.secret) return because(`${name} has no HUB_SECRET, and this one has`)
  if (!self.secret && other.secret) return because(`${name} has a HUB_SECRET, and this one has none`)
  // Whom one dials was chosen by whoever runs this hub.
  if (!self.secret && role === "listener" && !isPrivate(address)) {
    return because(`${address} is a public address, and without a HUB_SECRET only private ones are admitted`)
  }
  return undefined
}

/** What a hub that objects may tell a stranger: it need not know more than that it is not welcome. */
const forOthers = (self: Hello, other: Hello | undefined): string =>
  other !== undefined && other.namespace !== self.namespace
    ? `this hub is on the namespace ${self.namespace}, not on ${other.namespace}`
    : "this hub does not admit yours"

/** Another hub, admitted. @category models */
export interface Admitted {
  readonly hub: PeerId
  /** Starts to take what it says. */
  listen(onText: (text: string) => void): void
}

/**
 * Shakes hands. Fails with why the hubs are not to be connected; the other is told, as far as it concerns it.
 *
 * @category combinators
 */
export const shake = Effect.fnUntraced(
  function*(
    duplex: Duplex,
    role: HubSecret.Role,
    { hub, namespace, patience, secret }: Credentials
  ): Effect.fn.Return<Admitted, HubNotAdmitted, SecureRandom.SecureRandom> {
    const inbox = yield* Queue.dropping<string>(64)
    let length = 0
    let take = (text: string): void => {
      length += text.length
      if (length > maxGreeting) duplex.close()
      else Queue.offerUnsafe(inbox, text)
    }
    duplex.listen((text) => take(text))

    const next = Effect.gen(function*() {
      const read = decode(yield* Queue.take(inbox))
      if (Result.isFailure(read)) return yield* refused("what answers there is no hub of ours")
      if (read.success.type === "hub-refused") return yield* refused(read.success.problem)
      return read.success
    })
    const say = (greeting: Greeting) => Effect.sync(() => duplex.send(JSON.stringify(greeting)))

    const self: Hello = {
      type: "hub-hello",
      version,
      hub,
      namespace,
      nonce: yield* HubSecret.nonce,
      secret: secret !== undefined
    }

    const conversation = Effect.gen(function*() {
      if (role === "dialler") yield* say(self)
      const other = yield* next
      if (other.type !== "hub-hello") return yield* refused("the other hub did not say hello")
      const problem = objection(self, other, duplex.address, role)
      if (problem !== undefined) {
        yield* say({ type: "hub-refused", problem: forOthers(self, other) })
        return yield* problem
      }
      if (role === "listener") yield* say(self)
      const of = ({ hub, nonce }: Hello) => ({ peerId: hub, nonce })
      const [dialler, listener] = role === "dialler" ? [self, other] : [other, self]
      const handshake = { namespace, dialler: of(dialler), listener: of(listener) }
      const theirs = role === "dialler" ? "listener" : "dialler"
      yield* say({
        type: "hub-proof",
        ...(secret === undefined ? {} : { proof: HubSecret.prove(secret, role, handshake) })
      })
      const said = yield* next
      const proof = said.type === "hub-proof" ? said.proof : undefined
      if (
        said.type !== "hub-proof" ||
        (secret !== undefined && (proof === undefined || !HubSecret.isProof(secret, theirs, handshake, proof)))
      ) {
        yield* say({ type: "hub-refused", problem: forOthers(self, undefined) })
        return yield* refused(`the hub ${short(other.hub)} does not know this hub's HUB_SECRET`, other.hub)
      }
      return {
        hub: other.hub,
        listen(onText: (text: string) => void) {
          // What came already comes first, and nothing in between.
          for (let waiting = Queue.takeUnsafe(inbox); waiting?._tag === "Success"; waiting = Queue.takeUnsafe(inbox)) {
            onText(waiting.value)
          }
          take = onText
        }
      }
    })

    return yield* Effect.raceFirst(
      conversation,
      Effect.flatMap(duplex.ended, (why) => Effect.fail(refused(`the connection ended: ${why}`)))
    ).pipe(
      Effect.timeoutOrElse({
        duration: patience,
        orElse: () => Effect.fail(refused("what answers there did not shake hands in time"))
      })
    )
  }
)
