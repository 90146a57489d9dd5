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
