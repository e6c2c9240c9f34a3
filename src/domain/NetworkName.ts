/**
 * The name of a network. Peers of different networks never meet.
 *
 * A name that we choose is strict. A name that arrives on the wire may be anything that PeerPigeon
 * lets a user choose, as long as it is safe in a URL, a file name and a `network:key` prefix.
 */
import * as Schema from "effect/Schema"

/** The most characters a network's name may have. @category constants */
export const maxLength = 64

// oxlint-disable-next-line no-control-regex -- control characters are what this refuses
const unsafe = /[\u0000-\u001f\u007f-\u009f\u2028\u2029/\\:?#%"<>|*]/

/**
 * A network's name as it may arrive on the wire: 1 to 64 characters, none of them a control character
 * or one of `/ \ : ? # % " < > | *`, not `.` or `..`, and no white space at either end.
 *
 * @category schemas
 */
export const NetworkName = Schema.String.check(
  Schema.makeFilter(
    (name: string) =>
      name.length >= 1 && name.length <= maxLength && !unsafe.test(name) && name !== "." && name !== ".." &&
      name.trim() === name && name.isWellFormed(),
    {
      expected: `a network name of 1 to ${maxLength} characters without control characters, separators or quotes`,
      arbitraryConstraint: { patterns: [{ source: "^[a-z0-9][a-z0-9._-]{0,63}$", flags: "" }] }
    }
  )
).pipe(Schema.brand("NetworkName"))

/** @category models */
export type NetworkName = typeof NetworkName.Type

const chosen = /^(?!\.{1,2}$)[a-z0-9._-]{1,64}$/

/**
 * A network's name as one may choose it: 1 to 64 lower case letters, digits, dots, hyphens and
 * underscores, other than `.` and `..`.
 *
 * @category schemas
 */
export const ChosenNetworkName = Schema.String.check(
  Schema.isPattern(chosen, {
    expected: `a network name of 1 to ${maxLength} lower case letters, digits, dots, hyphens and underscores`
  })
).pipe(Schema.decodeTo(NetworkName))

/** Where every peer is that named no network, and where lonely peers fall back to. @category constants */
export const global: NetworkName = NetworkName.make("global")

/** The network on which hubs find each other unless told otherwise. @category constants */
export const hubMesh: NetworkName = NetworkName.make("pigeonhub-mesh")

/**
 * The network a message belongs to: the one it names, or `global`, as every PeerPigeon party assumes.
 *
 * @category getters
 */
export const ofMessage = (message: { readonly networkName?: NetworkName }): NetworkName => message.networkName ?? global
