import { ObjectId, Timestamp } from 'bson'
import { expect, test } from 'vitest'
import { openServer } from './testdata/server.ts'

test('documents are inserted, found, counted, changed and removed', async () => {
  const server = await openServer()
  const documents = [{ _id: 1, a: 1 }, { _id: 2, a: 2 }, { a: 3 }]
  expect(await server.run({ insert: 'c', ordered: true }, { documents })).toEqual({ n: 3, ok: 1 })
  expect(await server.all({ find: 'c', filter: { a: { $lte: 2 } }, sort: { a: -1 } })).toEqual([
    { _id: 2, a: 2 },
    { _id: 1, a: 1 },
  ])
  const [third] = await server.all({ find: 'c', filter: { a: 3 } })
  expect(third!['_id']).toBeInstanceOf(ObjectId)
  expect(await server.all({ find: 'c', skip: 1, limit: 1, projection: { _id: 0 } })).toEqual([{ a: 2 }])
  expect(await server.run({ count: 'c', query: { a: { $gt: 1 } } })).toEqual({ n: 2, ok: 1 })
  expect(await server.run({ count: 'c', limit: -1 })).toEqual({ n: 1, ok: 1 })
  expect(await server.run({ distinct: 'c', key: 'a' })).toEqual({ values: [1, 2, 3], ok: 1 })
  const updates = [
    { q: { _id: 1 }, u: { $set: { b: 1 } } },
    { q: {}, u: { $inc: { a: 10 } }, multi: true },
  ]
  expect(await server.run({ update: 'c', updates })).toEqual({ n: 4, nModified: 4, ok: 1 })
  expect(
    await server.run({
      delete: 'c',
      deletes: [
        { q: { a: { $gt: 11 } }, limit: 1 },
        { q: { _id: 99 }, limit: 1 },
      ],
    }),
  ).toEqual({ n: 1, ok: 1 })
  expect(await server.run({ delete: 'c', deletes: [{ q: {}, limit: 0 }] })).toEqual({ n: 2, ok: 1 })
  expect((await server.engine.check()).problems).toEqual([])
})

test('an update that changes nothing matches and does not modify', async () => {
  const server = await openServer()
  await server.run({ insert: 'c', documents: [{ _id: 1, a: 1 }] })
  expect(await server.run({ update: 'c', updates: [{ q: { _id: 1 }, u: { $set: { a: 1 } } }] })).toEqual({
    n: 1,
    nModified: 0,
    ok: 1,
  })
})

test('an upsert inserts what the filter and the update say, and tells the _id', async () => {
  const server = await openServer()
  const updates = [
    { q: { _id: 5, a: 1 }, u: { $set: { b: 2 } }, upsert: true },
    { q: { a: 1 }, u: { $inc: { b: 1 } }, upsert: true },
    { q: { x: 1 }, u: { y: 1 }, upsert: true },
  ]
  const reply = await server.run({ update: 'c', updates })
  expect(reply).toMatchObject({ n: 3, nModified: 1, upserted: [{ index: 0, _id: 5 }, { index: 2 }] })
  expect(await server.all({ find: 'c', projection: { y: 1, b: 1, _id: 0 } })).toEqual([{ b: 3 }, { y: 1 }])
})

test('an ordered batch stops at its first error, an unordered one goes on', async () => {
  const server = await openServer()
  const documents = [{ _id: 1 }, { _id: 1 }, { _id: 2 }, { _id: [3] }, { _id: 4 }]
  const ordered = await server.run({ insert: 'a', documents })
  expect(ordered).toMatchObject({ n: 1, ok: 1 })
  expect(ordered['writeErrors']).toEqual([
    {
      index: 1,
      code: 11000,
      keyPattern: { _id: 1 },
      keyValue: { _id: 1 },
      errmsg: 'E11000 duplicate key error collection: test.a index: _id_ dup key: { _id: 1 }',
    },
  ])
  const unordered = await server.run({ insert: 'b', ordered: false, documents })
  expect(unordered).toMatchObject({
    n: 3,
    writeErrors: [
      { index: 1, code: 11000 },
      { index: 3, code: 53 },
    ],
  })
  expect(await server.run({ count: 'b' })).toMatchObject({ n: 3 })
})

