/**
 * Bundles the page that a hub serves, `src/console`, into `dist/console`. Does nothing when no source is newer than the
 * bundle, so that `npm start` can run it every time.
 */
import { copyFile, glob, mkdir, readFile, rm, stat } from "node:fs/promises"
import { join } from "node:path"
import { gzipSync } from "node:zlib"

const root = join(import.meta.dirname, "..")
const source = join(root, "src/console")
const target = join(root, "dist/console")

const changedAt = (path: string): Promise<number> => stat(path).then(({ mtimeMs }) => mtimeMs, () => 0)

/** Directories count too: theirs is the time at which a file came or went. */
const newest = async (): Promise<number> => {
  const paths = [import.meta.filename, join(root, "package-lock.json")]
  for await (const path of glob("src/**", { cwd: root })) paths.push(join(root, path))
  return Math.max(...await Promise.all(paths.map(changedAt)))
}

const kilobytes = (bytes: number): string => `${(bytes / 1024).toFixed(1)} KB`

const bundle = async (): Promise<void> => {
  // Only who bundles needs the bundler: an install without development dependencies has a bundle already.
  const { rolldown } = await import("rolldown")
  const build = await rolldown({ input: join(source, "main.ts"), platform: "browser" })
  const script = join(target, "main.js")
  await rm(target, { recursive: true, force: true })
  await mkdir(target, { recursive: true })
  await build.write({ file: script, format: "esm", minify: true })
  await build.close()
  await copyFile(join(source, "style.css"), join(target, "style.css"))
  // The page itself comes last: it is what says that the rest is there.
  await copyFile(join(source, "index.html"), join(target, "index.html"))
  const code = await readFile(script)
  console.log(`dist/console/main.js: ${kilobytes(code.length)}, ${kilobytes(gzipSync(code).length)} gzipped`)
}

if (await changedAt(join(target, "index.html")) < await newest()) await bundle()
