import { beforeAll, expect, test } from 'vitest'
import { openServer, type TestServer } from './testdata/server.ts'

type Document = Record<string, unknown>

let server: TestServer

beforeAll(async () => {
  server = await openServer()
  await server.run({ insert: 'c', documents: [{ _id: 1, a: 1 }] })
})

/** `around` applied so often that the value has `levels` levels; each application adds `step`. */
function nested(inner: unknown, levels: number, step: number, around: (value: unknown) => unknown): unknown {
  let value = inner
  for (let depth = 0; depth + step <= levels; depth += step) value = around(value)
  return value
}

const and = (value: unknown): Document => ({ $and: [value] })
const field = (value: unknown): Document => ({ a: value })

test.each<[string, Document]>([
  ['a filter of conjunctions', { find: 'c', filter: nested({ a: 1 }, 198, 2, and) }],
  ['a filter of negations', { find: 'c', filter: { a: nested({ $gt: 0 }, 197, 1, (value) => ({ $not: value })) } }],
  ['a filter by a deep document', { find: 'c', filter: nested({}, 199, 1, field) }],
  [
    'a filter by $elemMatch',
    { find: 'c', filter: { a: nested({ $gt: 0 }, 196, 1, (value) => ({ $elemMatch: value })) } },
  ],
  [
    'a filter by a schema',
    { find: 'c', filter: { $jsonSchema: nested({}, 196, 2, (of) => ({ properties: { a: of } })) } },
  ],
  ['an expression in a filter', { find: 'c', filter: { $expr: nested('$a', 198, 1, (value) => ({ $abs: value })) } }],
  ['an expression with arrays', { find: 'c', filter: { $expr: nested('$a', 198, 2, (value) => ({ $add: [value] })) } }],
  ['a projection', { find: 'c', projection: nested(1, 199, 1, field) }],
  [
    'a projection with an expression',
    { find: 'c', projection: { b: nested('$a', 198, 1, (value) => ({ $abs: value })) } },
  ],
  ['a pipeline', { aggregate: 'c', pipeline: [{ $set: { b: nested('$a', 196, 1, field) } }], cursor: {} }],
  ['a comment', { find: 'c', comment: nested({}, 199, 1, field) }],
])('%s may be as deep as a command', async (_, command) => {
  expect(await server.reply(command)).toMatchObject({ ok: 1 })
})

test('what is deeper than a document may be cannot be stored by any way', async () => {
  const deep = (levels: number): unknown => nested({}, levels - 1, 1, field)
  expect(await server.reply({ insert: 'c', documents: [{ _id: 2, a: deep(179) }] })).toMatchObject({ n: 1 })
  const refused = { writeErrors: [{ code: 15 }] }
  expect(await server.reply({ insert: 'c', documents: [{ _id: 3, a: deep(180) }] })).toMatchObject(refused)
  for (const u of [
    { a: deep(180) },
    { $set: { a: deep(180) } },
    { $set: { 'x.y': deep(179) } },
    { $push: { list: deep(179) } },
    [{ $set: { a: { a: '$a' } } }],
  ]) {
    const updates = [{ q: { _id: 2 }, u }]
    expect(await server.reply({ update: 'c', updates }), JSON.stringify(u).slice(0, 40)).toMatchObject(refused)
  }
  const updates = [{ q: { _id: 4 }, u: { $set: { a: deep(180) } }, upsert: true }]
  expect(await server.reply({ update: 'c', updates })).toMatchObject(refused)
  const pipeline = (last: object) => [{ $match: { _id: 2 } }, { $project: { a: { a: '$a' } } }, last]
  for (const last of [{ $out: 'd' }, { $merge: 'd' }, { $merge: { into: 'c', whenMatched: 'replace' } }])
    expect(await server.reply({ aggregate: 'c', pipeline: pipeline(last), cursor: {} })).toMatchObject({ code: 15 })
  expect((await server.all({ find: 'c', filter: { _id: 2 } }))[0]).toEqual({ _id: 2, a: deep(179) })
})
