import { defineConfig } from "vitest/config"

const conditions = ["homing-source", "node", "import", "module", "default"]

/** Tests with processes, WebRTC and browsers: one file at a time, so that none starves another of the processor. */
const heavy = [
  "test/e2e/**/*.test.ts",
  "test/runtime/MeshClient.test.ts",
  "test/browser/**/*.test.ts",
  "test/readme.test.ts"
]

export default defineConfig({
  // The examples import the package by its name, as anybody does; here that is its source.
  resolve: { conditions },
  ssr: { resolve: { conditions, externalConditions: conditions } },
  test: {
    // Bounds for what hangs, not for what is slow: a machine may be busy.
    testTimeout: 120_000,
    hookTimeout: 60_000,
    projects: [
      {
        extends: true,
        test: {
          name: "unit",
          include: ["test/**/*.test.ts"],
          exclude: [...heavy, "test/package/**"],
          maxWorkers: "100%",
          sequence: { groupOrder: 0 }
        }
      },
      {
        extends: true,
        test: { name: "e2e", include: heavy, fileParallelism: false, maxWorkers: 1, sequence: { groupOrder: 1 } }
      }
    ]
  }
})
