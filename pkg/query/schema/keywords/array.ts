/** `minItems maxItems uniqueItems items additionalItems`: about arrays. */
import { bsonType } from '../../../bson/type.ts'
import { documentFields, type Value } from '../../../bson/value.ts'
import { ValueIndex } from '../../../bson/value-index.ts'
import { ElementWalker } from '../../../bson/walk.ts'
import { arrayOperand, booleanOperand, countOperand, mismatch, objectOperand } from '../operands.ts'
import { type Keyword, type Rule, type Schema, type SchemaContext, sibling, specified } from '../schema.ts'
import { withSortedFields } from '../unordered.ts'

export const arrayKeywords: readonly Keyword[] = [
  count('minItems', (found, wanted) => found >= wanted),
  count('maxItems', (found, wanted) => found <= wanted),
  { name: 'uniqueItems', parse: (operand) => (booleanOperand('uniqueItems', operand) ? unique(operand) : undefined) },
  {
    name: 'items',
    parse: (operand, context) => {
      if (operand.type === bsonType.document) return everyItem('items', context.parse(operand), 0)
      if (operand.type !== bsonType.array) throw mismatch('items', 'an array or an object')
      return itemByItem(arrayOperand('items', operand).map((each) => context.parse(objectOperand('items', each))))
    },
  },
  { name: 'additionalItems', parse: additionalItems },
]

function elements(value: Value): Value[] {
  return [...documentFields(value.bytes, value.start)]
}

function count(name: string, holds: (found: number, wanted: number) => boolean): Keyword {
  return {
    name,
    parse: (operand) => {
      const wanted = countOperand(name, operand)
      return {
        test: (type, bytes, start) => type !== bsonType.array || holds(itemCount(bytes, start), wanted),
        explain: (value) => ({
          ...specified(name, operand),
          reason: 'array did not match specified length',
          consideredValue: value,
        }),
      }
    },
  }
}

function itemCount(bytes: Uint8Array, start: number): number {
  const walker = new ElementWalker().reset(bytes, start)
  let items = 0
  while (walker.next()) items++
  return items
}

function unique(operand: Value): Rule {
  return {
    test: (type, bytes, start) => type !== bsonType.array || repeatedItem(bytes, start) === undefined,
    explain: (value) => ({
      ...specified('uniqueItems', operand),
      reason: 'found a duplicate item',
      consideredValue: value,
      duplicatedValue: repeatedItem(value.bytes, value.start),
    }),
  }
}

/** The first item that equals one before it. */
function repeatedItem(bytes: Uint8Array, start: number): Value | undefined {
  const walker = new ElementWalker().reset(bytes, start)
  const seen = new ValueIndex()
  while (walker.next()) {
    const item = withSortedFields(walker.value())
    if (!seen.add(item.type, item.bytes, item.start)) return walker.value()
  }
  return undefined
}

/** Every item from position `from` on obeys the schema. */
function everyItem(name: string, schema: Schema, from: number): Rule {
  const failing = (bytes: Uint8Array, start: number): number => {
    const walker = new ElementWalker().reset(bytes, start)
    for (let i = 0; walker.next(); i++) {
      if (i >= from && !schema.accepts(walker.type, bytes, walker.valueStart)) return i
    }
    return -1
  }
  return {
    test: (type, bytes, start) => type !== bsonType.array || failing(bytes, start) < 0,
    explain: (value) => {
      const itemIndex = failing(value.bytes, value.start)
      return {
        operatorName: name,
        reason: 'At least one item did not match the sub-schema',
        itemIndex,
        details: schema.violations(elements(value)[itemIndex]!),
      }
    },
  }
}

/** The first items obey one schema each. */
function itemByItem(schemas: readonly Schema[]): Rule {
  const fails = (bytes: Uint8Array, start: number): boolean => {
    const walker = new ElementWalker().reset(bytes, start)
    for (let i = 0; i < schemas.length && walker.next(); i++) {
      if (!schemas[i]!.accepts(walker.type, bytes, walker.valueStart)) return true
    }
    return false
  }
  return {
    test: (type, bytes, start) => type !== bsonType.array || !fails(bytes, start),
    explain: (value) => ({
      operatorName: 'items',
      reason: 'At least one item did not match the sub-schema',
      details: elements(value).flatMap((item, itemIndex) => {
        const schema = schemas[itemIndex]
        if (schema === undefined || schema.accepts(item.type, item.bytes, item.start)) return []
        return [{ itemIndex, details: schema.violations(item) }]
      }),
    }),
  }
}

/** Means something beside an array of `items` only. */
function additionalItems(operand: Value, context: SchemaContext): Rule | undefined {
  const isSchema = operand.type === bsonType.document
  if (!isSchema && operand.type !== bsonType.boolean) throw mismatch('additionalItems', 'either an object or a boolean')
  const schema = isSchema ? context.parse(operand) : undefined
  const items = sibling(context, 'items')
  if (items?.type !== bsonType.array) return undefined
  const from = elements(items).length
  if (schema !== undefined) return everyItem('additionalItems', schema, from)
  if (booleanOperand('additionalItems', operand)) return undefined
  return {
    test: (type, bytes, start) => type !== bsonType.array || itemCount(bytes, start) <= from,
    explain: (value) => ({
      ...specified('additionalItems', operand),
      reason: 'found additional items',
      additionalItems: elements(value).slice(from),
    }),
  }
}
