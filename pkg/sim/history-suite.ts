/** The history tests: each workload with many seeds. */
import { expect, test } from 'vitest'
import { historyRun, type WorkloadName } from './history-run.ts'

const seedCount = Number(process.env['LAURA_HISTORY_SEEDS'] ?? 200)
/** In groups, so that a failure does not take all with it. */
const groupCount = 4

export function testHistories(name: WorkloadName): void {
  test.each(Array.from({ length: groupCount }, (_, group) => group))('has no anomaly (group %i)', async (group) => {
    let committed = 0
    let crashes = 0
    for (let seed = 1 + group; seed <= seedCount; seed += groupCount) {
      const report = await historyRun(name, seed)
      committed += report.committed
      crashes += report.crashes
    }
    // It is no history if nothing happened in it.
    expect(committed).toBeGreaterThan(seedCount / groupCount)
    expect(crashes).toBeGreaterThanOrEqual(seedCount / groupCount)
  })
}
