import { rmSync } from 'node:fs'
import { expect, it } from 'vitest'
import { SeededRandom } from '../../pkg/sim/random.ts'
import { KillRun } from './kill-run.ts'
import { temporaryFolder } from './running-server.ts'

it('five kills under eight clients lose no acknowledged write, and show nothing that was not written', async () => {
  const dir = temporaryFolder()
  const run = new KillRun(dir, new SeededRandom(1))
  for (let cycle = 0; cycle < 5; cycle++) await run.cycle()
  await run.finish()
  rmSync(dir, { recursive: true, force: true })
  expect(run.report.cycles).toBe(5)
  expect(run.report.acknowledged).toBeGreaterThan(100)
  expect(run.report.underWay).toBeGreaterThan(10)
})
