import { expect, test } from 'vitest'
import { openServer, type TestServer } from './testdata/server.ts'

function update(server: TestServer, u: unknown, options: object = {}): Promise<Record<string, unknown>> {
  const { command, ...statement } = { command: {}, ...options }
  return server.run({ update: 'c', updates: [{ q: { _id: 1 }, u, ...statement }], ...command })
}

async function withOne(): Promise<TestServer> {
  const server = await openServer()
  await server.run({ insert: 'c', documents: [{ _id: 1, a: 2, b: [1, 2] }] })
  return server
}

test('an update by a pipeline computes from the document, stage after stage', async () => {
  const server = await withOne()
  const pipeline = [
    { $set: { sum: { $add: ['$a', 1] } } },
    { $set: { twice: { $multiply: ['$sum', 2] } } },
    { $unset: 'b' },
  ]
  expect(await update(server, pipeline)).toMatchObject({ n: 1, nModified: 1 })
  expect(await server.all({ find: 'c' })).toEqual([{ _id: 1, a: 2, sum: 3, twice: 6 }])
  expect(await update(server, [{ $set: { a: 2 } }])).toMatchObject({ n: 1, nModified: 0 })
})

test('the _id stays when the stages leave it out, and cannot be changed', async () => {
  const server = await withOne()
  await update(server, [{ $replaceWith: { only: '$a' } }])
  expect(await server.all({ find: 'c' })).toEqual([{ _id: 1, only: 2 }])
  expect(await update(server, [{ $set: { _id: 2 } }])).toMatchObject({ writeErrors: [{ code: 66 }] })
})

test('each of many documents is computed from itself, and let gives variables', async () => {
  const server = await openServer()
  await server.run({ insert: 'c', documents: [1, 2, 3].map((_id) => ({ _id })) })
  const u = [{ $set: { x: { $add: ['$_id', '$$plus'] } } }]
  await server.run({ update: 'c', updates: [{ q: {}, u, multi: true }], let: { plus: 10 } })
  expect(await server.all({ find: 'c' })).toEqual([1, 2, 3].map((_id) => ({ _id, x: _id + 10 })))
})

test('constants of a statement go before the variables of let, and only pipelines have them', async () => {
  const server = await withOne()
  const u = [{ $set: { x: '$$v' } }]
  await server.run({ update: 'c', updates: [{ q: {}, u, c: { v: 'own' } }], let: { v: 'shared' } })
  expect(await server.all({ find: 'c', projection: { x: 1 } })).toEqual([{ _id: 1, x: 'own' }])
  const refused = { update: 'c', updates: [{ q: {}, u: { $set: { x: 1 } }, c: { v: 1 } }] }
  expect(await server.run(refused)).toMatchObject({ writeErrors: [{ code: 51198 }] })
})

test('an upsert runs the stages over what the filter says', async () => {
  const server = await openServer()
  const u = [{ $set: { b: { $add: ['$a', 1] } } }]
  await server.run({ update: 'c', updates: [{ q: { _id: 7, a: 1 }, u, upsert: true }] })
  expect(await server.all({ find: 'c' })).toEqual([{ _id: 7, a: 1, b: 2 }])
})

test('findAndModify gives the new document', async () => {
  const server = await withOne()
  const reply = await server.run({ findAndModify: 'c', query: { _id: 1 }, update: [{ $project: { a: 1 } }], new: true })
  expect(reply).toMatchObject({ value: { _id: 1, a: 2 } })
})

test.each([
  [[{ $match: { a: 1 } }], {}, 72],
  [[{ $set: { a: '$$nobody' } }], {}, 17276],
  [[{ $set: 1 }], {}, 40272],
  [[1], {}, 14],
  [[{ $set: { a: 1 } }], { arrayFilters: [{ i: 1 }] }, 9],
])('the pipeline %j with %j is refused with %d', async (u, options, code) => {
  const server = await withOne()
  const reply = await server.reply({ update: 'c', updates: [{ q: { _id: 1 }, u, ...options }] })
  expect(reply['ok'] === 1 ? (reply['writeErrors'] as object[])[0] : reply).toMatchObject({ code })
})
