import { describe, expect, test } from 'vitest'
import { buildDocument } from '../../bson/build.ts'
import { compare } from '../../bson/order.ts'
import { bsonType, typeAlias } from '../../bson/type.ts'
import { documentFields, isNumber, numberOf, readString, regexValue, truthy, type Value } from '../../bson/value.ts'
import { randomDocument, randomFilter, rngOf } from '../testdata/random.ts'
import { compileFilter } from './compile.ts'
import { parseFilter } from './parse.ts'

/** The model: slow, over lists of values, straight from the filter document. `undefined` is a missing value. */
type Field = { name: string } & Value

const fieldsOf = (value: Value): Field[] => [...documentFields(value.bytes, value.start)]

function valuesAt(document: Value, parts: string[], wholeArrays: boolean): (Value | undefined)[] {
  const [part, ...rest] = parts
  const field = fieldsOf(document).find(({ name }) => name === part)
  if (field === undefined) return [undefined]
  if (rest.length === 0) return atEnd(field, wholeArrays)
  if (field.type === bsonType.document) return valuesAt(field, rest, wholeArrays)
  if (field.type === bsonType.array) return throughArray(field, rest, wholeArrays)
  return [undefined]
}

function atEnd(value: Value, wholeArrays: boolean): (Value | undefined)[] {
  return value.type === bsonType.array && !wholeArrays ? [...fieldsOf(value), value] : [value]
}

function throughArray(array: Value, parts: string[], wholeArrays: boolean): (Value | undefined)[] {
  const [part, ...rest] = parts
  return fieldsOf(array).flatMap((element, i) => {
    const found: (Value | undefined)[] = []
    if (element.type === bsonType.document) found.push(...valuesAt(element, parts, wholeArrays))
    if (part === String(i)) {
      if (rest.length === 0) found.push(element)
      else if (element.type === bsonType.document) found.push(...valuesAt(element, rest, wholeArrays))
      else if (element.type === bsonType.array) found.push(...throughArray(element, rest, wholeArrays))
    }
    return found
  })
}

function matches(filter: Value, document: Value): boolean {
  return fieldsOf(filter).every((field) => {
    const inner = () => fieldsOf(field).map((each) => matches(each, document))
    if (field.name === '$and') return inner().every(Boolean)
    if (field.name === '$or') return inner().some(Boolean)
    if (field.name === '$nor') return !inner().some(Boolean)
    const at = (wholeArrays: boolean) => valuesAt(document, field.name.split('.'), wholeArrays)
    return isOperators(field) ? matchesOperators(field, at) : at(false).some((value) => equals(value, field))
  })
}

const isOperators = (value: Value) =>
  value.type === bsonType.document && fieldsOf(value)[0]?.name.startsWith('$') === true

function matchesOperators(operators: Value, at: (wholeArrays: boolean) => (Value | undefined)[]): boolean {
  return fieldsOf(operators).every((operator) => {
    const some = (holds: (value: Value | undefined) => boolean) => at(false).some(holds)
    switch (operator.name) {
      case '$eq':
        return some((value) => equals(value, operator))
      case '$ne':
        return !some((value) => equals(value, operator))
      case '$gt':
      case '$gte':
      case '$lt':
      case '$lte':
        return some((value) => ordered(value, operator, operator.name))
      case '$in':
        return some((value) => fieldsOf(operator).some((each) => equals(value, each)))
      case '$nin':
        return !some((value) => fieldsOf(operator).some((each) => equals(value, each)))
      case '$exists':
        return some((value) => value !== undefined) === truthy(operator)
      case '$type':
        return some((value) => value !== undefined && isOfType(value, operator))
      case '$size':
        return at(true).some((value) => value?.type === bsonType.array && fieldsOf(value).length === numberOf(operator))
      case '$not':
        return !matchesOperators(operator, at)
      case '$elemMatch':
        return at(true).some(
          (value) => value?.type === bsonType.array && fieldsOf(value).some((e) => elementMatches(operator, e)),
        )
      default:
        throw new Error(`the model does not know ${operator.name}`)
    }
  })
}

function elementMatches(operand: Value, element: Value): boolean {
  const first = fieldsOf(operand)[0]!.name
  if (first.startsWith('$') && !['$and', '$or', '$nor'].includes(first))
    return matchesOperators(operand, () => [element])
  return (element.type === bsonType.document || element.type === bsonType.array) && matches(operand, element)
}

function isOfType(value: Value, operand: Value): boolean {
  if (operand.type !== bsonType.string) return value.type === numberOf(operand)
  const alias = readString(operand.bytes, operand.start)
  return alias === 'number' ? isNumber(value.type) : typeAlias(value.type) === alias
}

function equals(value: Value | undefined, constant: Value): boolean {
  if (value === undefined) return constant.type === bsonType.null
  return compare(value, constant) === 0
}

