/** Every period and bound of file transfers, in one place. */
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"

/** @category models */
export interface FileSettings {
  /** How long after its link was lost a file may stay where it is before it is given up, at either end. */
  readonly resumeWithin: Duration.Duration
  /** Links over which a file is sent, at most, without getting on. */
  readonly attempts: number
  /** The pause before the second attempt; it doubles with each further one. */
  readonly retryBase: Duration.Duration
  /** The longest pause between attempts. */
  readonly retryCap: Duration.Duration
  /** Files that were received and are remembered, in case their sender did not hear of it. */
  readonly remembered: number
}

/** @category constants */
export const defaults: FileSettings = {
  resumeWithin: Duration.minutes(2),
  attempts: 10,
  retryBase: Duration.millis(500),
  retryCap: Duration.seconds(10),
  remembered: 256
}

/** The settings in force; the defaults unless provided otherwise. @category references */
export const FileSettings = Context.Reference<FileSettings>("homing/FileSettings", { defaultValue: () => defaults })
