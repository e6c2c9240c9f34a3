/**
 * A peer for a person: what is typed goes out, what happens is shown.
 */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import { type Content, isBytes } from "../../domain/Content.ts"
import type { MeshEvent } from "../../domain/MeshEvent.ts"
import { type PeerId, short } from "../../domain/PeerId.ts"
import { Mesh } from "../../runtime/Mesh.ts"
import * as Abbreviation from "./Abbreviation.ts"
import * as InFlight from "./InFlight.ts"
import { help, Input, parse } from "./Input.ts"
import * as Picture from "./Picture.ts"
import { Screen } from "./Screen.ts"

/** Messages on their way at a time; typing waits while there are so many. */
const sendsInFlight = 64

/** Peers remembered whom only a message told of, so that they can be answered by a prefix. */
const heardCapacity = 1024

/** Text as it is, other JSON as JSON, bytes by their number; control characters could fool a terminal. */
const shown = (content: Content): string =>
  (isBytes(content) ? `(${content.length} bytes)` : typeof content === "string" ? content : JSON.stringify(content))
    // oxlint-disable-next-line no-control-regex
    .replaceAll(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g, "\u{fffd}")

/** Who said it: a peer of the network, or somebody elsewhere by the word of one. */
const speaker = ({ bridged, from }: Extract<MeshEvent, { readonly _tag: "Message" }>): string =>
  bridged === undefined
    ? short(from)
    : `${short(bridged.from)} in ${bridged.networkName}, by the bridge ${short(from)}`

/** What a person sees of an event. @category formatting */
export const describe = (event: MeshEvent): string => {
  switch (event._tag) {
    case "Message":
      return event.kind === "direct"
        ? `${short(event.from)} to you: ${shown(event.content)}`
        : `${speaker(event)}: ${shown(event.content)}`
    case "PeerConnected":
      return `+ ${short(event.peerId)} is linked`
    case "PeerDisconnected":
      return `- ${short(event.peerId)} is gone: ${event.reason}`
    case "StatusChanged":
      return `* ${event.message}`
    case "Missed":
      return `! ${event.count} events came too fast to be shown`
  }
}

/**
 * Joins and talks until the person quits or closes the input; messages that are still on their way are awaited. Leaves
 * politely, also when interrupted. Fails as `Mesh.join` does.
 *
 * @category running
 */
export const run: Effect.Effect<void, Effect.Error<Mesh["Service"]["join"]>, Mesh | Screen> = Effect.gen(function*() {
  const mesh = yield* Mesh
  const screen = yield* Screen
  const heard = new Set<PeerId>()

  const hear = (from: PeerId) => {
    heard.delete(from)
    heard.add(from)
    for (const oldest of heard) {
      if (heard.size <= heardCapacity) break
      heard.delete(oldest)
    }
  }

  yield* mesh.events.pipe(
    Stream.runForEach((event) => {
      if (event._tag === "Message") hear(event.from)
      return screen.print(describe(event))
    }),
    Effect.forkScoped({ startImmediately: true })
  )
  yield* mesh.join
  yield* screen.print(`You are ${short(mesh.peerId)}. Type to talk to everyone; /help shows what else there is.`)

  const sends = yield* InFlight.make(sendsInFlight)
  yield* Effect.addFinalizer(() => mesh.leave)

  const complain = (error: { readonly message: string }) => screen.print(`! ${error.message}`)

  const say = (text: string) =>
    mesh.broadcast(text).pipe(
      Effect.flatMap(({ neighbours }) =>
        neighbours === 0 ? screen.print("! Nobody heard that: no peer is linked yet.") : Effect.void
      ),
      Effect.catch(complain)
    )

  const direct = Effect.fnUntraced(function*(to: string, text: string) {
    const { links } = yield* mesh.status
    const peerId = Abbreviation.resolve(to, [...links.map((link) => link.peerId), ...heard])
    if (Result.isFailure(peerId)) return yield* screen.print(`! ${peerId.failure}`)
    yield* mesh.send(peerId.success, text).pipe(Effect.catch(complain))
  })

  const whereabouts = Effect.flatMap(mesh.status, (status) => screen.print(`* ${Picture.whereabouts(status)}`))

  const handle = (input: Input): Effect.Effect<void> =>
    Input.$match(input, {
      Say: ({ text }) => text === "" ? Effect.void : sends.start(say(text)),
      Direct: ({ text, to }) => sends.start(direct(to, text)),
      Peers: () => Effect.flatMap(mesh.peers, (peers) => screen.print(Picture.links(peers).join("\n"))),
      // What is typed after it is for the other network.
      Network: ({ name }) => name === undefined ? whereabouts : mesh.moveTo(name).pipe(Effect.catch(complain)),
      Networks: () =>
        mesh.networks.pipe(
          Effect.flatMap((networks) => screen.print(Picture.networks(networks).join("\n"))),
          Effect.catch(complain)
        ),
      Fallback: ({ allow }) =>
        allow === undefined ? whereabouts : Effect.andThen(mesh.setAllowGlobalFallback(allow), whereabouts),
      Status: () => Effect.flatMap(mesh.status, (status) => screen.print(Picture.status(status).join("\n"))),
      Help: () => screen.print(help.join("\n")),
      Unclear: ({ problem }) => screen.print(`! ${problem}`),
      Quit: () => Effect.void
    })

  yield* screen.lines.pipe(
    Stream.map(parse),
    Stream.takeUntil((input) => input._tag === "Quit"),
    Stream.runForEach(handle)
  )
  yield* sends.idle
}).pipe(Effect.scoped)
