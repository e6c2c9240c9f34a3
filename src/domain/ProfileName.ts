/**
 * The name of a profile: whose identity and preferences a peer has, among those kept on one machine or by one page.
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { InvalidInput } from "./Errors.ts"
import { maxLength } from "./NetworkName.ts"

/**
 * As a network's name, and not ending with a dot, which some file systems drop: 1 to 64 lower case letters, digits, dots,
 * hyphens and underscores.
 *
 * @category schemas
 */
export const ProfileName = Schema.String.check(
  Schema.isPattern(/^[a-z0-9._-]{0,63}[a-z0-9_-]$/, {
    expected: `a profile name of 1 to ${maxLength} lower case letters, digits, dots, hyphens and underscores, ` +
      `with no dot at its end`
  })
).pipe(Schema.brand("ProfileName"))

/** @category models */
export type ProfileName = typeof ProfileName.Type

const decode = Schema.decodeUnknownEffect(ProfileName)

/** A name that somebody gave, if it can be a profile's. @category validation */
export const checked = (name: string): Effect.Effect<ProfileName, InvalidInput> =>
  Effect.mapError(decode(name), ({ message }) => new InvalidInput({ field: "profile", problem: message }))
