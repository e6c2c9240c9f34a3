import { defineConfig } from "vitest/config"

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    exclude: ["test/package/**"],
    // Bounds for what hangs, not for what is slow: a machine may be busy.
    testTimeout: 120_000,
    hookTimeout: 60_000
  }
})
