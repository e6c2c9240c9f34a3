/**
 * What two peers say about a file that goes over a stream between them. The stream's metadata is the header; the receiver
 * answers in lines of JSON, and the sender sends what is missing of the file's bytes and then their SHA-256.
 */
import * as Schema from "effect/Schema"

/** The name of streams that carry files. @category constants */
export const streamName = "homing/file"

/** The bytes of a SHA-256. @category constants */
export const digestBytes = 32

/** The most UTF-16 units of a file's name. @category constants */
export const maxNameLength = 255

/** The most bytes of a line of the receiver's. @category constants */
export const maxLineBytes = 4096

/** What is offered. @category schemas */
export const FileHeader = Schema.Struct({
  /** Chosen by the sender at random: by it the receiver knows a file whose link was lost. */
  transfer: Schema.String.check(Schema.isBetweenLength(16, 64)),
  name: Schema.String.check(Schema.isBetweenLength(1, maxNameLength)),
  /** Bytes. */
  size: Schema.Natural,
  /** The media type, such as `image/png`, as the sender says. */
  type: Schema.optionalKey(Schema.String.check(Schema.isMaxLength(255)))
})
/** @category models */
export type FileHeader = typeof FileHeader.Type

/** What the receiver says. @category schemas */
export const FileAnswer = Schema.Union([
  /** So many bytes are here: go on from there. */
  Schema.Struct({ is: Schema.tag("at"), bytes: Schema.Natural }),
  /** All is here, and the checksum fits. */
  Schema.Struct({ is: Schema.tag("done") }),
  /** It is not to be. */
  Schema.Struct({ is: Schema.tag("failed"), reason: Schema.String.check(Schema.isMaxLength(512)) })
]).pipe(Schema.toTaggedUnion("is"))
/** @category models */
export type FileAnswer = typeof FileAnswer.Type

/** How far a file is. @category models */
export interface FileProgress {
  /** Bytes that were handed over so far, those of earlier links included. */
  readonly bytes: number
  /** Bytes of the whole file. */
  readonly size: number
}

/** The most bytes of a name that `safeName` makes: what every file system takes, with room for an ending. @category constants */
export const safeNameBytes = 200

/** Names that Windows keeps for devices, with any ending. */
const devices = /^(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])(\.|$)/i

const utf8 = new TextEncoder()

/** The longest beginning of a text that has at most so many bytes as UTF-8. */
const cut = (text: string, bytes: number): string => {
  let length = 0
  let kept = ""
  for (const sign of text) {
    length += utf8.encode(sign).length
    if (length > bytes) break
    kept += sign
  }
  return kept
}

/** Keeps the ending of a name that is too long. */
const shorten = (name: string): string => {
  if (utf8.encode(name).length <= safeNameBytes) return name
  const dot = name.lastIndexOf(".")
  const ending = dot > 0 ? cut(name.slice(dot), 32) : ""
  return cut(name.slice(0, dot > 0 ? dot : undefined), safeNameBytes - utf8.encode(ending).length) + ending
}

/**
 * A stranger's name for a file as a name that can be used in a directory: its last part, without what means something to a
 * file system, or to the eye, and never hidden. `file` when nothing is left.
 *
 * @category constructors
 */
export const safeName = (name: string): string => {
  const last = name.split(/[/\\]/).findLast((part) => part !== "") ?? ""
  const plain = last.toWellFormed().normalize("NFC")
    // Control signs, those that turn the direction of writing or are not seen, and what Windows forbids.
    .replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}<>:"|?*]/gu, "_")
    .trim()
    .replace(/^\.+/, "_")
    .replace(/[. ]+$/, "")
  const short = shorten(plain).replace(/[. ]+$/, "")
  return short === "" ? "file" : devices.test(short) ? `_${short}` : short
}
