import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['{pkg,server,clients,bench,scripts}/**/*.test.ts'],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    maxWorkers: 2,
  },
})
