import { describe, expect, it } from 'vitest'
import { buildDocument } from '../../bson/build.ts'
import { decodeDocument } from '../../bson/convert.ts'
import { bsonType } from '../../bson/type.ts'
import { documentValue } from '../../bson/value.ts'
import { parseSchema } from './parse.ts'

type Json = Record<string, unknown>

function accepts(schema: Json, document: Json): boolean {
  return parseSchema(documentValue(buildDocument(schema))).accepts(bsonType.document, buildDocument(document), 0)
}

function violations(schema: Json, document: Json): unknown {
  const found = parseSchema(documentValue(buildDocument(schema))).violations(documentValue(buildDocument(document)))
  return decodeDocument(buildDocument({ found })).found
}

describe('explanations', () => {
  it('say of each rule how it was broken', () => {
    const schema = {
      required: ['name', 'year'],
      properties: {
        name: { bsonType: 'string', description: 'a name' },
        age: { minimum: 18 },
        tags: { items: { bsonType: 'string' } },
      },
      additionalProperties: false,
    }
    expect(violations(schema, { name: 1, age: 3, tags: ['x', 2], extra: 1 })).toEqual([
      {
        operatorName: 'properties',
        propertiesNotSatisfied: [
          {
            propertyName: 'name',
            description: 'a name',
            details: [
              {
                operatorName: 'bsonType',
                specifiedAs: { bsonType: 'string' },
                reason: 'type did not match',
                consideredValue: 1,
                consideredType: 'int',
              },
            ],
          },
          {
            propertyName: 'age',
            details: [
              {
                operatorName: 'minimum',
                specifiedAs: { minimum: 18 },
                reason: 'comparison failed',
                consideredValue: 3,
              },
            ],
          },
          {
            propertyName: 'tags',
            details: [
              {
                operatorName: 'items',
                reason: 'At least one item did not match the sub-schema',
                itemIndex: 1,
                details: [
                  {
                    operatorName: 'bsonType',
                    specifiedAs: { bsonType: 'string' },
                    reason: 'type did not match',
                    consideredValue: 2,
                    consideredType: 'int',
                  },
                ],
              },
            ],
          },
        ],
      },
      {
        operatorName: 'additionalProperties',
        specifiedAs: { additionalProperties: false },
        additionalProperties: ['extra'],
      },
      { operatorName: 'required', specifiedAs: { required: ['name', 'year'] }, missingProperties: ['year'] },
    ])
  })
})

describe('values', () => {
  it('are the same whatever the order of the fields in their documents', () => {
    const same = { properties: { x: { enum: [{ a: 1, b: { c: 1, d: 2 } }] } } }
    expect(accepts(same, { x: { b: { d: 2, c: 1 }, a: 1 } })).toBe(true)
    expect(accepts(same, { x: { b: { d: 2, c: 2 }, a: 1 } })).toBe(false)
    const unique = { properties: { x: { uniqueItems: true } } }
    expect(
      accepts(unique, {
        x: [
          { a: 1, b: 2 },
          { b: 2, a: 1 },
        ],
      }),
    ).toBe(false)
    expect(
      accepts(unique, {
        x: [
          [1, 2],
          [2, 1],
        ],
      }),
    ).toBe(true)
    expect(() =>
      accepts(
        {
          enum: [
            { a: 1, b: 2 },
            { b: 2, a: 1 },
          ],
        },
        {},
      ),
    ).toThrow(expect.objectContaining({ code: 9 }))
  })
})

describe('numbers', () => {
  it('are multiples as decimals', () => {
    expect(accepts({ properties: { x: { multipleOf: 0.1 } } }, { x: 0.3 })).toBe(true)
    expect(accepts({ properties: { x: { multipleOf: 0.1 } } }, { x: 0.35 })).toBe(false)
    expect(accepts({ properties: { x: { multipleOf: 3 } } }, { x: 1e300 })).toBe(false)
    expect(accepts({ properties: { x: { multipleOf: 5 } } }, { x: 1e300 })).toBe(true)
    expect(accepts({ properties: { x: { multipleOf: 5 } } }, { x: Number.NaN })).toBe(false)
  })
})

