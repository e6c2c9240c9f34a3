/** Where a person's configuration is, by the conventions of their system. */
import { posix, win32 } from "node:path"

/** What that depends on. @category models */
export interface Surroundings {
  readonly platform: NodeJS.Platform
  /** The person's home directory. */
  readonly home: string
  readonly env: Readonly<Record<string, string | undefined>>
}

/**
 * `XDG_CONFIG_HOME` where it is an absolute path, as the XDG Base Directory Specification wants it; else `%APPDATA%` on
 * Windows, `~/Library/Application Support` on macOS, and `~/.config` anywhere else.
 *
 * @category getters
 */
export const configHome = ({ env, home, platform }: Surroundings): string => {
  const { isAbsolute, join } = platform === "win32" ? win32 : posix
  const absolute = (path: string | undefined) => path !== undefined && isAbsolute(path) ? path : undefined
  const xdg = absolute(env["XDG_CONFIG_HOME"])
  if (xdg !== undefined) return xdg
  if (platform === "win32") return absolute(env["APPDATA"]) ?? join(home, "AppData", "Roaming")
  return platform === "darwin" ? join(home, "Library", "Application Support") : join(home, ".config")
}
