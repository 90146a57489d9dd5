import { describe, expect, it } from 'vitest'
import type { Timestamp } from '../../base/timestamp.ts'
import { buildDocument } from '../../bson/build.ts'
import { parseExtendedJson, stringifyExtendedJson } from '../../bson/ejson.ts'
import { applyUpdate } from './apply.ts'
import { parseUpdate } from './parse.ts'

const context = { nowMs: 1_700_000_000_000, timestamp: (5 * 2 ** 20 + 7) as Timestamp }

function bytes(json: string): Uint8Array {
  return parseExtendedJson(json)
}

/** The document after the update, in canonical extended JSON without spaces that matter. */
function updated(document: string, update: string, options: { filters?: string[]; filter?: string } = {}): unknown {
  const parsed = parseUpdate(bytes(update), (options.filters ?? []).map(bytes))
  const result = applyUpdate(parsed, bytes(document), 0, {
    ...context,
    filter: options.filter === undefined ? undefined : bytes(options.filter),
  })
  return JSON.parse(stringifyExtendedJson(result.document, { relaxed: true }))
}

function fieldOrder(document: string, update: string): string[] {
  return Object.keys(updated(document, update) as object)
}

function failure(document: string, update: string): { code: number; message: string } {
  try {
    updated(document, update)
  } catch (error) {
    return error as { code: number; message: string }
  }
  throw new Error('the update was not refused')
}

describe('fields', () => {
  it('changes fields where they stand and appends new ones in the order of their paths', () => {
    expect(fieldOrder('{"_id":1,"c":1,"a":2}', '{"$set":{"z":1,"b":1,"a":5,"10":1,"9":1}}')).toEqual(
      // JavaScript puts integer-like names first; the rest shows the order.
      ['9', '10', '_id', 'c', 'a', 'b', 'z'],
    )
  })

  it('creates the documents on the way to a new field', () => {
    expect(updated('{"_id":1}', '{"$set":{"a.b.c":1,"a.b.d":2,"a.0":3}}')).toEqual({
      _id: 1,
      a: { '0': 3, b: { c: 1, d: 2 } },
    })
  })

  it('reports no change when the bytes are the same', () => {
    const document = buildDocument({ _id: 1, a: 1, s: 'x' })
    for (const update of [
      '{"$set":{"a":1}}',
      '{"$inc":{"a":0}}',
      '{"$unset":{"b":1}}',
      '{"$max":{"a":0},"$set":{"s":"x"}}',
    ]) {
      const result = applyUpdate(parseUpdate(bytes(update)), document, 0, context)
      expect(result.changed, update).toBe(false)
      expect(result.document, update).toEqual(document)
    }
  })

  it('leaves the old bytes alone, also when it patches in place', () => {
    const document = buildDocument({ _id: 1, n: 1 })
    const before = document.slice()
    const { document: after } = applyUpdate(parseUpdate(buildDocument({ $inc: { n: 1 } })), document, 0, context)
    expect(document).toEqual(before)
    expect(after).toEqual(buildDocument({ _id: 1, n: 2 }))
  })

  it('refuses a path through a scalar, naming field and element', () => {
    expect(failure('{"_id":1,"a":1}', '{"$set":{"a.x":1}}')).toMatchObject({
      code: 28,
      message: "Cannot create field 'x' in element {a: 1}",
    })
    expect(failure('{"_id":1,"a":null}', '{"$set":{"a.x":1}}')).toMatchObject({ code: 28 })
    expect(updated('{"_id":1,"a":1}', '{"$unset":{"a.x":1}}')).toEqual({ _id: 1, a: 1 })
  })

  it('refuses to change _id, however it is reached', () => {
    for (const update of [
      '{"$set":{"_id":2}}',
      '{"$unset":{"_id":1}}',
      '{"$inc":{"_id":1}}',
      '{"$rename":{"_id":"x"}}',
    ]) {
      expect(failure('{"_id":1,"a":1}', update).code, update).toBe(66)
    }
    expect(failure('{"_id":{"a":1}}', '{"$set":{"_id.a":2}}').message).toBe(
      "Performing an update on the path '_id.a' would modify the immutable field '_id'",
    )
    expect(updated('{"_id":1}', '{"$set":{"_id":1,"a":1}}')).toEqual({ _id: 1, a: 1 })
  })
})