/** The model, over plain objects. */
function obeys(schema: Json, value: unknown): boolean {
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value)
  const typeOf =
    value === null
      ? 'null'
      : Array.isArray(value)
        ? 'array'
        : typeof value === 'number'
          ? 'int'
          : isObject
            ? 'object'
            : 'string'
  const each = (name: string) => schema[name] as Json[]
  return Object.entries(schema).every(([keyword, operand]) => {
    switch (keyword) {
      case 'bsonType':
        return ([] as unknown[]).concat(operand).includes(typeOf)
      case 'minimum':
        return (
          typeof value !== 'number' ||
          (schema.exclusiveMinimum ? value > (operand as number) : value >= (operand as number))
        )
      case 'maximum':
        return typeof value !== 'number' || value <= (operand as number)
      case 'multipleOf':
        return typeof value !== 'number' || value % (operand as number) === 0
      case 'minLength':
        return typeof value !== 'string' || [...value].length >= (operand as number)
      case 'pattern':
        return typeof value !== 'string' || new RegExp(operand as string).test(value)
      case 'enum':
        return (operand as unknown[]).some((each) => JSON.stringify(each) === JSON.stringify(value))
      case 'required':
        return !isObject || (operand as string[]).every((name) => name in value)
      case 'minProperties':
        return !isObject || Object.keys(value).length >= (operand as number)
      case 'properties':
        return (
          !isObject ||
          Object.entries(operand as Json).every(
            ([name, inner]) => !(name in value) || obeys(inner as Json, (value as Json)[name]),
          )
        )
      case 'additionalProperties': {
        const patterns = Object.keys((schema.patternProperties as Json) ?? {})
        const isNamed = (name: string) =>
          name in ((schema.properties as Json) ?? {}) || patterns.some((pattern) => new RegExp(pattern).test(name))
        const allows = (held: unknown) => operand !== false && (operand === true || obeys(operand as Json, held))
        return !isObject || Object.entries(value).every(([name, held]) => isNamed(name) || allows(held))
      }
      case 'patternProperties':
        return (
          !isObject ||
          Object.entries(operand as Json).every(([pattern, inner]) =>
            Object.entries(value).every(
              ([name, held]) => !new RegExp(pattern).test(name) || obeys(inner as Json, held),
            ),
          )
        )
      case 'dependencies':
        return (
          !isObject ||
          Object.entries(operand as Json).every(
            ([name, needed]) => !(name in value) || (needed as string[]).every((other) => other in value),
          )
        )
      case 'items':
        return (
          !Array.isArray(value) ||
          (Array.isArray(operand)
            ? operand.every((inner, i) => i >= value.length || obeys(inner as Json, value[i]))
            : value.every((held) => obeys(operand as Json, held)))
        )
      case 'additionalItems':
        return (
          !Array.isArray(value) ||
          !Array.isArray(schema.items) ||
          operand !== false ||
          value.length <= schema.items.length
        )
      case 'maxItems':
        return !Array.isArray(value) || value.length <= (operand as number)
      case 'uniqueItems':
        return (
          !Array.isArray(value) ||
          operand !== true ||
          new Set(value.map((held) => JSON.stringify(held))).size === value.length
        )
      case 'allOf':
        return each(keyword).every((inner) => obeys(inner, value))
      case 'anyOf':
        return each(keyword).some((inner) => obeys(inner, value))
      case 'oneOf':
        return each(keyword).filter((inner) => obeys(inner, value)).length === 1
      case 'not':
        return !obeys(operand as Json, value)
      default:
        return true
    }
  })
}

describe('random schemas', () => {
  let state = 4711
  const below = (n: number): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return Math.floor((state / 2 ** 32) * n)
  }
  const pick = <T>(list: readonly T[]): T => list[below(list.length)]!
  const names = ['a', 'b', 'ab', 'c']

  function someSchema(depth: number): Json {
    const inner = () => someSchema(depth - 1)
    const schema: Json = {}
    for (let left = below(3); left >= 0; left--) {
      const flat: (() => Json)[] = [
        () => ({ bsonType: pick(['int', 'string', 'object', 'array', 'null', ['int', 'string']]) }),
        () => ({ minimum: below(4), exclusiveMinimum: below(2) === 0 }),
        () => ({ maximum: below(4) }),
        () => ({ multipleOf: 1 + below(3) }),
        () => ({ minLength: below(3) }),
        () => ({ pattern: pick(['^a', 'b$', 'a.*b']) }),
        () => ({ enum: [1, 'a', null, [1]] }),
        () => ({ required: [pick(names)] }),
        () => ({ minProperties: below(3) }),
        () => ({ maxItems: below(3) }),
        () => ({ uniqueItems: true }),
        () => ({ dependencies: { a: ['b'], c: ['ab'] } }),
      ]
      const deep: (() => Json)[] = [
        () => ({
          properties: { [pick(names)]: inner(), z: inner() },
          additionalProperties: pick([true, false, inner()]),
        }),
        () => ({ patternProperties: { '^a': inner() } }),
        () => ({ items: inner() }),
        () => ({ items: [inner(), inner()], additionalItems: below(2) === 0 }),
        () => ({ allOf: [inner(), inner()] }),
        () => ({ anyOf: [inner(), inner()] }),
        () => ({ oneOf: [inner(), inner()] }),
        () => ({ not: inner() }),
      ]
      Object.assign(schema, pick(depth === 0 ? flat : [...flat, ...deep, ...deep])())
    }
    return schema
  }

  function someValue(depth: number): unknown {
    const kind = below(depth === 0 ? 4 : 7)
    if (kind === 0) return null
    if (kind === 1) return pick(['', 'a', 'ab', 'é', 'xab'])
    if (kind < 4) return below(6)
    if (kind === 4) return Array.from({ length: below(4) }, () => someValue(depth - 1))
    return Object.fromEntries(names.filter(() => below(2) === 0).map((name) => [name, someValue(depth - 1)]))
  }

  it('accept what the model accepts, and explain what they refuse', () => {
    for (let i = 0; i < 3000; i++) {
      const schema = someSchema(2)
      const value = someValue(2)
      const document = { v: value }
      const outer = { properties: { v: schema } }
      const where = JSON.stringify([outer, document])
      expect(accepts(outer, document), where).toBe(obeys(outer, document))
      expect((violations(outer, document) as unknown[]).length === 0, where).toBe(obeys(outer, document))
    }
  })
})
