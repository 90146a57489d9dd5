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
    [{ 'a.$': 1 }, 238, "positional projection 'a.$' is not supported yet"],
    [{ a: { $slice: 1 } }, 238, '$slice in a projection is not supported yet'],
    [{ a: '$b' }, 238, "the projection of 'a' to an expression"],
  ]
  for (const [projection, code, message] of cases) {
    test(`is refused: ${JSON.stringify(projection)}`, () => {
      expect(() => parseProjection(buildDocument(projection))).toThrow(
        expect.objectContaining({ code, message: expect.stringContaining(message) }),
      )
    })
  }
})
