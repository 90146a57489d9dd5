/** Statements of transactions that change a document of more index entries than are written in one turn. */
import { Long, UUID } from 'bson'
import { expect, test } from 'vitest'
import { openServer } from './testdata/server.ts'

type Document = Record<string, unknown>

const numbers = Array.from({ length: 5000 }, (_, i) => i)

test.each<[string, Document, number[]]>([
  ['inserted', { insert: 'c', documents: [{ _id: 2, a: numbers }] }, [1, 2]],
  ['changed', { update: 'c', updates: [{ q: { _id: 1 }, u: { $set: { a: [1] } } }] }, [1]],
  ['deleted', { delete: 'c', deletes: [{ q: { _id: 1 }, limit: 1 }] }, []],
  ['found and removed', { findAndModify: 'c', query: { _id: 1 }, remove: true }, []],
])('one is %s', async (_, command, found) => {
  const server = await openServer({ replicaSet: { name: 'rs0', member: 'db.example:27017' } })
  await server.run({ createIndexes: 'c', indexes: [{ key: { a: 1 }, name: 'a' }] })
  await server.run({ insert: 'c', documents: [{ _id: 1, a: numbers }] })
  const fields = { lsid: { id: new UUID() }, txnNumber: Long.fromNumber(1), autocommit: false }
  await server.run({ ...command, ...fields, startTransaction: true })
  const find = { find: 'c', filter: { a: 1 }, hint: 'a', projection: { _id: 1 } }
  const ids = found.map((_id) => ({ _id }))
  expect(await server.run({ ...find, ...fields })).toMatchObject({ cursor: { firstBatch: ids } })
  expect(await server.run({ count: 'c' })).toMatchObject({ n: 1 })
  await server.run({ commitTransaction: 1, $db: 'admin', ...fields })
  expect(await server.all(find)).toEqual(ids)
  expect((await server.engine.check()).problems).toEqual([])
  expect(server.engine.locks.isEmpty).toBe(true)
})
