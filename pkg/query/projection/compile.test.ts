import { describe, expect, test } from 'vitest'
import { buildDocument } from '../../bson/build.ts'
import { bsonType } from '../../bson/type.ts'
import { documentFields, type Value } from '../../bson/value.ts'
import { BsonWriter } from '../../bson/writer.ts'
import { arrayOf, documentOfFields, randomDocument, randomPath, rngOf } from '../testdata/random.ts'
import { compileProjection } from './compile.ts'
import { parseProjection } from './parse.ts'

function project(projection: Record<string, unknown>, document: Uint8Array): Uint8Array {
  const writer = new BsonWriter()
  compileProjection(parseProjection(buildDocument(projection)))(document, 0, document.length, writer)
  return writer.finish()
}

const example = {
  _id: 1,
  a: 'x',
  b: { c: 1, d: { e: 2, f: 3 } },
  list: [{ c: 1, d: 2 }, 5, [{ c: 3, d: 4 }, 6], { d: 7 }],
  last: true,
}

describe('a projection', () => {
  const cases: readonly (readonly [Record<string, unknown>, Record<string, unknown>])[] = [
    [{}, example],
    [{ a: 1 }, { _id: 1, a: 'x' }],
    [
      { last: true, a: 2.5 },
      { _id: 1, a: 'x', last: true },
    ],
    [{ a: 1, _id: 0 }, { a: 'x' }],
    [{ _id: 1 }, { _id: 1 }],
    [
      { _id: 0, list: 0, b: 0 },
      { a: 'x', last: true },
    ],
    [
      { _id: 1, list: 0, b: 0, a: 0 },
      { _id: 1, last: true },
    ],
    [{ 'b.d.e': 1 }, { _id: 1, b: { d: { e: 2 } } }],
    [{ b: { d: { e: 1 }, c: 1 } }, { _id: 1, b: { c: 1, d: { e: 2 } } }],
    [
      { 'a.x': 1, 'b.nope': 1 },
      { _id: 1, b: {} },
    ],
    [{ 'list.c': 1 }, { _id: 1, list: [{ c: 1 }, [{ c: 3 }], {}] }],
    [
      { 'list.c': 0, _id: 0, b: 0, a: 0 },
      { list: [{ d: 2 }, 5, [{ d: 4 }, 6], { d: 7 }], last: true },
    ],
    [
      { 'a.x': 0, last: 0, list: 0, b: false },
      { _id: 1, a: 'x' },
    ],
  ]
  for (const [projection, expected] of cases) {
    test(JSON.stringify(projection), () => {
      expect(project(projection, buildDocument(example))).toEqual(buildDocument(expected))
    })
  }

  test('agrees with the model on random documents and paths', () => {
    let changed = 0
    for (let seed = 1; seed <= 300; seed++) {
      const rng = rngOf(seed)
      const included = rng(2) === 0
      const paths = [randomPath(rng), randomPath(rng)].filter((path, i, all) => !collides(path, all.slice(0, i)))
      const projection = Object.fromEntries(paths.map((path) => [path, included]))
      for (let i = 0; i < 20; i++) {
        const document = randomDocument(rng, i)
        const split = paths.map((path) => path.split('.'))
        if (included) split.push(['_id'])
        const expected = documentOfFields(model(document, split, included))
        if (expected.length !== document.length) changed++
        expect(project(projection, document), `seed ${seed}`).toEqual(expected)
      }
    }
    expect(changed).toBeGreaterThan(2000)
  })
})

const collides = (path: string, others: readonly string[]) =>
  others.some((other) => `${other}.`.startsWith(`${path}.`) || `${path}.`.startsWith(`${other}.`))

/** Slow and plain: each field by itself. */
function model(document: Uint8Array, paths: readonly string[][], included: boolean, start = 0): [string, Value][] {
  return [...documentFields(document, start)].flatMap((field): [string, Value][] => {
    const under = paths.filter(([first]) => first === field.name).map(([, ...rest]) => rest)
    if (under.length === 0) return included ? [] : [[field.name, field]]
    if (under.some((rest) => rest.length === 0)) return included ? [[field.name, field]] : []
    const inner = modelValue(field, under, included)
    return inner === undefined ? [] : [[field.name, inner]]
  })
}

function modelValue(value: Value, paths: readonly string[][], included: boolean): Value | undefined {
  if (value.type === bsonType.document) {
    const bytes = documentOfFields(model(value.bytes, paths, included, value.start))
    return { type: value.type, bytes, start: 0, end: bytes.length }
  }
  if (value.type === bsonType.array) {
    const elements = [...documentFields(value.bytes, value.start)].map((each) => modelValue(each, paths, included))
    return arrayOf(elements.filter((each) => each !== undefined))
  }
  return included ? undefined : value
}

