/** Typed filters: input types for each collection, and what they mean in the query language. */
import {
  GraphQLBoolean,
  GraphQLFloat,
  GraphQLInputObjectType,
  type GraphQLInputType,
  GraphQLInt,
  GraphQLList,
  GraphQLNonNull,
  type GraphQLScalarType,
  GraphQLString,
} from 'graphql'
import { dateScalar, decimalScalar, ejsonScalar, longScalar, objectIdScalar } from './scalars.ts'
import type { ScalarName, Shape } from './shape.ts'

export const scalars: Readonly<Record<ScalarName, GraphQLScalarType>> = {
  String: GraphQLString,
  Int: GraphQLInt,
  Float: GraphQLFloat,
  Boolean: GraphQLBoolean,
  ObjectId: objectIdScalar,
  Date: dateScalar,
  Long: longScalar,
  Decimal: decimalScalar,
}

/** A field as it is called in GraphQL, and in the documents. */
export interface NamedField {
  readonly name: string
  readonly path: string
  readonly shape: Shape
}

const comparisons = ['eq', 'ne', 'gt', 'gte', 'lt', 'lte'] as const

function scalarFilter(name: string, scalar: GraphQLScalarType): GraphQLInputObjectType {
  return new GraphQLInputObjectType({
    name,
    fields: {
      ...Object.fromEntries(comparisons.map((operator) => [operator, { type: scalar }])),
      in: { type: new GraphQLList(scalar) },
      nin: { type: new GraphQLList(scalar) },
      exists: { type: GraphQLBoolean },
      ...(scalar === GraphQLString
        ? {
            regex: { type: GraphQLString },
            options: { type: GraphQLString, description: 'of the regular expression: i m s x' },
          }
        : {}),
    },
  })
}

/** One input type a scalar, shared by all collections. */
export const scalarFilters = Object.fromEntries(
  Object.entries(scalars).map(([name, scalar]) => [name, scalarFilter(`${name}Filter`, scalar)]),
) as Readonly<Record<ScalarName, GraphQLInputObjectType>>

const anyFilter = scalarFilter('EJSONFilter', ejsonScalar)

/** The input type of conditions on a value of a shape; `named` gives the fields of an object's shape. */
export function filterOf(
  typeName: string,
  fields: readonly NamedField[],
  nested: (field: NamedField) => readonly NamedField[],
): GraphQLInputObjectType {
  const type: GraphQLInputObjectType = new GraphQLInputObjectType({
    name: `${typeName}Filter`,
    fields: () => ({
      ...Object.fromEntries(fields.map((field) => [field.name, { type: conditionOn(typeName, field, nested) }])),
      and: { type: new GraphQLList(new GraphQLNonNull(type)) },
      or: { type: new GraphQLList(new GraphQLNonNull(type)) },
      not: { type },
      match: { type: ejsonScalar, description: 'conditions in the query language itself' },
    }),
  })
  return type
}

const made = new WeakMap<NamedField, GraphQLInputObjectType>()

function conditionOn(
  owner: string,
  field: NamedField,
  nested: (field: NamedField) => readonly NamedField[],
): GraphQLInputType {
  const shape = field.shape.kind === 'list' ? field.shape.of : field.shape
  if (shape.kind === 'scalar') return scalarFilters[shape.scalar]
  if (shape.kind !== 'object') return anyFilter
  const known = made.get(field)
  if (known !== undefined) return known
  const name = `${owner}_${field.name}`
  const type = new GraphQLInputObjectType({
    name: `${name}Filter`,
    fields: () => ({
      ...Object.fromEntries(nested(field).map((inner) => [inner.name, { type: conditionOn(name, inner, nested) }])),
      exists: { type: GraphQLBoolean, description: 'whether the field is there' },
    }),
  })
  made.set(field, type)
  return type
}

type Condition = Readonly<Record<string, unknown>>

/** The filter of the query language that a typed one means. */
export function queryOf(
  filter: Condition | null | undefined,
  fields: readonly NamedField[],
  nested: (field: NamedField) => readonly NamedField[],
): Record<string, unknown> {
  if (filter === null || filter === undefined) return {}
  const parts: Record<string, unknown>[] = []
  for (const [name, condition] of Object.entries(filter)) {
    if (condition === null || condition === undefined) continue
    if (name === 'and' || name === 'or')
      parts.push({ [`$${name}`]: (condition as Condition[]).map((each) => queryOf(each, fields, nested)) })
    else if (name === 'not') parts.push({ $nor: [queryOf(condition as Condition, fields, nested)] })
    else if (name === 'match') parts.push(condition as Record<string, unknown>)
    else parts.push(...conditionsOn(fields.find((field) => field.name === name)!, '', condition as Condition, nested))
  }
  return parts.length === 0 ? {} : parts.length === 1 ? parts[0]! : { $and: parts }
}

function conditionsOn(
  field: NamedField,
  above: string,
  condition: Condition,
  nested: (field: NamedField) => readonly NamedField[],
): Record<string, unknown>[] {
  const path = above + field.path
  const shape = field.shape.kind === 'list' ? field.shape.of : field.shape
  if (shape.kind !== 'object') return [{ [path]: operatorsOf(condition) }]
  const inner = nested(field)
  const parts: Record<string, unknown>[] = []
  for (const [name, part] of Object.entries(condition)) {
    if (part === null || part === undefined) continue
    if (name === 'exists' && typeof part === 'boolean') parts.push({ [path]: { $exists: part } })
    else parts.push(...conditionsOn(inner.find((each) => each.name === name)!, `${path}.`, part as Condition, nested))
  }
  return parts
}

function operatorsOf(condition: Condition): Record<string, unknown> {
  const operators: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(condition)) if (value !== undefined) operators[`$${name}`] = value
  return operators
}