const isNaNNumber = (value: Value) => isNumber(value.type) && Number.isNaN(numberOf(value))

function ordered(value: Value | undefined, constant: Value, operator: string): boolean {
  const inclusive = operator.endsWith('e')
  if (value === undefined) {
    if (constant.type === bsonType.null) return inclusive
    if (constant.type === bsonType.minKey) return operator.startsWith('$gt')
    return constant.type === bsonType.maxKey && operator.startsWith('$lt')
  }
  const extreme = constant.type === bsonType.minKey || constant.type === bsonType.maxKey
  const bracket = (type: number) => (isNumber(type) ? 'number' : typeAlias(type))
  if (!extreme && bracket(value.type) !== bracket(constant.type)) return false
  if (isNaNNumber(value) || isNaNNumber(constant)) {
    if (!extreme) return inclusive && isNaNNumber(value) && isNaNNumber(constant)
  }
  const order = compare(value, constant)
  return (order === 0 && inclusive) || (operator.startsWith('$gt') ? order > 0 : order < 0)
}

const asValue = (bytes: Uint8Array): Value => ({ type: bsonType.document, bytes, start: 0, end: bytes.length })

describe('predicates over bytes', () => {
  test('agree with the model on random documents and filters', () => {
    let telling = 0
    for (let seed = 1; seed <= 400; seed++) {
      const rng = rngOf(seed)
      const documents = Array.from({ length: 40 }, (_, i) => randomDocument(rng, i))
      for (let f = 0; f < 12; f++) {
        const filter = randomFilter(rng)
        const predicate = compileFilter(parseFilter(filter))
        const sample = f % 4 === 0 ? { bytes: documents[f]!, start: 0 } : undefined
        const hot = compileFilter(parseFilter(filter), sample)
        let matched = 0
        for (const document of documents) {
          const expected = matches(asValue(filter), asValue(document))
          if (expected) matched++
          if (predicate(document, 0) !== expected || hot(document, 0) !== expected) {
            expect.fail(
              `seed ${seed}: ${JSON.stringify(show(asValue(filter)))} on ${JSON.stringify(show(asValue(document)))} should be ${expected}`,
            )
          }
        }
        if (matched > 0 && matched < documents.length) telling++
      }
    }
    // Filters that match some documents and not others.
    expect(telling).toBeGreaterThan(500)
  })

  test('a document elsewhere in the bytes is read from its start', () => {
    const document = buildDocument({ a: 1, b: { c: ['x', 'y'] } })
    const bytes = new Uint8Array(document.length + 7)
    bytes.set(document, 7)
    expect(compileFilter(parseFilter(buildDocument({ a: 1, 'b.c': 'y' })))(bytes, 7)).toBe(true)
    expect(compileFilter(parseFilter(buildDocument({ a: 1, 'b.c': 'z' })))(bytes, 7)).toBe(false)
  })

  test('code made for one shape of document is right for others too', () => {
    const filter = parseFilter(buildDocument({ a: { $gte: 5 }, name: 'x', gone: null }))
    const plain = compileFilter(filter)
    const documents = [
      { _id: 1, a: 7, name: 'x', z: [1] },
      { _id: 1, a: 7.5, name: 'x', z: [1] },
      { _id: 1, a: 4n, name: 'x', z: [1] },
      { _id: 1, a: null, name: 'x', z: [1] },
      { _id: 'other', a: 7, name: 'x', z: [1] },
      { _id: 1, a: 7, name: 5, z: [1] },
      { _id: 1, a: 7, name: 'x', z: [1], more: 1 },
      { _id: 1, a: 7, name: 'x', z: [1], gone: 1 },
      { _id: 1, a: 7, name: 'x', z: { gone: 1 } },
      { _id: 1, a: 7, name: 'x' },
      { _id: 1, a: 7 },
      { name: 'x', a: 7 },
      { _id: 1, b: 7, name: 'x', z: [1] },
      { _id: 1, a: 7, names: 'x', z: [1] },
      { _id: 1, ab: 7, name: 'x', z: [1] },
      {},
    ].map(buildDocument)
    for (const sample of documents) {
      const shaped = compileFilter(filter, { bytes: sample, start: 0 })
      for (let round = 0; round < 1500; round++) {
        for (const document of documents) {
          if (shaped(document, 0) !== plain(document, 0))
            expect.fail(JSON.stringify([show(asValue(sample)), show(asValue(document))]))
        }
      }
    }
  })

  test('a conjunction over more fields than fit one pass', () => {
    const object = Object.fromEntries(Array.from({ length: 70 }, (_, i) => [`field${i}`, i]))
    const predicate = compileFilter(parseFilter(buildDocument(object)))
    expect(predicate(buildDocument(object), 0)).toBe(true)
    expect(predicate(buildDocument({ ...object, field65: 0 }), 0)).toBe(false)
    expect(predicate(buildDocument({ ...object, field3: 0 }), 0)).toBe(false)
  })
})

