import { expect, test } from 'vitest'
import { openServer } from './testdata/server.ts'

test('an index becomes unique in two steps, and tells which documents are in the way', async () => {
  const server = await openServer({ tickMs: 1 })
  const documents = Array.from({ length: 200 }, (_, i) => ({ _id: i, a: i }))
  await server.run({ insert: 'c', documents })
  await server.run({
    insert: 'c',
    documents: [
      { _id: 'x', a: 7 },
      { _id: 'y', a: 7 },
      { _id: 'z', a: 150 },
    ],
  })
  await server.run({ createIndexes: 'c', indexes: [{ key: { a: 1 }, name: 'a' }] })
  const change = (index: object, options: object = {}) =>
    server.reply({ collMod: 'c', index: { name: 'a', ...index }, ...options })
  expect(await change({ unique: true })).toMatchObject({ code: 72 })
  expect(await change({ prepareUnique: true })).toMatchObject({ prepareUnique_old: false, prepareUnique_new: true })
  expect(await server.reply({ insert: 'c', documents: [{ _id: 300, a: 3 }] })).toMatchObject({
    writeErrors: [{ code: 11000 }],
  })
  const refused = { code: 359, violations: [{ ids: [7, 'x', 'y'] }, { ids: [150, 'z'] }] }
  expect(await change({ unique: true })).toMatchObject(refused)
  expect(await change({ unique: true }, { dryRun: true })).toMatchObject(refused)
  await server.run({ delete: 'c', deletes: [{ q: { _id: { $type: 'string' } }, limit: 0 }] })
  expect(await change({ unique: true }, { dryRun: true })).toMatchObject({ ok: 1 })
  expect((await server.all({ listIndexes: 'c' }))[1]).not.toHaveProperty('unique')
  expect(await change({ unique: true })).toMatchObject({ ok: 1, unique_new: true })
  expect((await server.all({ listIndexes: 'c' }))[1]).toMatchObject({ name: 'a', unique: true })
})

test('a $merge that meets a document tells its key', async () => {
  const server = await openServer()
  await server.run({ insert: 'c', documents: [{ _id: 1 }, { _id: 2 }] })
  const pipeline = [{ $documents: [{ _id: 2, x: 1 }] }, { $merge: { into: 'c', whenMatched: 'fail' } }]
  expect(await server.reply({ aggregate: 1, pipeline, cursor: {} })).toMatchObject({
    code: 11000,
    keyPattern: { _id: 1 },
    keyValue: { _id: 2 },
  })
})

test('an expiry that stays is told as one that changes, and a wildcard index has none', async () => {
  const server = await openServer()
  const indexes = [
    { key: { a: 1 }, name: 'a', expireAfterSeconds: 100 },
    { key: { '$**': 1 }, name: 'w' },
  ]
  await server.run({ createIndexes: 'c', indexes })
  const expire = (name: string) => server.reply({ collMod: 'c', index: { name, expireAfterSeconds: 100 } })
  expect(await expire('a')).toMatchObject({ ok: 1, expireAfterSeconds_old: 100, expireAfterSeconds_new: 100 })
  expect(await expire('w')).toMatchObject({ code: 72 })
})
