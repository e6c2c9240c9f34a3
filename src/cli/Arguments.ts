/** Small liberties with the command line. */

/**
 * PeerPigeon's hub scripts have a bare `--bootstrap`, or `-b`, for the hub that others begin with. Here that is a hub that
 * begins with none, whatever is in the environment.
 *
 * @category combinators
 */
export const normalise = (args: ReadonlyArray<string>): ReadonlyArray<string> =>
  args[0] !== "hub" ? args : args.map((arg, index) => {
    const next = args[index + 1]
    const isBare = next === undefined || next.startsWith("-")
    return isBare && (arg === "--bootstrap" || arg === "-b") ? "--bootstrap=none" : arg
  })
