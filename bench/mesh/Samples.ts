/** What was measured, by name: numbers to be put together with those of other runs. */

export type Samples = Readonly<Record<string, ReadonlyArray<number>>>

/** All that was measured in several runs. */
export const merge = (all: ReadonlyArray<Samples>): Samples => {
  const merged: Record<string, ReadonlyArray<number>> = {}
  for (const samples of all) {
    for (const [name, values] of Object.entries(samples)) merged[name] = [...(merged[name] ?? []), ...values]
  }
  return merged
}

export const sum = (values: ReadonlyArray<number>) => values.reduce((total, value) => total + value, 0)
export const mean = (values: ReadonlyArray<number>) => sum(values) / values.length
export const most = (values: ReadonlyArray<number>) => values.reduce((a, b) => Math.max(a, b), -Infinity)
export const least = (values: ReadonlyArray<number>) => values.reduce((a, b) => Math.min(a, b), Infinity)
export const percent = (share: number) => `${(100 * share).toFixed(2)} %`
export const seconds = (millis: number) => `${(millis / 1000).toFixed(2)} s`
