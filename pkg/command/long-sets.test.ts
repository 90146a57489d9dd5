/** Commands whose filters have sets that are made beforehand: what has begun is not done again. */
import { expect, test } from 'vitest'
import { openServer } from './testdata/server.ts'

const values = Array.from({ length: 40_000 }, (_, i) => `value number ${i}`)

test('documents are merged once, whatever is read after them', async () => {
  const server = await openServer()
  await server.run({ insert: 'c', documents: [{ _id: 1 }] })
  await server.run({ insert: 'd', documents: [{ _id: 2, k: values[7] }, { _id: 3 }] })
  await server.run({ create: 'v', viewOn: 'd', pipeline: [{ $match: { k: { $in: values } } }] })
  const documents = [1, 2, 3].map((_id) => ({ _id, n: 0 }))
  await server.run({ insert: 'counts', documents })
  const merge = { into: 'counts', whenMatched: [{ $set: { n: { $add: ['$n', 1] } } }] }
  await server.run({ aggregate: 'c', pipeline: [{ $unionWith: 'v' }, { $merge: merge }], cursor: {} })
  expect(await server.all({ find: 'counts' })).toEqual([
    { _id: 1, n: 1 },
    { _id: 2, n: 1 },
    { _id: 3, n: 0 },
  ])
})

test('statements of one command', async () => {
  const server = await openServer()
  await server.run({ insert: 'c', documents: [0, 1, 2].map((i) => ({ _id: i, k: values[i], n: 0 })) })
  const updates = [values, values.slice(1), values.slice(2)].map((some) => ({
    q: { k: { $in: some } },
    u: { $inc: { n: 1 } },
    multi: true,
  }))
  expect(await server.run({ update: 'c', updates })).toMatchObject({ n: 6, nModified: 6 })
  const query = { k: { $in: values.slice(1, -1) } }
  const change = { findAndModify: 'c', query, sort: { _id: -1 }, update: { $inc: { n: 10 } }, new: true }
  expect(await server.run(change)).toMatchObject({ value: { _id: 2, n: 13 } })
  const pull = [
    { q: { _id: 0 }, u: { $set: { a: [...values.slice(0, 3), 'other'] } } },
    { q: { _id: 0 }, u: { $pull: { a: { $in: values.slice(1) } } } },
  ]
  expect(await server.run({ update: 'c', updates: pull })).toMatchObject({ nModified: 2 })
  expect(await server.run({ delete: 'c', deletes: [{ q: query, limit: 0 }] })).toMatchObject({ n: 2 })
  expect(await server.all({ find: 'c' })).toEqual([{ _id: 0, k: values[0], n: 1, a: [values[0], 'other'] }])
})

test('a cursor goes on when it comes to a filter with one', async () => {
  const server = await openServer()
  await server.run({ insert: 'c', documents: Array.from({ length: 150 }, (_, _id) => ({ _id })) })
  await server.run({ insert: 'd', documents: [{ _id: 'd', k: values[7] }, { _id: 'other' }] })
  await server.run({ create: 'v', viewOn: 'd', pipeline: [{ $match: { k: { $in: values } } }] })
  const found = await server.all({ aggregate: 'c', pipeline: [{ $unionWith: 'v' }], cursor: {} })
  expect(found.map(({ _id }) => _id)).toEqual([...Array.from({ length: 150 }).keys(), 'd'])
})
