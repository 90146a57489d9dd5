/**
 * What a collection's documents look like, for a typed schema: from its $jsonSchema validator where it has one, else from a sample of its
 * documents. A field whose values are of several kinds is `any`.
 */
import { Binary, Decimal128, Long, ObjectId } from 'bson'

export type Shape =
  | {
      readonly kind: 'scalar'
      readonly scalar: ScalarName
      /** Of a Float: a validator asks for doubles, also where the number is whole. */
      readonly isDouble?: boolean
    }
  | { readonly kind: 'object'; readonly fields: ReadonlyMap<string, Shape> }
  | { readonly kind: 'list'; readonly of: Shape }
  | { readonly kind: 'any' }

export type ScalarName = 'String' | 'Int' | 'Float' | 'Boolean' | 'ObjectId' | 'Date' | 'Long' | 'Decimal'

export const anyShape: Shape = { kind: 'any' }
const noFields: ReadonlyMap<string, Shape> = new Map()
/** Nesting below this is shown as EJSON. */
const depthMax = 6
const fieldCountMax = 200

const scalarOfBson: Readonly<Record<string, ScalarName>> = {
  string: 'String',
  int: 'Int',
  long: 'Long',
  double: 'Float',
  number: 'Float',
  bool: 'Boolean',
  boolean: 'Boolean',
  objectId: 'ObjectId',
  date: 'Date',
  decimal: 'Decimal',
}

interface JsonSchema {
  readonly bsonType?: string | readonly string[]
  readonly type?: string | readonly string[]
  readonly properties?: Readonly<Record<string, JsonSchema>>
  readonly items?: JsonSchema | readonly JsonSchema[]
}

/** The shape that a $jsonSchema asks for; undefined when it names no properties. */
export function shapeOfSchema(schema: JsonSchema): ReadonlyMap<string, Shape> | undefined {
  if (schema.properties === undefined) return undefined
  const shape = shapeOfProperty({ ...schema, bsonType: 'object' }, 0)
  return shape.kind === 'object' ? shape.fields : undefined
}

function shapeOfProperty(schema: JsonSchema, depth: number): Shape {
  const named = schema.bsonType ?? schema.type
  const types = (named === undefined ? [] : [named].flat()).filter((type) => type !== 'null')
  const [type, second] = types
  if (type === undefined || second !== undefined || depth > depthMax) return anyShape
  const scalar = scalarOfBson[type]
  if (scalar !== undefined) return { kind: 'scalar', scalar, isDouble: type === 'double' }
  if (type === 'array') {
    const items = schema.items
    return {
      kind: 'list',
      of: items === undefined || Array.isArray(items) ? anyShape : shapeOfProperty(items as JsonSchema, depth + 1),
    }
  }
  if (type !== 'object' || schema.properties === undefined) return anyShape
  const fields = Object.entries(schema.properties).map(
    ([name, property]) => [name, shapeOfProperty(property, depth + 1)] as const,
  )
  return { kind: 'object', fields: new Map(fields.slice(0, fieldCountMax)) }
}

/** The shape that documents seen so far have in common. */
export function shapeOfDocuments(documents: readonly Readonly<Record<string, unknown>>[]): ReadonlyMap<string, Shape> {
  let shape: Shape | undefined
  for (const document of documents) shape = merged(shape, shapeOfValue(document, 0))
  return shape?.kind === 'object' ? shape.fields : noFields
}

function shapeOfValue(value: unknown, depth: number): Shape | undefined {
  if (value === null || value === undefined) return undefined
  switch (typeof value) {
    case 'string':
      return { kind: 'scalar', scalar: 'String' }
    case 'boolean':
      return { kind: 'scalar', scalar: 'Boolean' }
    // A sample does not promise that all numbers are whole and small.
    case 'number':
      return { kind: 'scalar', scalar: 'Float' }
  }
  if (value instanceof ObjectId) return { kind: 'scalar', scalar: 'ObjectId' }
  if (value instanceof Date) return { kind: 'scalar', scalar: 'Date' }
  if (value instanceof Long) return { kind: 'scalar', scalar: 'Long' }
  if (value instanceof Decimal128) return { kind: 'scalar', scalar: 'Decimal' }
  if (value instanceof Binary || depth > depthMax) return anyShape
  if (Array.isArray(value)) {
    let of: Shape | undefined
    for (const element of value.slice(0, 50)) of = merged(of, shapeOfValue(element, depth + 1))
    return { kind: 'list', of: of ?? anyShape }
  }
  if (Object.getPrototypeOf(value) !== Object.prototype) return anyShape
  const fields = new Map<string, Shape>()
  for (const [name, field] of Object.entries(value as object).slice(0, fieldCountMax)) {
    const shape = shapeOfValue(field, depth + 1)
    if (shape !== undefined) fields.set(name, shape)
  }
  return { kind: 'object', fields }
}

function merged(a: Shape | undefined, b: Shape | undefined): Shape | undefined {
  if (a === undefined || b === undefined) return a ?? b
  if (a.kind !== b.kind) return anyShape
  if (a.kind === 'scalar' && b.kind === 'scalar') {
    if (a.scalar === b.scalar) return a
    return anyShape
  }
  if (a.kind === 'list' && b.kind === 'list') {
    const of = a.of === anyShape ? b.of : b.of === anyShape ? a.of : merged(a.of, b.of)!
    return { kind: 'list', of }
  }
  if (a.kind === 'object' && b.kind === 'object') {
    const fields = new Map(a.fields)
    for (const [name, shape] of b.fields) fields.set(name, merged(fields.get(name), shape)!)
    return { kind: 'object', fields }
  }
  return anyShape
}