/** For messages. */
function show(value: Value): unknown {
  if (value.type === bsonType.document)
    return Object.fromEntries(fieldsOf(value).map((field) => [`${field.name} `, show(field)]))
  if (value.type === bsonType.array) return fieldsOf(value).map(show)
  if (value.type === bsonType.string) return readString(value.bytes, value.start)
  return isNumber(value.type) ? `${typeAlias(value.type)} ${numberOf(value)}` : typeAlias(value.type)
}

describe('$all with many values', () => {
  const wanted = Array.from({ length: 3000 }, (_, i) => i * 2)
  const matches = (filter: Record<string, unknown>, document: Record<string, unknown>) =>
    compileFilter(parseFilter(buildDocument(filter)))(buildDocument(document), 0)

  test('finds them wherever the path leads, in one pass', () => {
    expect(matches({ a: { $all: wanted } }, { a: [...wanted].reverse() })).toBe(true)
    expect(matches({ a: { $all: wanted } }, { a: wanted.slice(1) })).toBe(false)
    expect(matches({ 'a.b': { $all: wanted } }, { a: wanted.map((b) => ({ b })) })).toBe(true)
    expect(matches({ 'a.b': { $all: [...wanted, null] } }, { a: wanted.map((b) => ({ b })) })).toBe(false)
    expect(matches({ 'a.b': { $all: [...wanted, null] } }, { a: [{}, ...wanted.map((b) => ({ b }))] })).toBe(true)
    expect(matches({ a: { $not: { $all: wanted } } }, { a: wanted })).toBe(false)
  })

  test('starts anew with each document', () => {
    const predicate = compileFilter(parseFilter(buildDocument({ a: { $all: wanted } })))
    expect(predicate(buildDocument({ a: wanted.slice(0, 2000) }), 0)).toBe(false)
    expect(predicate(buildDocument({ a: wanted.slice(2000) }), 0)).toBe(false)
    expect(predicate(buildDocument({ a: wanted }), 0)).toBe(true)
  })
})

describe('regular expressions', () => {
  const matches = (filter: Record<string, unknown>, document: Record<string, unknown>) =>
    compileFilter(parseFilter(buildDocument(filter)))(buildDocument(document), 0)
  const re = (pattern: string, options = '') => regexValue(pattern, options)
  const cases: readonly (readonly [Record<string, unknown>, Record<string, unknown>, boolean])[] = [
    [{ a: { $regex: '^ab' } }, { a: 'abc' }, true],
    [{ a: { $regex: '^ab' } }, { a: ['x', 'abc'] }, true],
    [{ a: { $regex: '^ab' } }, { a: 'xab' }, false],
    [{ a: { $regex: '^AB', $options: 'i' } }, { a: 'abc' }, true],
    [{ a: { $options: 'i', $regex: '^AB' } }, { a: 'abc' }, true],
    [{ a: { $regex: '1' } }, { a: 1 }, false],
    [{ a: { $regex: '.*' } }, {}, false],
    [{ a: { $regex: '.*' } }, { a: [['x']] }, false],
    [{ 'a.b': re('c$') }, { a: [{ b: 'x' }, { b: 'abc' }] }, true],
    [{ a: re('x', 'i') }, { a: re('x', 'i') }, true],
    [{ a: re('x', 'i') }, { a: re('x') }, false],
    [{ a: { $eq: re('x') } }, { a: 'x' }, false],
    [{ a: { $eq: re('x') } }, { a: re('x') }, true],
    [{ a: { $in: [1, re('^x')] } }, { a: 'xy' }, true],
    [{ a: { $in: [1, re('^x')] } }, { a: 1 }, true],
    [{ a: { $in: [1, re('^x')] } }, { a: 'yx' }, false],
    [{ a: { $nin: [1, re('^x')] } }, { a: ['q', 'xy'] }, false],
    [{ a: { $nin: [re('^x')] } }, {}, true],
    [{ a: { $not: re('^x') } }, { a: 'xy' }, false],
    [{ a: { $not: { $regex: '^x' } } }, { a: 1 }, true],
    [{ a: { $all: [re('^x'), re('y$')] } }, { a: ['x1', '1y'] }, true],
    [{ a: { $all: [re('^x'), 'q'] } }, { a: ['x1', '1y'] }, false],
    [{ a: { $elemMatch: { $regex: 'b' } } }, { a: ['a', 'b'] }, true],
    [{ a: { $elemMatch: { b: { $regex: 'b' } } } }, { a: [{ b: 'b' }] }, true],
  ]
  test.each(cases)('%j on %j: %s', (filter, document, expected) => {
    expect(matches(filter, document)).toBe(expected)
  })
})
