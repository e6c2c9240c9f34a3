/** What was said, by whom and when: the last few hundred messages and notes. */
import type { Bridged } from "../domain/Bridged.ts"
import type { Content } from "../domain/Content.ts"
import { isBytes } from "../domain/Content.ts"
import { type PeerId, short } from "../domain/PeerId.ts"
import * as Dom from "./dom.ts"

/** Entries kept. @category constants */
export const capacity = 500

/** Characters shown of one message. @category constants */
export const maxCharacters = 10_000

/** @category models */
export interface Message {
  /** `undefined` when we said it. */
  readonly from?: PeerId
  /** `undefined` when it is for everyone. */
  readonly to?: PeerId | undefined
  readonly content: Content
  /** Where it comes from by the word of `from`, a bridge. */
  readonly bridged?: Bridged | undefined
}

/** @category models */
export interface Log {
  /** Shows a message; returns how to say more about it, such as whether it arrived. */
  message(message: Message): (remark: string, kind?: "problem") => void
  /** Shows a sentence about the mesh. */
  note(text: string, kind?: "problem"): void
}

const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" })

const textOf = (content: Content): string => {
  if (isBytes(content)) return `${content.length} bytes`
  const text = typeof content === "string" ? content : JSON.stringify(content)
  return text.length > maxCharacters ? `${text.slice(0, maxCharacters)}… (${text.length} characters)` : text
}

const audience = ({ bridged, from, to }: Message): string => {
  if (bridged !== undefined) return `a bridge, for ${short(bridged.from)} in ${bridged.networkName}`
  if (to === undefined) return ""
  return from === undefined ? `to ${short(to)} only` : "to you only"
}

/** @category constructors */
export const make = (list: HTMLElement): Log => {
  // The newest entry stays in sight, unless somebody reads further up.
  let follows = true
  const follow = () => {
    if (follows) list.scrollTop = list.scrollHeight
  }
  list.addEventListener("scroll", () => {
    follows = list.scrollHeight - list.scrollTop - list.clientHeight < 80
  })
  new ResizeObserver(follow).observe(list)

  const add = (entry: HTMLElement) => {
    list.append(entry)
    while (list.childElementCount > capacity) list.firstElementChild?.remove()
    follow()
  }

  return {
    message(message) {
      const { content, from, to } = message
      const remark = Dom.create("span", "remark")
      const sender = from === undefined
        ? Dom.create("span", "from", "You")
        : Dom.colour(Dom.create("span", "from id", short(from)), from)
      if (from !== undefined) sender.title = from
      const time = Dom.create("time", "", clock.format())
      const about = Dom.create("div", "about", sender, time, Dom.create("span", "", audience(message)), remark)
      const kind = `message${from === undefined ? " own" : ""}${to === undefined ? "" : " direct"}`
      add(Dom.create("li", kind, about, Dom.create("div", "text", textOf(content))))
      return (text, kind) => {
        remark.className = kind ?? "remark"
        Dom.setText(remark, text)
      }
    },
    note: (text, kind) => add(Dom.create("li", `note ${kind ?? ""}`, text))
  }
}
