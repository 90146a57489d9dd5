/** `$unwind` over several batches, while what it reads from is written over. */
import { describe, expect, it } from 'vitest'
import { openServer } from './testdata/server.ts'

interface Batch {
  readonly cursor: { readonly id: bigint; readonly firstBatch?: unknown[]; readonly nextBatch?: unknown[] }
}

const documentCount = 30
const elementCount = 40

describe('$unwind', () => {
  const expected = Array.from({ length: documentCount * elementCount }, (_, k) => ({
    a: Math.floor(k / elementCount) * 1000 + (k % elementCount),
  }))

  it.each<[string, readonly object[]]>([
    ['of whole documents', [{ $unwind: '$a' }, { $unset: ['_id', 'other'] }]],
    ['with an index', [{ $unwind: { path: '$a', includeArrayIndex: 'at' } }, { $unset: ['_id', 'other', 'at'] }]],
    ['of documents of which some fields are read', [{ $unwind: '$a' }, { $project: { _id: 0, a: 1 } }]],
    [
      'of documents of which one more is read',
      [{ $unwind: '$a' }, { $match: { other: 1 } }, { $project: { _id: 0, a: 1 } }],
    ],
    ['of a field that alone is read', [{ $unwind: '$a' }, { $replaceRoot: { newRoot: { a: '$a' } } }]],
  ])('goes on with the elements of its moment, %s', async (_, pipeline) => {
    const server = await openServer()
    const documents = Array.from({ length: documentCount }, (_, i) => ({
      _id: i,
      a: Array.from({ length: elementCount }, (_, j) => i * 1000 + j),
      other: 1,
    }))
    await server.run({ insert: 'c', documents })
    let reply = (await server.run({ aggregate: 'c', pipeline, cursor: { batchSize: 3 } })) as unknown as Batch
    const found = [...reply.cursor.firstBatch!]
    for (let round = 1; reply.cursor.id !== 0n && Number(reply.cursor.id) !== 0; round++) {
      await server.run({ delete: 'c', deletes: [{ q: { _id: { $gte: 0, $lt: round } }, limit: 0 }] })
      await server.run({ insert: 'c', documents: [{ _id: -round, a: new Array(300).fill(-5), other: 1 }] })
      await server.run({
        update: 'c',
        updates: [{ q: { _id: { $gte: 0 } }, u: { $set: { a: new Array(100).fill(-7) } }, multi: true }],
      })
      reply = (await server.run({ getMore: reply.cursor.id, collection: 'c', batchSize: 7 })) as unknown as Batch
      found.push(...reply.cursor.nextBatch!)
    }
    expect(found).toEqual(expected)
  })
})
