import { expect, test } from 'vitest'
import { SeededRandom } from '../sim/random.ts'
import { openServer } from './testdata/server.ts'

interface Row {
  _id: number
  a: number
  b?: number
}

/** What the commands should do, done to a map. */
class Model {
  readonly rows = new Map<number, Row>()

  matching(low: number): Row[] {
    return [...this.rows.values()].filter((row) => row.a >= low)
  }
}

test.each([
  [1, 0],
  [2, 0],
  [3, 0.4],
  [4, 1.5],
])('random commands leave what a model says (seed %d, %d ms a look at the clock)', async (seed, tickMs) => {
  const random = new SeededRandom(seed)
  const server = await openServer({ seed, tickMs })
  const model = new Model()
  await server.run({ createIndexes: 'c', indexes: [{ key: { a: 1 }, name: 'a_1' }] })
  for (let step = 0; step < 150; step++) {
    const low = random.integer(100)
    switch (random.integer(6)) {
      case 0: {
        const documents = Array.from({ length: random.integer(40) + 1 }, () => ({
          _id: random.integer(400),
          a: random.integer(100),
        }))
        const fresh = documents.filter(
          (row, i) => !model.rows.has(row._id) && documents.findIndex((d) => d._id === row._id) === i,
        )
        const reply = await server.run({ insert: 'c', ordered: false, documents })
        expect(reply['n']).toBe(fresh.length)
        for (const row of fresh) model.rows.set(row._id, { ...row })
        break
      }
      case 1: {
        const matching = model.matching(low)
        const updates = [{ q: { a: { $gte: low } }, u: { $inc: { a: -1 }, $set: { b: step } }, multi: true }]
        const reply = await server.run({ update: 'c', updates })
        expect([reply['n'], reply['nModified']]).toEqual([matching.length, matching.length])
        for (const row of matching) {
          row.a--
          row.b = step
        }
        break
      }
      case 2: {
        const _id = random.integer(400)
        const row = model.rows.get(_id)
        const reply = await server.run({
          update: 'c',
          updates: [{ q: { _id }, u: { $set: { a: low } }, upsert: true }],
        })
        expect(reply['n']).toBe(1)
        if (row === undefined) model.rows.set(_id, { _id, a: low })
        else row.a = low
        break
      }
      case 3: {
        const matching = low > 70 ? model.matching(low) : []
        const deletes = [{ q: low > 70 ? { a: { $gte: low } } : { a: -1000 }, limit: 0 }]
        expect(await server.run({ delete: 'c', deletes })).toEqual({ n: matching.length, ok: 1 })
        for (const row of matching) model.rows.delete(row._id)
        break
      }
      case 4: {
        const first = model.matching(low).sort((x, y) => x.a - y.a || x._id - y._id)[0]
        const reply = await server.run({
          findAndModify: 'c',
          query: { a: { $gte: low } },
          sort: { a: 1, _id: 1 },
          update: { $set: { a: 50 } },
        })
        expect((reply['value'] as Row | null)?._id).toBe(first?._id)
        if (first !== undefined) first.a = 50
        break
      }
      default: {
        const reply = await server.run({ count: 'c', query: { a: { $gte: low } } })
        expect(reply['n']).toBe(model.matching(low).length)
      }
    }
  }
  const found = await server.all({ find: 'c', sort: { _id: 1 }, batchSize: 7 })
  expect(found).toEqual([...model.rows.values()].sort((x, y) => x._id - y._id))
  expect((await server.engine.check()).problems).toEqual([])
  expect(server.engine.statistics().openSnapshotCount).toBe(0)
})