describe('a projection that is wrong', () => {
  const cases: readonly (readonly [Record<string, unknown>, number, string])[] = [
    [{ a: 1, b: 0 }, 31254, 'Cannot do exclusion on field b in inclusion projection'],
    [{ a: 0, b: 1 }, 31253, 'Cannot do inclusion on field b in exclusion projection'],
    [{ a: 1, '_id.x': 0 }, 31254, 'Cannot do exclusion on field _id.x in inclusion projection'],
    [{ a: 1, 'a.b': 1 }, 31249, 'Path collision at a.b remaining portion b'],
    [{ 'a.b': 1, a: 1 }, 31250, 'Path collision at a'],
    [{ a: {} }, 51270, 'An empty sub-projection is not a valid value. Found empty object at path a'],
    [{ a: { b: 1, $slice: 1 } }, 16410, "FieldPath field names may not start with '$'"],
    [{ '': 1 }, 40352, 'FieldPath cannot be constructed with empty string'],
    [{ 'a.': 1 }, 40353, "FieldPath must not end with a '.'."],
    [{ 'a..b': 1 }, 15998, 'FieldPath field names may not be empty strings.'],
    [{ $a: 1 }, 16410, "FieldPath field names may not start with '$'"],
    [{ 'a.$': 0 }, 31395, 'positional projection cannot be used with exclusion'],
    [{ 'a.$': 'x' }, 31308, 'positional projection cannot be used with a literal'],
    [{ 'a.$': { b: 1 } }, 31271, 'positional projection cannot be used with an expression or sub object'],
    [{ 'a.$.b': 1 }, 31394, 'in the middle of a path'],
    [{ 'a.$': 1, 'b.$': 1 }, 31276, 'more than one positional projection'],
    [{ 'a.$': 1, b: { $elemMatch: { c: 1 } } }, 31255, 'Cannot specify positional operator and $elemMatch'],
    [{ b: { $elemMatch: { c: 1 } }, 'a.$': 1 }, 31256, 'Cannot specify positional operator and $elemMatch'],
    [{ a: { $elemMatch: 1 } }, 31274, 'elemMatch: Invalid argument, object required'],
    [{ 'a.b': { $elemMatch: { c: 1 } } }, 31275, 'nested field'],
    [{ a: { $elemMatch: { b: { $near: [0, 0] } } } }, 5626500, 'not allowed in this context'],
    [{ a: { $elemMatch: { $jsonSchema: {} } } }, 224, 'not allowed in this context'],
    [{ a: { $slice: [0, 0] } }, 28724, '$slice limit must be positive'],
    [{ a: { $nonsense: 1 } }, 31325, 'Unknown expression $nonsense'],
    [{ a: 0, b: '$c' }, 31310, 'Cannot use an expression for field b in an exclusion projection'],
    [{ a: 0, b: { $add: [1] } }, 31252, 'Cannot use an expression for field b in an exclusion projection'],
  ]
  for (const [projection, code, message] of cases) {
    test(`is refused: ${JSON.stringify(projection)}`, () => {
      expect(() => parseProjection(buildDocument(projection))).toThrow(
        expect.objectContaining({ code, message: expect.stringContaining(message) }),
      )
    })
  }
})

describe('what is shown of arrays', () => {
  const document = { _id: 1, a: [1, 2, 3, 4], b: [{ c: 1 }, { c: 2, d: 3 }], s: 'x', o: { a: [5, 6] } }
  const cases: readonly (readonly [Record<string, unknown>, Record<string, unknown>])[] = [
    [
      { a: { $slice: 2 }, b: 0, o: 0 },
      { _id: 1, a: [1, 2], s: 'x' },
    ],
    [
      { a: { $slice: -1 }, s: 1 },
      { _id: 1, a: [4], s: 'x' },
    ],
    [
      { a: { $slice: [1, 2] }, _id: 1 },
      { _id: 1, a: [2, 3] },
    ],
    [
      { a: { $slice: [-3, 2] }, _id: 1 },
      { _id: 1, a: [2, 3] },
    ],
    [
      { 'o.a': { $slice: 1 }, s: { $slice: 1 }, a: 0, b: 0 },
      { _id: 1, s: 'x', o: { a: [5] } },
    ],
    [{ b: { $elemMatch: { c: 2 } } }, { _id: 1, b: [{ c: 2, d: 3 }] }],
    [
      { a: { $elemMatch: { $gt: 2 } }, s: 1 },
      { _id: 1, s: 'x', a: [3] },
    ],
    [{ a: { $elemMatch: { $gt: 9 } } }, { _id: 1 }],
    [
      { s: 1, n: { $size: '$a' }, l: 'text', p: '$o.a' },
      { _id: 1, s: 'x', n: 4, l: 'text', p: [5, 6] },
    ],
    [{ 'o.n': { $add: [1, 1] }, _id: 0 }, { o: { n: 2 } }],
  ]
  test.each(cases)('%j', (projection, expected) => {
    expect(project(projection, buildDocument(document))).toEqual(buildDocument(expected))
  })

  test('by the query with a positional $', () => {
    const writer = new BsonWriter()
    const bytes = buildDocument(document)
    const by = (filter: Record<string, unknown>) => {
      const projection = parseProjection(buildDocument({ 'b.$': 1 }), 0, { filter: buildDocument(filter) })
      compileProjection(projection)(bytes, 0, bytes.length, writer.reset())
      return writer.finish()
    }
    expect(by({ 'b.c': 2 })).toEqual(buildDocument({ _id: 1, b: [{ c: 2, d: 3 }] }))
    expect(() => by({ s: 'x' })).toThrow(expect.objectContaining({ code: 51246 }))
  })
})
