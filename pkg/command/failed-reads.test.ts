/** Commands that fail in the middle of what they read: they let go of it, so that its pages can be freed. */
import { expect, test } from 'vitest'
import { openServer, until } from './testdata/server.ts'

const quotient = { $divide: [1, '$a'] }
const query = { $expr: { $eq: [quotient, 1] } }
const byIndex = { b: { $gte: 0 }, ...query }
const bySeveral = { i: { $gte: 0 }, ...byIndex }
const dividing = { $project: { x: quotient } }
const aggregate = (...pipeline: object[]) => ({ aggregate: 'c', pipeline, cursor: {} })
const x = { $set: { x: 1 } }

test.each([
  { count: 'c', query },
  { count: 'c', query: byIndex },
  { count: 'c', query: bySeveral },
  { count: 'v', query },
  { distinct: 'c', key: 'a', query },
  { distinct: 'c', key: 'b', query: byIndex },
  { distinct: 'v', key: 'a', query },
  { find: 'c', filter: query },
  { find: 'c', filter: query, sort: { a: 1 } },
  { find: 'c', filter: byIndex },
  { find: 'c', filter: bySeveral },
  { find: 'c', projection: { x: quotient } },
  { find: 'v', filter: query },
  aggregate({ $match: query }),
  aggregate(dividing),
  aggregate({ $lookup: { from: 'c', pipeline: [dividing], as: 'x' } }),
  aggregate({ $unionWith: { coll: 'c', pipeline: [dividing] } }, { $count: 'n' }),
  aggregate({ $facet: { x: [dividing] } }),
  aggregate({ $unionWith: 'c' }, { $merge: { into: 'o', on: 'nothing' } }),
  aggregate(dividing, { $merge: 'o' }),
  aggregate(dividing, { $out: 'o' }),
  { update: 'c', updates: [{ q: query, u: x, multi: true }] },
  { update: 'c', updates: [{ q: {}, u: [{ $set: { x: quotient } }], multi: true }] },
  { delete: 'c', deletes: [{ q: query, limit: 0 }] },
  { delete: 'c', deletes: [{ q: byIndex, limit: 1 }] },
  { findAndModify: 'c', query, update: x },
  { explain: { count: 'c', query }, verbosity: 'executionStats' },
  { explain: { distinct: 'c', key: 'a', query }, verbosity: 'executionStats' },
  { explain: { find: 'c', filter: bySeveral }, verbosity: 'allPlansExecution' },
  { explain: aggregate(dividing), verbosity: 'executionStats' },
] as Record<string, unknown>[])('%j', async (command) => {
  const server = await openServer()
  const indexes = ['b', 'i'].map((name) => ({ key: { [name]: 1 }, name }))
  await server.run({ createIndexes: 'c', indexes })
  const padding = 'x'.repeat(200)
  const documents = Array.from({ length: 1000 }, (_, i) => ({ _id: i, i, b: i, a: i === 90 ? 0 : 2, padding }))
  await server.run({ insert: 'c', documents })
  await server.run({ create: 'v', viewOn: 'c', pipeline: [] })
  const { ok, writeErrors } = await server.reply(command)
  expect(ok === 0 || writeErrors !== undefined).toBe(true)
  const { engine } = server
  const { pageCount } = engine.statistics()
  await server.run({ drop: 'c' })
  // Pages that somebody holds cannot be freed: that is a defect, which ends the process.
  await until(server, () => engine.statistics().pageCount < pageCount - 10)
  expect((await engine.check()).problems).toEqual([])
  expect(engine.statistics().openSnapshotCount).toBe(0)
})
