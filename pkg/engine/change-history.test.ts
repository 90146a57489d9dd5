import { expect, test } from 'vitest'
import { countOperations, crashRun } from '../sim/crash-run.ts'
import { smallEngine } from '../sim/engine-workload.ts'

test.each([
  ['all of it kept', { oplogSizeBytes: 64 * 1024 * 1024 }, 41],
  ['the oldest of it let go', { oplogSizeBytes: 40 * 1024 }, 42],
  ['hardly any of it kept', { oplogSizeBytes: 0 }, 43],
])('the change history tells after a crash at any disk operation what happened, with %s', async (_, kept, seed) => {
  const engine = { ...smallEngine, changeHistory: 'on' as const, ...kept }
  const options = { steps: 60, images: 2, engine }
  const operations = await countOperations(seed, options)
  let taken = 0
  for (let at = 1; at <= operations; at++) taken += (await crashRun(seed, at, options)).images
  expect(taken).toBeGreaterThan(100)
})