test('a statement that is wrong in itself is an error of that statement alone', async () => {
  const server = await openServer()
  await server.run({ insert: 'c', documents: [{ _id: 1 }] })
  const updates = [
    { q: { _id: 1 }, u: { $bad: { a: 1 } } },
    { q: {}, u: { a: 1 }, multi: true },
    { q: { $what: 1 }, u: { $set: { a: 1 } } },
    { q: { _id: 1 }, u: { $set: { a: 1 } } },
  ]
  const reply = await server.run({ update: 'c', ordered: false, updates })
  expect(reply).toMatchObject({
    n: 1,
    nModified: 1,
    writeErrors: [
      { index: 0, code: 9 },
      { index: 1, code: 9 },
      { index: 2, code: 2 },
    ],
  })
})

test('findAndModify returns the document before or after, projected, and says what happened', async () => {
  const server = await openServer()
  await server.run({
    insert: 'c',
    documents: [
      { _id: 1, a: 1 },
      { _id: 2, a: 2 },
    ],
  })
  const fam = (command: object) => server.run({ findAndModify: 'c', ...command })
  expect(await fam({ query: { _id: 1 }, update: { $inc: { a: 1 } } })).toEqual({
    lastErrorObject: { n: 1, updatedExisting: true },
    value: { _id: 1, a: 1 },
    ok: 1,
  })
  expect(
    await fam({ sort: { _id: -1 }, update: { $inc: { a: 5 } }, new: true, fields: { a: 1, _id: 0 } }),
  ).toMatchObject({ value: { a: 7 } })
  expect(await fam({ query: { _id: 3 }, update: { $set: { z: 1 } }, upsert: true })).toEqual({
    lastErrorObject: { n: 1, updatedExisting: false, upserted: 3 },
    value: null,
    ok: 1,
  })
  expect(await fam({ query: { _id: 9 }, update: { $set: { z: 1 } } })).toEqual({
    lastErrorObject: { n: 0, updatedExisting: false },
    value: null,
    ok: 1,
  })
  expect(await fam({ query: { _id: 2 }, remove: true })).toEqual({
    lastErrorObject: { n: 1 },
    value: { _id: 2, a: 7 },
    ok: 1,
  })
  expect(await server.reply({ findAndModify: 'c', remove: true, new: true })).toMatchObject({ code: 9 })
  expect(await server.reply({ findAndModify: 'c' })).toMatchObject({ code: 9 })
})

test('bulkWrite works over several collections and reports each operation', async () => {
  const server = await openServer()
  const ops = [
    { insert: 0, document: { _id: 1, a: 1 } },
    { insert: 1, document: { _id: 1 } },
    { update: 0, filter: { _id: 1 }, updateMods: { $set: { a: 2 } } },
    { insert: 1, document: { _id: 1 } },
    { update: 1, filter: { _id: 7 }, updateMods: { $set: { b: 1 } }, upsert: true },
    { delete: 0, filter: {}, multi: true },
  ]
  const nsInfo = [{ ns: 'test.a' }, { ns: 'other.b' }]
  const reply = await server.run({ bulkWrite: 1, ordered: false, $db: 'admin' }, { ops, nsInfo })
  expect(reply).toMatchObject({ nErrors: 1, nInserted: 2, nMatched: 1, nModified: 1, nUpserted: 1, nDeleted: 1 })
  expect(reply['cursor']).toMatchObject({
    firstBatch: [
      { ok: 1, idx: 0, n: 1 },
      { ok: 1, idx: 1, n: 1 },
      { ok: 1, idx: 2, n: 1, nModified: 1 },
      { ok: 0, idx: 3, code: 11000 },
      { ok: 1, idx: 4, n: 1, upserted: { _id: 7 } },
      { ok: 1, idx: 5, n: 1 },
    ],
  })
})

