/** What bad clients do, what they are ordered, and what they report. */
export const vices = [
  "talk",
  "shout",
  "nonsense",
  "return",
  "announce",
  "tiny",
  "pings",
  "pongs",
  "crumbs",
  "fragments"
] as const
export type Vice = typeof vices[number]

export const isVice = (name: string): name is Vice => vices.some((vice) => vice === name)

export interface SwarmOrder {
  readonly port: number
  readonly bots: number
  /** Messages per second that all of them together would send, if they could. */
  readonly rate: number
  readonly seconds: number
  readonly vices: ReadonlyArray<Vice>
}

export interface SwarmReport {
  /** Messages that they would have sent. */
  readonly offered: number
  /** Messages that the system took from them. */
  readonly written: number
  /** Times that they connected, and of these, times that they were let in. */
  readonly connects: number
  readonly welcomes: number
}
