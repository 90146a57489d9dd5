import { rmSync } from 'node:fs'
import { expect, it } from 'vitest'
import { SeededRandom } from '../../pkg/sim/random.ts'
import { temporaryFolder } from './running-server.ts'
import { DriverHistory } from './testdata/driver-history.ts'

it('six clients of the driver see no anomaly when the server is killed', async () => {
  const dir = temporaryFolder()
  const report = await new DriverHistory(dir, new SeededRandom(1)).run(12, 1)
  rmSync(dir, { recursive: true, force: true })
  expect(report.kills).toBe(1)
  expect(report.committed).toBeGreaterThan(10)
})