test('aggregate runs pipelines and leaves a cursor', async () => {
  const server = await openServer()
  await server.run({ insert: 'c', documents: Array.from({ length: 30 }, (_, i) => ({ _id: i, k: i % 3 })) })
  const groups = await server.all({
    aggregate: 'c',
    pipeline: [{ $match: { _id: { $lt: 10 } } }, { $group: { _id: '$k', n: { $sum: 1 } } }, { $sort: { _id: 1 } }],
    cursor: {},
  })
  expect(groups).toEqual([
    { _id: 0, n: 4 },
    { _id: 1, n: 3 },
    { _id: 2, n: 3 },
  ])
  expect(
    await server.all({ aggregate: 'c', pipeline: [{ $sort: { _id: 1 } }], cursor: { batchSize: 4 } }),
  ).toHaveLength(30)
  expect(await server.reply({ aggregate: 'c', pipeline: [] })).toMatchObject({ code: 9 })
})

test('explain shows the plan and, when asked, what it took', async () => {
  const server = await openServer()
  await server.run({ insert: 'c', documents: Array.from({ length: 10 }, (_, i) => ({ _id: i, a: i })) })
  await server.run({ createIndexes: 'c', indexes: [{ key: { a: 1 }, name: 'a_1' }] })
  const explained = await server.run({
    explain: { find: 'c', filter: { a: { $gte: 7 } } },
    verbosity: 'executionStats',
  })
  expect(explained).toMatchObject({
    queryPlanner: { namespace: 'test.c', winningPlan: { inputStage: { stage: 'IXSCAN', indexName: 'a_1' } } },
    executionStats: { nReturned: 3, totalDocsExamined: 3 },
  })
  const planned = await server.run({
    explain: { update: 'c', updates: [{ q: { _id: 1 }, u: {} }] },
    verbosity: 'queryPlanner',
  })
  expect(planned).toMatchObject({ queryPlanner: { winningPlan: { stage: 'UPDATE' } } })
  expect(planned).not.toHaveProperty('executionStats')
})

test.each([
  [{ count: 'c', query: { a: { $lt: 4 } }, skip: 1 }, 0, { stage: 'COUNT', nCounted: 3, nSkipped: 1 }],
  [{ delete: 'c', deletes: [{ q: { a: { $lt: 4 } }, limit: 0 }] }, 0, { stage: 'DELETE', nWouldDelete: 4 }],
  [
    { update: 'c', updates: [{ q: { a: { $lt: 4 } }, u: { $set: { b: 1 } }, multi: true }] },
    0,
    { stage: 'UPDATE', nMatched: 4, nWouldModify: 4, nWouldUpsert: 0 },
  ],
  [
    { update: 'c', updates: [{ q: { a: 77 }, u: { $set: { b: 1 } }, upsert: true }] },
    0,
    { stage: 'UPDATE', nMatched: 0, nWouldModify: 0, nWouldUpsert: 1 },
  ],
  [{ findAndModify: 'c', query: { a: 3 }, remove: true }, 1, { stage: 'DELETE', nReturned: 1, nWouldDelete: 1 }],
  [{ findAndModify: 'c', query: { a: 3 }, update: { $set: { b: 1 } } }, 1, { stage: 'UPDATE', nWouldModify: 1 }],
])('explain tells what %j would do, and does nothing', async (explain, nReturned, executionStages) => {
  const server = await openServer()
  await server.run({ insert: 'c', documents: Array.from({ length: 10 }, (_, i) => ({ _id: i, a: i })) })
  const reply = await server.run({ explain, verbosity: 'executionStats' })
  expect(reply).toMatchObject({ executionStats: { nReturned, executionStages } })
  expect(await server.run({ count: 'c', query: { b: { $exists: false } } })).toMatchObject({ n: 10 })
})

