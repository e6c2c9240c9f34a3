/** Being told a second time to stop: then at once, whatever is still to be done. */
import { performance } from "node:perf_hooks"

/**
 * What comes within so many milliseconds of the first signal is the same key press: a terminal tells the whole group of
 * processes, and npm passes on what it was told.
 *
 * @category constants
 */
export const sameKeyPress = 500

/** The signals by which a person or a system asks a process to stop, with the exit code that says so. */
const codes = { SIGINT: 130, SIGTERM: 143 } as const

/** Ends the process at the second signal to stop. The first one is for others to handle. @category running */
export const heed = (): void => {
  let first: number | undefined
  for (const [signal, code] of Object.entries(codes)) {
    process.on(signal, () => {
      const now = performance.now()
      first ??= now
      if (now - first > sameKeyPress) process.exit(code)
    })
  }
}