describe('arrays', () => {
  it('sets elements by index and pads with null', () => {
    expect(updated('{"_id":1,"a":[1,2]}', '{"$set":{"a.0":9,"a.4":5}}')).toEqual({ _id: 1, a: [9, 2, null, null, 5] })
    expect(failure('{"_id":1,"a":[]}', '{"$set":{"a.1500001":1}}').code).toBe(34)
    expect(failure('{"_id":1,"a":[1]}', '{"$set":{"a.b":1}}').message).toBe(
      "Cannot create field 'b' in element {a: [ 1 ]}",
    )
  })

  it('makes an unset element null', () => {
    expect(updated('{"_id":1,"a":[1,2,3]}', '{"$unset":{"a.1":1}}')).toEqual({ _id: 1, a: [1, null, 3] })
  })

  it('pushes at a position, then sorts, then cuts', () => {
    expect(updated('{"_id":1,"a":[1,2]}', '{"$push":{"a":{"$each":[8,9],"$position":1}}}')).toMatchObject({
      a: [1, 8, 9, 2],
    })
    expect(updated('{"_id":1,"a":[3,1]}', '{"$push":{"a":{"$each":[2],"$sort":-1,"$slice":2}}}')).toMatchObject({
      a: [3, 2],
    })
    expect(
      updated('{"_id":1,"a":[{"k":2},{"k":1}]}', '{"$push":{"a":{"$each":[{"k":0}],"$sort":{"k":1},"$slice":-2}}}'),
    ).toMatchObject({ a: [{ k: 1 }, { k: 2 }] })
    expect(updated('{"_id":1}', '{"$push":{"a":[1]}}')).toEqual({ _id: 1, a: [[1]] })
  })

  it('pulls by value, by condition and by filter', () => {
    expect(updated('{"_id":1,"a":[1,2,1.0,3]}', '{"$pull":{"a":1}}')).toMatchObject({ a: [2, 3] })
    expect(updated('{"_id":1,"a":[1,5,9]}', '{"$pull":{"a":{"$gte":5}}}')).toMatchObject({ a: [1] })
    expect(updated('{"_id":1,"a":[{"k":1},{"k":2},7]}', '{"$pull":{"a":{"k":{"$gt":1}}}}')).toMatchObject({
      a: [{ k: 1 }, 7],
    })
    expect(failure('{"_id":1,"a":1}', '{"$pull":{"a":1}}')).toMatchObject({
      code: 2,
      message: 'Cannot apply $pull to a non-array value',
    })
  })

  it('changes the elements that placeholders mean', () => {
    expect(updated('{"_id":1,"a":[1,2,3]}', '{"$inc":{"a.$[]":10}}')).toMatchObject({ a: [11, 12, 13] })
    expect(updated('{"_id":1,"a":[1,2,3]}', '{"$set":{"a.$":0}}', { filter: '{"a":{"$gte":2}}' })).toMatchObject({
      a: [1, 0, 3],
    })
    expect(
      updated('{"_id":1,"a":[{"k":1,"v":0},{"k":2,"v":0}]}', '{"$set":{"a.$[x].v":1}}', {
        filters: ['{"x.k":{"$gte":2}}'],
      }),
    ).toMatchObject({ a: [{ v: 0 }, { v: 1 }] })
    expect(failure('{"_id":1,"a":[1]}', '{"$set":{"a.$":0}}').code).toBe(2)
  })
})

describe('numbers', () => {
  it('grows int32 to int64 and refuses int64 overflow', () => {
    const document = '{"_id":1,"n":{"$numberInt":"2147483647"},"m":{"$numberLong":"9223372036854775807"}}'
    const result = applyUpdate(parseUpdate(bytes('{"$inc":{"n":{"$numberInt":"1"}}}')), bytes(document), 0, context)
    expect(stringifyExtendedJson(result.document, { relaxed: false })).toContain('"n":{"$numberLong":"2147483648"}')
    expect(failure(document, '{"$inc":{"m":1}}')).toMatchObject({
      code: 2,
      message:
        'Failed to apply $inc operations to current value ((NumberLong)9223372036854775807) for document {_id: 1}',
    })
  })

  it('names what is not a number', () => {
    expect(failure('{"_id":1,"a":"x"}', '{"$inc":{"a":1}}')).toMatchObject({
      code: 14,
      message:
        "Cannot apply $inc to a value of non-numeric type. {_id: 1} has the field 'a' of non-numeric type string",
    })
    expect(failure('{"_id":1}', '{"$inc":{"a":"x"}}')).toMatchObject({
      code: 14,
      message: 'Cannot increment with non-numeric argument: {a: "x"}',
    })
  })
})

