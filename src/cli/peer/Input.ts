/** What a person types, understood. */
import * as Data from "effect/Data"

/** @category models */
export type Input = Data.TaggedEnum<{
  /** To everyone. */
  Say: { readonly text: string }
  /** To the peer whose id starts with `to`. */
  Direct: { readonly to: string; readonly text: string }
  Peers: {}
  /** To another network; nothing is a question where we are. */
  Network: { readonly name: string | undefined }
  Networks: {}
  /** Whether to go to global while nobody is at home; nothing is a question. */
  Fallback: { readonly allow: boolean | undefined }
  Status: {}
  Help: {}
  Quit: {}
  /** Not understood; `problem` says why. */
  Unclear: { readonly problem: string }
}>
/** @category constructors */
export const Input = Data.taggedEnum<Input>()

/** What can be typed, for `/help`. @category constants */
export const help: ReadonlyArray<string> = [
  "text              say it to everyone in the network",
  "/dm <id> <text>   say it to one peer; the first digits of its id are enough",
  "/peers            who is linked",
  "/network [name]   move to a network, or say where we are",
  "/networks         the networks of the hub, and how many are there",
  "/fallback on|off  go to global while nobody is at home, or stay",
  "/status           links, hub, and the actors at work",
  "/help             this list",
  "/quit             leave (so does Ctrl-D)"
]

/** Reads a line; a text that shall start with `/` is typed with `//`. @category parsing */
export const parse = (line: string): Input => {
  const text = line.trim()
  if (text.startsWith("//")) return Input.Say({ text: text.slice(1) })
  if (!text.startsWith("/")) return Input.Say({ text })
  const [name = "", ...words] = text.split(/\s+/)
  switch (name) {
    case "/dm": {
      const [to, ...rest] = words
      return to === undefined || rest.length === 0
        ? Input.Unclear({ problem: "Whom, and what? /dm <id> <text>" })
        : Input.Direct({ to, text: text.slice(name.length).trimStart().slice(to.length).trim() })
    }
    case "/peers":
      return Input.Peers()
    case "/network": {
      const [name] = words
      return words.length > 1
        ? Input.Unclear({ problem: "Names have no spaces. /network <name>" })
        : Input.Network({ name })
    }
    case "/networks":
      return Input.Networks()
    case "/fallback":
      return words.length === 0
        ? Input.Fallback({ allow: undefined })
        : words.length === 1 && (words[0] === "on" || words[0] === "off")
        ? Input.Fallback({ allow: words[0] === "on" })
        : Input.Unclear({ problem: "On or off? /fallback on|off" })
    case "/status":
      return Input.Status()
    case "/help":
      return Input.Help()
    case "/quit":
    case "/exit":
      return Input.Quit()
    default:
      return Input.Unclear({ problem: `${name} is no command. See /help.` })
  }
}
