import { describe, expect, it } from 'vitest'
import type { Timestamp } from '../../base/timestamp.ts'
import { buildDocument } from '../../bson/build.ts'
import { int32Value } from '../../bson/value.ts'
import { parseUpdate } from './parse.ts'
import { upsertDocument } from './upsert.ts'

const context = { nowMs: 0, timestamp: 0 as Timestamp }

function upserted(filter: Record<string, unknown>, update: Record<string, unknown>): Uint8Array {
  return upsertDocument(buildDocument(filter), parseUpdate(buildDocument(update)), context, () => int32Value(99))
}

describe('upsertDocument', () => {
  it('takes the equalities of the filter, then the update, _id first', () => {
    expect(upserted({ a: 1, 'b.c': { $eq: 2 }, d: { $gt: 3 } }, { $set: { e: 4 }, $setOnInsert: { f: 5 } })).toEqual(
      buildDocument({ _id: 99, a: 1, b: { c: 2 }, e: 4, f: 5 }),
    )
    expect(upserted({ $and: [{ a: 1 }, { $or: [{ b: 2 }] }], c: { $in: [3] } }, { $inc: { n: 1 } })).toEqual(
      buildDocument({ _id: 99, a: 1, b: 2, c: 3, n: 1 }),
    )
  })

  it('takes only the _id of the filter for a replacement', () => {
    expect(upserted({ _id: 5, a: 1 }, { b: 2 })).toEqual(buildDocument({ _id: 5, b: 2 }))
  })

  it('refuses two values for a path, and another _id', () => {
    expect(() => upserted({ $and: [{ a: 1 }, { a: 2 }] }, { $set: { b: 1 } })).toThrow(
      "cannot infer query fields to set, path 'a' is matched twice",
    )
    expect(() => upserted({ _id: 1 }, { $set: { _id: 2 } })).toThrow(/immutable field '_id'/)
    expect(() => upserted({}, { $set: { _id: [1] } })).toThrow(/cannot be of type array/)
  })
})
