/** What can be done only while a hub does not run. */
import * as Schema from "effect/Schema"

/** The hub runs, and what was asked for needs it to be stopped. @category errors */
export class AlreadyRunning extends Schema.TaggedError<AlreadyRunning>()("AlreadyRunning", {
  operation: Schema.String
}) {
  override get message() {
    return `${this.operation} is not possible while the hub runs: stop it first`
  }
}
