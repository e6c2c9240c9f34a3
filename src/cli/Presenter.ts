/** What the command line says when it is asked for help, or was called wrongly. */
import * as CliOutput from "effect/cli/CliOutput"
import * as Console from "effect/Console"

/**
 * As Effect's own, but a wrong call is answered on standard error, and with what was wrong and where help is rather
 * than with all of the help.
 *
 * @category presentation
 */
export const presenter: CliOutput.Presenter = {
  present: (event) =>
    event._tag === "InvalidInvocation"
      ? Console.error(
        [
          ...event.errors.map((error) => error.message),
          `See ${event.commandPath.join(" ")} --help`
        ].join("\n")
      )
      : CliOutput.defaultPresenter.present(event)
}
