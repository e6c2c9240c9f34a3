import { defineConfig } from "vitest/config"

export default defineConfig({
  test: {
    include: ["test/package/**/*.test.ts"],
    testTimeout: 60_000,
    // A pack builds everything, and an install may download it.
    hookTimeout: 300_000
  }
})
