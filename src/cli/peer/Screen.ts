/**
 * Where a person types and reads: a terminal, or lines through a pipe.
 */
import type * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Queue from "effect/Queue"
import * as Result from "effect/Result"
import { Stdio } from "effect/Stdio"
import * as Stream from "effect/Stream"
import { clearScreenDown, createInterface, cursorTo, moveCursor } from "node:readline"
import * as Lines from "../Lines.ts"
import { Output } from "../Output.ts"

/** The most bytes of a line that a person may pipe in. */
const maxLineBytes = 1024 * 1024

/** @category services */
export class Screen extends Context.Service<Screen, {
  /** What was typed, line by line, until the person closes the input. To be run once. */
  readonly lines: Stream.Stream<string>
  /** Shows a text, without disturbing the line that is being typed. */
  print(text: string): Effect.Effect<void>
  /** Waits until nobody reads what is shown any more. */
  readonly broken: Effect.Effect<void>
}>()("homing/cli/Screen") {
  /** A terminal, with a prompt, editing and history. Ctrl-C and Ctrl-D close the input. */
  static readonly layerTerminal: Layer.Layer<Screen> = Layer.effect(
    Screen,
    Effect.gen(function*() {
      const typed = yield* Queue.unbounded<string, Cause.Done>()
      const editor = yield* Effect.acquireRelease(
        Effect.sync(() => createInterface({ input: process.stdin, output: process.stdout, prompt: "> " })),
        (editor) => Effect.sync(() => editor.close())
      )
      let open = true
      editor
        .on("line", (line) => {
          Queue.offerUnsafe(typed, line)
          editor.prompt()
        })
        .on("SIGINT", () => {
          editor.close()
          // The editor took the key from the terminal: whoever counts them has not seen it.
          process.kill(process.pid, "SIGINT")
        })
        .on("close", () => {
          open = false
          Queue.endUnsafe(typed)
        })

      return Screen.of({
        lines: Stream.fromQueue(typed),
        print: (text) =>
          Effect.sync(() => {
            // What is being typed may fill several rows.
            moveCursor(process.stdout, 0, -editor.getCursorPos().rows)
            cursorTo(process.stdout, 0)
            clearScreenDown(process.stdout)
            process.stdout.write(`${text}\n`)
            // Undocumented: the rows above the cursor that the editor believes to be its own. They are the text's now.
            Reflect.set(editor, "prevRows", 0)
            if (open) editor.prompt(true)
          }),
        broken: Effect.never
      })
    })
  )

  /** Standard input and output as they are, for pipes and files. */
  static readonly layerPlain: Layer.Layer<Screen, never, Stdio | Output> = Layer.effect(
    Screen,
    Effect.gen(function*() {
      const { stdin } = yield* Stdio
      const output = yield* Output
      return Screen.of({
        lines: stdin.pipe(
          Lines.split(maxLineBytes),
          Stream.mapEffect((line) =>
            Result.match(line, {
              onSuccess: (text) => Effect.succeed([text]),
              onFailure: (problem) => Effect.as(output.line(`! Not sent: ${problem}.`), [])
            })
          ),
          Stream.flatMap(Stream.fromIterable),
          // An input that fails has ended.
          Stream.catch(() => Stream.empty)
        ),
        print: output.line,
        broken: output.broken
      })
    })
  )
}
