/** The few things that this page asks of the document. */

/** The element with an id. The page's own HTML has it, so that its absence is a mistake of ours. @category getters */
export const find = <E extends HTMLElement>(id: string, kind: new() => E): E => {
  const element = document.getElementById(id)
  if (element instanceof kind) return element
  throw new TypeError(`index.html has no ${kind.name} with the id ${id}`)
}

/**
 * A new element. Text only ever becomes a text node, so that what a stranger wrote stays text.
 *
 * @category constructors
 */
export const create = <Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  className: string,
  ...children: ReadonlyArray<string | Node>
): HTMLElementTagNameMap[Tag] => {
  const element = document.createElement(tag)
  element.className = className
  element.append(...children)
  return element
}

/** Sets a text, unless it is there already: a live region would say it again. @category combinators */
export const setText = (element: HTMLElement, text: string): void => {
  if (element.textContent !== text) element.textContent = text
}

/** Gives an element the colour that belongs to an id of hexadecimal digits. @category combinators */
export const colour = <E extends HTMLElement>(element: E, id: string): E => {
  element.style.setProperty("--hue", String(Number.parseInt(id.slice(0, 6), 16) % 360))
  return element
}

/** Runs `act` whenever a form is submitted, which then goes nowhere. @category listeners */
export const onSubmit = (form: HTMLFormElement, act: () => void): void =>
  form.addEventListener("submit", (event) => {
    event.preventDefault()
    act()
  })