describe('other operators', () => {
  it('renames, also into documents that are not there yet', () => {
    expect(updated('{"_id":1,"a":{"b":1,"c":2},"d":3}', '{"$rename":{"a.b":"x.y","d":"a.c"}}')).toEqual({
      _id: 1,
      a: { c: 3 },
      x: { y: 1 },
    })
    expect(updated('{"_id":1}', '{"$rename":{"a":"b"}}')).toEqual({ _id: 1 })
    expect(failure('{"_id":1,"a":[1]}', '{"$rename":{"a.0":"b"}}').code).toBe(2)
  })

  it('keeps sets, pops, computes bits and takes the time from its context', () => {
    expect(updated('{"_id":1,"a":[1]}', '{"$addToSet":{"a":{"$each":[1,2,2]}}}')).toMatchObject({ a: [1, 2] })
    expect(updated('{"_id":1,"a":[1,2,3]}', '{"$pop":{"a":-1}}')).toMatchObject({ a: [2, 3] })
    expect(
      updated('{"_id":1,"a":12}', '{"$bit":{"a":{"and":{"$numberInt":"10"},"or":{"$numberInt":"1"}}}}'),
    ).toMatchObject({ a: 9 })
    expect(updated('{"_id":1}', '{"$currentDate":{"d":true,"t":{"$type":"timestamp"}}}')).toEqual({
      _id: 1,
      d: { $date: '2023-11-14T22:13:20Z' },
      t: { $timestamp: { t: 5, i: 7 } },
    })
  })
})

describe('replacements', () => {
  it('keep the _id, first', () => {
    const document = buildDocument({ _id: 1, a: 1 })
    const replaced = applyUpdate(parseUpdate(buildDocument({ b: 2 })), document, 0, context)
    expect(replaced).toEqual({ document: buildDocument({ _id: 1, b: 2 }), changed: true })
    const moved = applyUpdate(parseUpdate(buildDocument({ b: 2, _id: 1 })), document, 0, context)
    expect(moved.document).toEqual(buildDocument({ _id: 1, b: 2 }))
    expect(failure('{"_id":1}', '{"_id":2}')).toMatchObject({
      code: 66,
      message: "After applying the update, the (immutable) field '_id' was found to have been altered to _id: 2",
    })
  })
})

it('refuses a document that would grow beyond 16 MiB', () => {
  const document = buildDocument({ _id: 1, a: 'x'.repeat(10 << 20) })
  const update = parseUpdate(buildDocument({ $set: { b: 'y'.repeat(7 << 20) } }))
  expect(() => applyUpdate(update, document, 0, context)).toThrow(/larger than 16777216/)
})

describe('depth', () => {
  const nested = (levels: number): string => '{"a":'.repeat(levels - 1) + '{"e":1}' + '}'.repeat(levels - 1)
  const path = (parts: number): string => Array.from({ length: parts }, () => 'a').join('.')

  it('goes down to 180 levels, in steps too, and no further', () => {
    const whole = updated(nested(60), `{"$set":{"${path(59)}.e":${nested(120)}}}`)
    expect(JSON.stringify(whole)).toBe(nested(60).replace('{"e":1}', `{"e":${nested(120)}}`))
    const deeper = { code: 15, message: 'Document exceeds maximum nested object depth: 180' }
    expect(failure(nested(60), `{"$set":{"${path(59)}.e":${nested(121)}}}`)).toMatchObject(deeper)
    expect(failure(nested(60), `{"$set":{"${path(59)}.new":${nested(121)}}}`)).toMatchObject(deeper)
    expect(failure(nested(60), `{"$push":{"${path(59)}.list":${nested(120)}}}`)).toMatchObject(deeper)
    expect(updated(nested(60), `{"$push":{"${path(59)}.list":${nested(119)}}}`)).toBeTruthy()
    expect(updated('{}', `{"$set":{"${path(180)}":1}}`)).toBeTruthy()
  })
})
