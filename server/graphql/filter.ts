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
  /** Of a field that holds documents: what their type is called, and their fields. */
  readonly type: string
  readonly nested: readonly NamedField[]
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

/** The input type of conditions on documents with these fields. */
export function filterOf(typeName: string, fields: readonly NamedField[]): GraphQLInputObjectType {
  const type: GraphQLInputObjectType = new GraphQLInputObjectType({
    name: `${typeName}Filter`,
    fields: () => ({
      ...Object.fromEntries(fields.map((field) => [field.name, { type: conditionOn(field) }])),
      and: { type: new GraphQLList(new GraphQLNonNull(type)) },
      or: { type: new GraphQLList(new GraphQLNonNull(type)) },
      not: { type },
      match: { type: ejsonScalar, description: 'conditions in the query language itself' },
    }),
  })
  return type
}

const made = new WeakMap<NamedField, GraphQLInputObjectType>()

function conditionOn(field: NamedField): GraphQLInputType {
  const shape = field.shape.kind === 'list' ? field.shape.of : field.shape
  if (shape.kind === 'scalar') return scalarFilters[shape.scalar]
  if (field.nested.length === 0) return anyFilter
  const known = made.get(field)
  if (known !== undefined) return known
  const type = new GraphQLInputObjectType({
    name: `${field.type}Filter`,
    fields: () => ({
      ...Object.fromEntries(field.nested.map((inner) => [inner.name, { type: conditionOn(inner) }])),
      exists: { type: GraphQLBoolean, description: 'whether the field is there' },
    }),
  })
  made.set(field, type)
  return type
}

type Condition = Readonly<Record<string, unknown>>

/** The filter of the query language that a typed one means. */
export function queryOf(filter: Condition | null | undefined, fields: readonly NamedField[]): Record<string, unknown> {
  if (filter === null || filter === undefined) return {}
  const parts: Record<string, unknown>[] = []
  for (const [name, condition] of Object.entries(filter)) {
    if (condition === null || condition === undefined) continue
    if (name === 'and' || name === 'or')
      parts.push({ [`$${name}`]: (condition as Condition[]).map((each) => queryOf(each, fields)) })
    else if (name === 'not') parts.push({ $nor: [queryOf(condition as Condition, fields)] })
    else if (name === 'match') parts.push(condition as Record<string, unknown>)
    else parts.push(...conditionsOn(fields.find((field) => field.name === name)!, '', condition as Condition))
  }
  return parts.length === 0 ? {} : parts.length === 1 ? parts[0]! : { $and: parts }
}

function conditionsOn(field: NamedField, above: string, condition: Condition): Record<string, unknown>[] {
  const path = above + field.path
  if (field.nested.length === 0) return [{ [path]: operatorsOf(condition) }]
  const parts: Record<string, unknown>[] = []
  for (const [name, part] of Object.entries(condition)) {
    if (part === null || part === undefined) continue
    if (name === 'exists' && typeof part === 'boolean') parts.push({ [path]: { $exists: part } })
    else parts.push(...conditionsOn(field.nested.find((each) => each.name === name)!, `${path}.`, part as Condition))
  }
  return parts
}

function operatorsOf(condition: Condition): Record<string, unknown> {
  const operators: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(condition)) if (value !== undefined) operators[`$${name}`] = value
  return operators
}
