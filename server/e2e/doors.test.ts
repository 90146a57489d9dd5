import { expect, it } from 'vitest'
import { SeededRandom } from '../../pkg/sim/random.ts'
import { runDoors } from './doors-world.ts'

it('every door gives the same answers, the same errors and in the end the same data', async () => {
  const seed = Number(process.env['LAURA_SEED'] ?? 20_261_121)
  const { outcomes, states } = await runDoors(new SeededRandom(seed), 300).catch((error: unknown) => {
    throw new Error(`LAURA_SEED=${seed}`, { cause: error })
  })
  const [first, ...others] = states.values()
  expect(first).toMatch(/_id.*_id/s)
  for (const other of others) expect(other).toBe(first)
  // Enough of everything was tried, the errors too.
  for (const kind of ['insertOne', 'updateMany', 'find', 'aggregate', 'DuplicateKey', 'BadValue', 'TypeMismatch'])
    expect([kind, outcomes.get(kind) ?? 0]).toEqual([kind, expect.toSatisfy((n: number) => n > 1)])
})
