import { assert, describe, it } from "@effect/vitest"
import { Duration, Result } from "effect"
import { format, parse } from "../../src/cli/Durations.ts"

const [least, most] = [Duration.millis(100), Duration.hours(1)]
const read = (text: string) => Result.map(parse(text, least, most), Duration.toMillis)

describe("a duration", () => {
  it("is a number with its unit", () => {
    const durations = { "500ms": 500, "5s": 5000, "2.5s": 2500, "0.25m": 15_000, "2m": 120_000, "1h": 3_600_000 }
    for (const [text, millis] of Object.entries(durations)) {
      assert.deepStrictEqual(read(text), Result.succeed(millis), text)
    }
  })

  it("is nothing else", () => {
    const expected = "a number with its unit, ms, s, m or h, such as 500ms, 5s or 2m"
    const others = [
      "",
      "5",
      "s",
      "5 s",
      " 5s",
      "5s ",
      "5S",
      "-5s",
      "+5s",
      "5e3ms",
      "5.s",
      ".5s",
      "0x5s",
      "5sec",
      "5s5s"
    ]
    for (const text of [...others, "Infinity", "NaNs", "1.2345s", "9999999999s", "5s\n", "5toString"]) {
      assert.deepStrictEqual(read(text), Result.fail(expected), text)
    }
  })

  it("is within its bounds", () => {
    for (const text of ["0s", "99ms", "0.099s", "61m", "2h"]) {
      assert.deepStrictEqual(read(text), Result.fail("a duration from 100ms to 1h"), text)
    }
  })

  it("is written in its largest unit that leaves a whole number", () => {
    const millis = [0, 1, 999, 1000, 1500, 60_000, 90_000, 3_600_000, 86_400_000]
    assert.deepStrictEqual(
      millis.map((each) => format(Duration.millis(each))),
      ["0ms", "1ms", "999ms", "1s", "1500ms", "1m", "90s", "1h", "24h"]
    )
  })
})
