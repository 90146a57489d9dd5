/** Collections and indexes that are dropped, renamed and made anew while commands that had to pause still work on them. */
import { expect, test } from 'vitest'
import { openServer } from './testdata/server.ts'

const commands: Record<string, Record<string, unknown>> = {
  find: { find: 'c', filter: { x: 99 } },
  'find by index': { find: 'c', filter: { a: { $gte: 0 }, x: 99 }, hint: 'a_1' },
  sort: { find: 'c', sort: { x: 1 } },
  count: { count: 'c', query: { x: 99 } },
  'count by index': { count: 'c', query: { a: { $gt: 1 } }, hint: 'a_1' },
  distinct: { distinct: 'c', key: 'x' },
  aggregate: { aggregate: 'c', pipeline: [{ $group: { _id: '$x', n: { $sum: 1 } } }], cursor: {} },
  'update many': { update: 'c', updates: [{ q: {}, u: { $inc: { b: 1 } }, multi: true }] },
  'update by index': {
    update: 'c',
    updates: [{ q: { a: { $gte: 0 } }, u: { $inc: { b: 1 } }, multi: true, hint: 'a_1' }],
  },
  'update one': { update: 'c', updates: [{ q: { x: 1999 }, u: { $inc: { b: 1 } } }] },
  delete: { delete: 'c', deletes: [{ q: {}, limit: 0 }] },
  findAndModify: { findAndModify: 'c', query: { x: 1999 }, update: { $inc: { b: 1 } } },
  createIndexes: { createIndexes: 'c', indexes: [{ key: { x: 1 }, name: 'x_1' }] },
  validate: { validate: 'c' },
}

const drops: Record<string, Record<string, unknown>[]> = {
  drop: [{ drop: 'c' }],
  'drop and create': [{ drop: 'c' }, { insert: 'c', documents: [{ _id: 'new', a: 1, x: 99 }] }],
  dropDatabase: [{ dropDatabase: 1 }],
  rename: [{ renameCollection: 'test.c', to: 'test.moved', $db: 'admin' }],
  'rename over it': [{ renameCollection: 'test.other', to: 'test.c', dropTarget: true, $db: 'admin' }],
  dropIndexes: [{ dropIndexes: 'c', index: '*' }],
}

test.for(Object.keys(commands).flatMap((command) => Object.keys(drops).map((drop) => ({ command, drop }))))(
  '$drop during $command harms nobody',
  async ({ command, drop }) => {
    const defects: unknown[] = []
    const server = await openServer({ tickMs: 2, onInternalError: (error) => defects.push(error) })
    const other = server.connect(2)
    const documents = Array.from({ length: 2000 }, (_, i) => ({ _id: i, a: i % 7, x: i }))
    await server.run({ insert: 'c', documents })
    await server.run({ insert: 'other', documents: documents.slice(0, 300) })
    await server.run({ createIndexes: 'c', indexes: [{ key: { a: 1 }, name: 'a_1' }] })
    for (const pauses of [1, 3]) {
      const running = server.reply(commands[command]!)
      for (let i = 0; i < pauses; i++) await server.world.clock.yield()
      for (const each of drops[drop]!) await other.reply(each)
      // What comes into the place of the pages that became free.
      await other.run({ insert: `later${pauses}`, documents: documents.slice(0, 500) })
      const reply = await running
      if (reply['ok'] !== 1)
        expect(reply['codeName'], String(reply['errmsg'])).not.toMatch(/InternalError|DataCorruption/)
      expect(await other.run({ count: `later${pauses}`, query: { x: { $gte: 0 } } })).toMatchObject({ n: 500 })
    }
    expect(defects).toEqual([])
    server.database.cursors.killWhere(() => true)
    await server.world.clock.sleep(3000)
    expect(server.engine.statistics().openSnapshotCount).toBe(0)
    expect((await server.engine.check()).problems).toEqual([])
    expect(server.engine.isFailed).toBe(false)
    await server.engine.close()
  },
)
