import { afterEach, beforeEach, expect, test } from 'vitest'
import { openServer, type TestServer } from './testdata/server.ts'

type Document = Record<string, unknown>

let server: TestServer

beforeEach(async () => {
  server = await openServer({ engine: { vacuumEntries: 100_000, vacuumRestMs: 3_600_000 } })
})

afterEach(() => {
  server.world.clock.stop()
})

const set = (parameters: Document): Promise<Document> => server.reply({ setParameter: 1, ...parameters, $db: 'admin' })

/** Versions that only vacuum drops: more are superseded beside a reader than writes clear away behind it. */
async function leaveVersions(): Promise<void> {
  const { cursor } = await server.run({ find: 'c', batchSize: 1 })
  for (let i = 0; i < 2; i++)
    await server.run({ update: 'c', updates: [{ q: {}, u: { $inc: { n: 1 } }, multi: true }] })
  await server.run({ killCursors: 'c', cursors: [(cursor as Document)['id']] })
}

test('when vacuum works is shown, and can be set while the server runs', async () => {
  const names = { vacuumIntervalMillis: 1, vacuumEntries: 1, vacuumSharePercent: 1, vacuumRestMillis: 1 }
  expect(await server.run({ getParameter: 1, ...names, $db: 'admin' })).toMatchObject({
    vacuumIntervalMillis: 1000,
    vacuumEntries: 100_000,
    vacuumSharePercent: 10,
    vacuumRestMillis: 3_600_000,
  })
  await server.run({ insert: 'c', documents: Array.from({ length: 3000 }, (_, _id) => ({ _id, n: 0 })) })
  // The first sweep of a map comes whatever is set.
  await leaveVersions()
  await server.world.clock.sleep(30_000)
  const before = server.engine.statistics().vacuumedEntryCount
  await leaveVersions()
  await server.world.clock.sleep(60_000)
  expect(server.engine.statistics().vacuumedEntryCount).toBe(before)
  expect(await set({ vacuumEntries: 500 })).toMatchObject({ ok: 1, was: 100_000 })
  await server.world.clock.sleep(5000)
  expect(server.engine.statistics().vacuumedEntryCount).toBeGreaterThan(before + 1000)
  expect(server.engine.vacuumSettings).toMatchObject({ vacuumEntries: 500, vacuumShare: 0.1 })
})

test.each([{ vacuumIntervalMillis: 0 }, { vacuumEntries: 0 }, { vacuumSharePercent: 101 }, { vacuumRestMillis: -1 }])(
  '%j is refused',
  async (parameter) => {
    expect(await set(parameter)).toMatchObject({ ok: 0, codeName: 'BadValue' })
  },
)
