/** Write commands of so many statements that they are read in several turns. */
import { expect, test } from 'vitest'
import { openServer } from './testdata/server.ts'

type Document = Record<string, unknown>

const count = 5000

function many<Part>(part: (i: number) => Part): Part[] {
  return Array.from({ length: count }, (_, i) => part(i))
}

const deletes = many((i): Document => ({ q: { _id: i }, limit: 1 }))
const updates = many((i): Document => ({ q: { _id: i }, u: { $set: { x: i } } }))
const ops = many((i): Document => ({ update: 0, filter: { _id: i }, updateMods: { $set: { x: i } } }))

test.each<[string, Document, Document]>([
  ['update', { update: 'c', updates }, { n: count, nModified: count }],
  ['delete', { delete: 'c', deletes }, { n: count }],
  ['bulkWrite', { bulkWrite: 1, $db: 'admin', ops, nsInfo: [{ ns: 'test.c' }] }, { nMatched: count, nErrors: 0 }],
])('all statements of a %s are done', async (_, command, expected) => {
  const server = await openServer({ tickMs: 1 })
  await server.run({ insert: 'c', documents: many((i) => ({ _id: i })) })
  expect(await server.run(command)).toMatchObject({ ok: 1, ...expected })
  const left = await server.all({ find: 'c', sort: { _id: 1 } })
  expect(left).toEqual('delete' in command ? [] : many((i) => ({ _id: i, x: i })))
})

test.each<[string, Document, Document]>([
  [
    'update',
    { update: 'c', updates: updates.with(-1, { q: {} }) },
    { code: 40414, errmsg: "BSON field 'update.updates.u' is missing but a required field" },
  ],
  [
    'delete',
    { delete: 'c', ordered: false, deletes: deletes.with(-2, { q: {}, limit: 2 }) },
    { code: 9, errmsg: 'The limit field in delete objects must be 0 or 1. Got 2' },
  ],
  [
    'bulkWrite',
    { bulkWrite: 1, $db: 'admin', ops: ops.with(-1, { delete: 1, filter: {} }), nsInfo: [{ ns: 'test.c' }] },
    { code: 2, errmsg: 'BulkWrite ops entry has an invalid nsInfo index.' },
  ],
])('of a %s nothing is done when its last statements make no sense', async (_, command, expected) => {
  const server = await openServer({ tickMs: 1 })
  const documents = many((i) => ({ _id: i }))
  await server.run({ insert: 'c', documents })
  expect(await server.reply(command)).toMatchObject({ ok: 0, ...expected })
  expect(await server.all({ find: 'c', sort: { _id: 1 } })).toEqual(documents)
})

test('errors of very many statements are told in their order, and their messages up to a megabyte', async () => {
  const server = await openServer({ tickMs: 1 })
  await server.run({ insert: 'c', documents: [{ _id: 1 }] })
  const documents = Array.from({ length: 20_000 }, (_, i) => ({ _id: i % 2 === 0 ? 1 : i }))
  const reply = await server.run({ insert: 'c', documents, ordered: false })
  expect(reply).toMatchObject({ n: 10_000 - 1, ok: 1 })
  const errors = reply['writeErrors'] as { index: number; code: number; errmsg: string; keyValue: Document }[]
  expect(errors.map(({ index }) => index)).toEqual([...documents.keys()].filter((i) => i === 1 || i % 2 === 0))
  const { errmsg, ...rest } = errors[0]!
  expect(rest).toEqual({ index: 0, code: 11000, keyPattern: { _id: 1 }, keyValue: { _id: 1 } })
  expect(errmsg).toBe('E11000 duplicate key error collection: test.c index: _id_ dup key: { _id: 1 }')
  for (const { code, keyValue } of errors) expect({ code, keyValue }).toEqual({ code: 11000, keyValue: { _id: 1 } })
  const told = Math.ceil((1024 * 1024) / errmsg.length)
  const expected = errors.map((_, i) => (i < told ? errmsg : ''))
  expect(errors.map((error) => error.errmsg)).toEqual(expected)
})

test('two messages are told however long they are', async () => {
  const server = await openServer()
  const _id = 'x'.repeat(600_000)
  await server.run({ insert: 'c', documents: [{ _id }] })
  const deletes = [1, 2, 3].map((i) => ({ q: { [`$${_id}${i}${_id}`]: 1 }, limit: 1 }))
  const reply = await server.run({ delete: 'c', deletes, ordered: false })
  const errors = reply['writeErrors'] as { errmsg: string }[]
  expect(errors.map(({ errmsg }) => errmsg.length > 1024 * 1024)).toEqual([true, true, false])
  expect(errors[2]!.errmsg).toBe('')
})
