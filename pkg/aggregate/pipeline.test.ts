import { describe, expect, it } from 'vitest'
import { buildArray, buildDocument } from '../bson/build.ts'
import { parseExtendedJson, stringifyExtendedJson } from '../bson/ejson.ts'
import { documentOf, getField } from '../bson/value.ts'
import { parsePipeline } from './parse.ts'
import { type Rows, runPipeline } from './run.ts'
import { splitPipeline } from './split.ts'
import type { PipelineOptions } from './stage.ts'

/** Documents as rows, which pause after every `pauseEvery`th. */
class DocumentRows implements Rows {
  readonly #documents: readonly Uint8Array[]
  readonly #pauseEvery: number
  #at = 0
  #pausedAt = -1
  taken = 0
  paused = false
  closed = false
  bytes: Uint8Array = new Uint8Array(5)
  start = 0
  end = 5

  constructor(documents: readonly Uint8Array[], pauseEvery = 0) {
    this.#documents = documents
    this.#pauseEvery = pauseEvery
  }

  next(): boolean {
    const at = this.#at
    this.paused =
      this.#pauseEvery > 0 && at % this.#pauseEvery === 0 && this.#pausedAt !== at && at < this.#documents.length
    if (this.paused) {
      this.#pausedAt = at
      return false
    }
    if (at === this.#documents.length) return false
    this.#at++
    this.taken++
    this.bytes = this.#documents[at]!
    this.end = this.bytes.length
    return true
  }

  save(): void {
    this.bytes = new Uint8Array(5)
  }

  close(): void {
    this.closed = true
  }
}

function pipelineOf(json: string): ReturnType<typeof parsePipeline> {
  return parsePipeline(documentOf(getField(parseExtendedJson(`{"p":${json}}`), 'p')!))
}

function run(json: string, documents: readonly string[], options: Partial<PipelineOptions> = {}): unknown[] {
  return drain(
    runPipeline(pipelineOf(json), new DocumentRows(documents.map(parseExtendedJson)), { nowMs: 0, ...options }),
  )
}

function drain(rows: Rows): unknown[] {
  const results: unknown[] = []
  for (;;) {
    if (rows.next()) {
      results.push(JSON.parse(stringifyExtendedJson(rows.bytes.slice(rows.start, rows.end), { relaxed: true })))
    } else if (rows.paused === true) rows.save()
    else return results
  }
}

function code(json: string): number {
  try {
    pipelineOf(json)
  } catch (error) {
    return (error as { code: number }).code
  }
  throw new Error('the pipeline was not refused')
}

describe('parsePipeline', () => {
  it('refuses malformed stages with their codes', () => {
    expect(code('[1]')).toBe(14)
    expect(code('[{}]')).toBe(40323)
    expect(code('[{"$match":{},"$limit":1}]')).toBe(40323)
    expect(code('[{"$foo":1}]')).toBe(40324)
    expect(code('[{"$match":1}]')).toBe(15959)
    expect(code('[{"$limit":0}]')).toBe(15958)
    expect(code('[{"$limit":1.5}]')).toBe(5107201)
    expect(code('[{"$skip":-1}]')).toBe(5107200)
    expect(code('[{"$sort":{}}]')).toBe(15976)
    expect(code('[{"$count":"a.b"}]')).toBe(40160)
    expect(code('[{"$group":{}}]')).toBe(15955)
    expect(code('[{"$group":{"_id":1,"x":{"$foo":1}}}]')).toBe(15952)
    expect(code('[{"$group":{"_id":1,"x":{"$sum":[1]}}}]')).toBe(40237)
    expect(code('[{"$project":{}}]')).toBe(51272)
    expect(code('[{"$project":{"a":1,"b":0}}]')).toBe(31254)
    expect(code('[{"$project":{"a":1,"a.b":1}}]')).toBe(31249)
    expect(code('[{"$project":{"a.b":1,"a":1}}]')).toBe(31250)
    expect(code('[{"$unwind":"a"}]')).toBe(28818)
    expect(code('[{"$unset":1}]')).toBe(31002)
  })
})

describe('splitPipeline', () => {
  it('hands filter, sort, skip and limit at the head to the query', () => {
    const pipeline = pipelineOf(
      '[{"$match":{"a":1}},{"$sort":{"b":1}},{"$match":{"c":2}},{"$skip":5},{"$limit":9},{"$limit":3},{"$count":"n"}]',
    )
    const { filter, sort, skip, limit, rest } = splitPipeline(pipeline)
    expect(filter).toEqual(buildDocument({ $and: [{ a: 1 }, { c: 2 }] }))
    expect(sort).toEqual(buildDocument({ b: 1 }))
    expect({ skip, limit, rest: rest.map(({ name }) => name) }).toEqual({ skip: 5, limit: 3, rest: ['$count'] })
  })

  it('leaves alone what comes after another stage', () => {
    const { filter, sort, rest } = splitPipeline(pipelineOf('[{"$limit":2},{"$match":{"a":1}},{"$sort":{"b":1}}]'))
    expect({ filter, sort, rest: rest.map(({ name }) => name) }).toEqual({
      filter: undefined,
      sort: undefined,
      rest: ['$match', '$sort'],
    })
  })
})

describe('stages', () => {
  const people = ['{"_id":1,"n":"a","v":3}', '{"_id":2,"n":"b","v":1}', '{"_id":3,"n":"a","v":2}', '{"_id":4,"v":9}']

  it('filter, sort, skip, limit and count', () => {
    expect(run('[{"$match":{"v":{"$gt":1}}},{"$sort":{"v":1}},{"$skip":1},{"$limit":1}]', people)).toEqual([
      { _id: 1, n: 'a', v: 3 },
    ])
    expect(run('[{"$match":{"v":{"$gt":1}}},{"$count":"n"}]', people)).toEqual([{ n: 3 }])
    expect(run('[{"$count":"n"}]', [])).toEqual([])
  })

  it('read no more than they need', () => {
    const rows = new DocumentRows(people.map(parseExtendedJson))
    const result = runPipeline(pipelineOf('[{"$match":{"v":{"$gt":0}}},{"$limit":2}]'), rows, { nowMs: 0 })
    expect(drain(result)).toHaveLength(2)
    expect(rows.taken).toBe(2)
    result.close()
    expect(rows.closed).toBe(true)
  })

  it('project by inclusion, exclusion and computation', () => {
    const document = ['{"_id":1,"a":{"x":1,"y":2},"b":[{"x":1,"y":2},7],"c":3}']
    expect(run('[{"$project":{"a.x":1,"b.y":1}}]', document)).toEqual([{ _id: 1, a: { x: 1 }, b: [{ y: 2 }] }])
    expect(run('[{"$project":{"a.x":0,"b.y":0,"_id":0}}]', document)).toEqual([{ a: { y: 2 }, b: [{ x: 1 }, 7], c: 3 }])
    expect(run('[{"$project":{"_id":0,"s":{"$add":["$c","$a.x"]},"c":1,"a":{"z":"$c"}}}]', document)).toEqual([
      { a: { z: 3 }, c: 3, s: 4 },
    ])
  })

  it('add fields in place or at the end, through arrays', () => {
    const document = ['{"_id":1,"a":{"x":1},"b":[{"x":1},7],"c":3}']
    expect(run('[{"$addFields":{"c":"$a.x","a.y":2,"b.z":0,"d.e":"$c","gone":"$$REMOVE"}}]', document)).toEqual([
      { _id: 1, a: { x: 1, y: 2 }, b: [{ x: 1, z: 0 }, { z: 0 }], c: 1, d: { e: 3 } },
    ])
    expect(run('[{"$set":{"c":"$$REMOVE"}},{"$unset":["a","b.x"]}]', document)).toEqual([{ _id: 1, b: [{}, 7] }])
  })

  it('unwind arrays', () => {
    const documents = [
      '{"_id":1,"a":[1,2],"z":0}',
      '{"_id":2,"a":[]}',
      '{"_id":3,"a":5}',
      '{"_id":4}',
      '{"_id":5,"a":null}',
    ]
    expect(run('[{"$unwind":"$a"}]', documents)).toEqual([
      { _id: 1, a: 1, z: 0 },
      { _id: 1, a: 2, z: 0 },
      { _id: 3, a: 5 },
    ])
    expect(
      run('[{"$unwind":{"path":"$a","includeArrayIndex":"i","preserveNullAndEmptyArrays":true}}]', documents),
    ).toEqual([
      { _id: 1, a: 1, z: 0, i: 0 },
      { _id: 1, a: 2, z: 0, i: 1 },
      { _id: 2, i: null },
      { _id: 3, a: 5, i: null },
      { _id: 4, i: null },
      { _id: 5, a: null, i: null },
    ])
    expect(run('[{"$unwind":"$a.b"}]', ['{"_id":1,"a":{"b":[1,2],"c":3}}'])).toEqual([
      { _id: 1, a: { b: 1, c: 3 } },
      { _id: 1, a: { b: 2, c: 3 } },
    ])
  })

  it('replace roots, refusing what is no document', () => {
    expect(run('[{"$replaceWith":{"was":"$_id"}}]', ['{"_id":1}'])).toEqual([{ was: 1 }])
    expect(() => run('[{"$replaceRoot":{"newRoot":"$_id"}}]', ['{"_id":1}'])).toThrow(/must evaluate to an object/)
  })
})

describe('$group', () => {
  it('groups equal numbers of different types, and missing with null', () => {
    const documents = ['{"k":1}', '{"k":{"$numberDouble":"1.0"}}', '{"k":{"$numberLong":"1"}}', '{}', '{"k":null}']
    expect(run('[{"$group":{"_id":"$k","n":{"$sum":1}}}]', documents)).toEqual([
      { _id: 1, n: 3 },
      { _id: null, n: 2 },
    ])
  })

  it('gives every accumulator its values', () => {
    const documents = ['{"g":1,"v":3,"d":{"a":1}}', '{"g":1,"v":1}', '{"g":1}', '{"g":1,"v":3,"d":{"b":2}}']
    const fields = ['sum', 'avg', 'min', 'max', 'first', 'last', 'push', 'addToSet'].map(
      (name) => `"${name}":{"$${name}":"$v"}`,
    )
    expect(
      run(`[{"$group":{"_id":"$g",${fields.join(',')},"n":{"$count":{}},"m":{"$mergeObjects":"$d"}}}]`, documents),
    ).toEqual([
      {
        _id: 1,
        sum: 7,
        avg: 7 / 3,
        min: 1,
        max: 3,
        first: 3,
        last: 3,
        push: [3, 1, 3],
        addToSet: [3, 1],
        n: 4,
        m: { a: 1, b: 2 },
      },
    ])
  })

  it('keeps the number types of sums', () => {
    const sum = (values: string[]): string => {
      const rows = runPipeline(
        pipelineOf('[{"$group":{"_id":null,"s":{"$sum":"$v"}}}]'),
        new DocumentRows(values.map((value) => parseExtendedJson(`{"v":${value}}`))),
        { nowMs: 0 },
      )
      rows.next()
      return stringifyExtendedJson(rows.bytes.slice(rows.start, rows.end), { relaxed: false }).replace(/\s/g, '')
    }
    expect(sum(['{"$numberInt":"2147483647"}', '{"$numberInt":"1"}'])).toContain('{"$numberLong":"2147483648"}')
    expect(sum(['{"$numberLong":"9223372036854775807"}', '{"$numberInt":"1"}'])).toContain('$numberDouble')
    expect(sum(['0.1', '0.2', '0.3'])).toContain('"0.6"')
    expect(sum(['{"$numberDecimal":"0.1"}', '{"$numberInt":"1"}'])).toContain('{"$numberDecimal":"1.1"}')
    expect(sum(['"x"'])).toContain('{"$numberInt":"0"}')
  })

  it('agrees with a plain model on random documents, however often it is paused', () => {
    let seed = 7
    const random = (n: number): number => {
      seed = (Math.imul(seed, 1103515245) + 12345) & 0x7fffffff
      return seed % n
    }
    const documents = Array.from({ length: 5000 }, (_, i) => ({ _id: i, k: `k${random(700)}`, v: random(1000) }))
    const model = new Map<string, { n: number; s: number; least: number }>()
    for (const { k, v } of documents) {
      const group = model.get(k) ?? { n: 0, s: 0, least: v }
      model.set(k, { n: group.n + 1, s: group.s + v, least: Math.min(group.least, v) })
    }
    const expected = [...model].map(([k, { n, s, least }]) => ({ _id: k, n, s, least }))
    const bytes = documents.map(buildDocument)
    const json = '[{"$group":{"_id":"$k","n":{"$sum":1},"s":{"$sum":"$v"},"least":{"$min":"$v"}}}]'
    for (const pauseEvery of [0, 1, 64]) {
      expect(drain(runPipeline(pipelineOf(json), new DocumentRows(bytes, pauseEvery), { nowMs: 0 }))).toEqual(expected)
    }
    const sorted = expected.toSorted((a, b) => b.s - a.s || (a._id < b._id ? -1 : 1)).slice(0, 10)
    const top = pipelineOf(json.replace(/]$/, ',{"$sort":{"s":-1,"_id":1}},{"$limit":10}]'))
    expect(drain(runPipeline(top, new DocumentRows(bytes, 100), { nowMs: 0, pause: () => true }))).toEqual(sorted)
  })

  it('is refused beyond its memory limit', () => {
    const documents = Array.from({ length: 3000 }, (_, i) => `{"_id":${i},"t":"${'x'.repeat(200)}"}`)
    const options = { memoryLimitBytes: 100_000 }
    expect(() => run('[{"$group":{"_id":"$_id"}}]', documents, options)).toThrow(/memory limit/)
    expect(() => run('[{"$group":{"_id":null,"all":{"$push":"$t"}}}]', documents, options)).toThrow(/memory limit/)
    expect(() => run('[{"$sort":{"t":1}}]', documents, options)).toThrow(/memory limit/)
  })
})

it('takes an empty pipeline as it is', () => {
  expect(parsePipeline(buildArray([]))).toEqual([])
  expect(run('[]', ['{"_id":1}'])).toEqual([{ _id: 1 }])
})
