/** Joins whose turns end after a few steps: what they give must not depend on where others run. */
import { expect, it } from 'vitest'
import { openServer } from './testdata/server.ts'

const shaped = [{ $set: { more: '$key' } }, { $sort: { _id: -1 } }, { $limit: 3 }]

it.each([
  [{}, []],
  [{}, [{ $unwind: '$who' }]],
  [{}, [{ $group: { _id: null, n: { $sum: { $size: '$who' } } } }]],
  [{ pipeline: shaped }, []],
  [{ pipeline: shaped }, [{ $unwind: { path: '$who', preserveNullAndEmptyArrays: true } }]],
])('joins by an index what queries find, pausing every few steps: %j, %j', async (pipeline, tail) => {
  const server = await openServer({ tickMs: 2 })
  const keyOf = (n: number): string | number => (n % 3 === 0 ? n % 30 : `key ${n % 40}`)
  const foreign = Array.from({ length: 300 }, (_, _id) => ({ _id, key: keyOf(_id * 7) }))
  for (const name of ['bare', 'indexed']) await server.run({ insert: name, documents: foreign })
  await server.run({ createIndexes: 'indexed', indexes: [{ key: { key: 1 }, name: 'key' }] })
  const locals = Array.from({ length: 50 }, (_, _id) => ({ _id, key: _id % 20 === 0 ? [1, 2] : keyOf(_id * 11) }))
  await server.run({ insert: 'c', documents: locals })
  const join = (from: string, how: object) =>
    server.all({
      aggregate: 'c',
      pipeline: [{ $lookup: { from, localField: 'key', foreignField: 'key', as: 'who', ...how } }, ...tail],
      cursor: { batchSize: 7 },
    })
  const found = await join('indexed', pipeline)
  expect(found).toEqual(await join('bare', { pipeline: [{ $sort: { _id: 1 } }], ...pipeline }))
  // While others write, too: what is joined is as it was when the pipeline began.
  const { cursor } = (await server.run({
    aggregate: 'c',
    pipeline: [
      { $lookup: { from: 'indexed', localField: 'key', foreignField: 'key', as: 'who', ...pipeline } },
      ...tail,
    ],
    cursor: { batchSize: 1 },
  })) as { cursor: { firstBatch: unknown[]; id: bigint | number } }
  const rest = [...cursor.firstBatch]
  for (let { id } = cursor, round = 0; BigInt(id.toString()) !== 0n; round++) {
    if (round < 20)
      await server.run({ update: 'indexed', updates: [{ q: { _id: round * 14 }, u: { $set: { key: 'moved' } } }] })
    const more = (await server.run({ getMore: BigInt(id.toString()), collection: 'c', batchSize: 9 })) as {
      cursor: { nextBatch: unknown[]; id: bigint | number }
    }
    rest.push(...more.cursor.nextBatch)
    id = more.cursor.id
  }
  expect(rest).toEqual(found)
})