test.each([
  [{ insert: 'c', documents: [{}] }, 20, 'Cannot explain cmd: insert'],
  [{ explain: { find: 'c' } }, 20, 'Cannot explain cmd: explain'],
  [{ nothing: 1 }, 59, /nothing/],
  [{ find: 'c', $db: 'other' }, 73, /Mismatched .* Expected test but got other/],
  [{ find: 'c', $db: 1 }, 14, /\$db/],
])('explain of %j is refused with %d', async (explain, code, message) => {
  const server = await openServer()
  const reply = await server.reply({ explain })
  expect(reply).toMatchObject({ code, errmsg: expect.stringMatching(message) })
})

const bulkUpdate = { update: 0, filter: {}, updateMods: { $set: { a: 1 } } }

test.each([
  [{ ...bulkUpdate, multi: 1 }, {}, 14],
  [{ ...bulkUpdate, upsert: 1 }, {}, 14],
  [{ delete: 0, filter: {}, multi: 0 }, {}, 14],
  [{ ...bulkUpdate, updateMods: 1 }, {}, 9],
  [{ ...bulkUpdate, updateMods: [1] }, {}, 14],
  [{ ...bulkUpdate, hint: 1 }, {}, 9],
  [{ delete: 0, filter: {}, hint: [] }, {}, 9],
  [bulkUpdate, { errorsOnly: 1 }, 14],
  [bulkUpdate, { stmtIds: [1, 2] }, 16],
])('bulkWrite of %j with %j is refused as a whole with %d', async (operation, options, code) => {
  const server = await openServer()
  const command = { bulkWrite: 1, ops: [operation], nsInfo: [{ ns: 'test.c' }], ...options, $db: 'admin' }
  expect(await server.reply(command)).toMatchObject({ code })
})

test('bulkWrite updates no more than one document where it is told in which order to look', async () => {
  const server = await openServer()
  const ops = [{ ...bulkUpdate, multi: true, sort: { a: 1 } }]
  const reply = await server.run({ bulkWrite: 1, ops, nsInfo: [{ ns: 'test.c' }], $db: 'admin' })
  expect(reply).toMatchObject({ nErrors: 1, cursor: { firstBatch: [{ ok: 0, code: 9 }] } })
})

test('empty timestamps are filled in where a document is inserted or replaced, and nowhere else', async () => {
  const empty = new Timestamp(0n)
  const fields = { a: empty, b: { c: empty }, d: [empty] }
  const written = async (command: Record<string, unknown>): Promise<boolean> => {
    const server = await openServer()
    await server.run({ insert: 'c', documents: [{ _id: 1 }] })
    await server.run(command)
    const [found] = await server.all({ find: 'c', filter: { b: { $exists: true } } })
    const { a, b, d } = found as unknown as typeof fields
    expect([b.c, d[0]]).toEqual([empty, empty])
    return !a.equals(empty)
  }
  const bypassEmptyTsReplacement = true
  const insert = { insert: 'c', documents: [fields] }
  const replace = { update: 'c', updates: [{ q: { _id: 1 }, u: fields }] }
  const replaceNew = { update: 'c', updates: [{ q: { _id: 2 }, u: fields, upsert: true }] }
  const replaceShown = { findAndModify: 'c', query: { _id: 1 }, update: fields }
  for (const command of [insert, replace, replaceNew, replaceShown]) {
    expect(await written(command)).toBe(true)
    expect(await written({ ...command, bypassEmptyTsReplacement })).toBe(false)
  }
  const set = { update: 'c', updates: [{ q: { _id: 1 }, u: { $set: fields } }] }
  const setNew = { update: 'c', updates: [{ q: { _id: 2 }, u: { $set: fields }, upsert: true }] }
  const setShown = { findAndModify: 'c', query: { _id: 2, ...fields }, update: { $set: { e: 1 } }, upsert: true }
  for (const command of [set, setNew, setShown]) expect(await written(command)).toBe(false)
})
