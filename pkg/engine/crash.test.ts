import { expect, test } from 'vitest'
import { countOperations, crashRun } from '../sim/crash-run.ts'
import { smallEngine } from '../sim/engine-workload.ts'

/** Seeds times crash points times images: at least 20,000 crash images over the four tests. */
const seedsPerTest = 4
const images = 12

/** By group: transactions spill at once, when they are larger than most, or not at all. */
const transactionMemoryBytes = [0, 1500, 1500, 2 ** 20]

for (const group of [0, 1, 2, 3]) {
  test(`every acknowledged write survives a crash at each disk operation in turn (group ${group})`, {
    timeout: 480_000,
  }, async () => {
    let taken = 0
    let second = 0
    for (let seed = 1 + group * seedsPerTest; seed <= (group + 1) * seedsPerTest; seed++) {
      const engine = { ...smallEngine, transactionMemoryBytes: transactionMemoryBytes[group]!, commitSliceEntries: 2 }
      const options = { steps: 90, images, engine }
      const operations = await countOperations(seed, options)
      for (let at = 1; at <= operations; at++) {
        const report = await crashRun(seed, at, options)
        taken += report.images
        second += report.secondCrashes
      }
    }
    expect(taken).toBeGreaterThan(5000)
    expect(second).toBeGreaterThan(100)
  })
}
