/** Documents, ids and updates as they come in: their input types, and what they mean. */
import { Double } from 'bson'
import { GraphQLInputObjectType, type GraphQLInputType, GraphQLList } from 'graphql'
import { badInput } from './errors.ts'
import type { Arguments } from './field.ts'
import { type NamedField, scalars } from './filter.ts'
import type { CollectionModel } from './model.ts'
import { ejsonScalar } from './scalars.ts'
import type { Document } from './store.ts'

/** The input type of a collection's documents. */
export function documentInput(model: CollectionModel): GraphQLInputObjectType {
  const made = new Map<NamedField, GraphQLInputObjectType>()
  return new GraphQLInputObjectType({
    name: `${model.type}Input`,
    fields: () => ({
      ...inputsOf(model.fields, made),
      _more: { type: ejsonScalar, description: 'fields that the type does not have' },
    }),
  })
}

type Inputs = Record<string, { readonly type: GraphQLInputType }>

function inputsOf(fields: readonly NamedField[], made: Map<NamedField, GraphQLInputObjectType>): Inputs {
  return Object.fromEntries(fields.map((field) => [field.name, { type: inputOf(field, made) }]))
}

function inputOf(field: NamedField, made: Map<NamedField, GraphQLInputObjectType>): GraphQLInputType {
  const { shape } = field
  const inner = shape.kind === 'list' ? shape.of : shape
  let type: GraphQLInputType = ejsonScalar
  if (inner.kind === 'scalar') type = scalars[inner.scalar]
  else if (field.nested.length > 0) {
    let input = made.get(field)
    if (input === undefined) {
      input = new GraphQLInputObjectType({ name: `${field.type}Input`, fields: () => inputsOf(field.nested, made) })
      made.set(field, input)
    }
    type = input
  }
  return shape.kind === 'list' ? new GraphQLList(type) : type
}

/** The type of a collection's ids. */
export function idType(model: CollectionModel): GraphQLInputType {
  const id = model.fields.find(({ path }) => path === '_id')!
  return id.shape.kind === 'scalar' ? scalars[id.shape.scalar] : ejsonScalar
}

/** An input's object as the document it means. */
export function documentOf(input: Arguments, fields: readonly NamedField[]): Document {
  const document: Document = {}
  for (const [name, value] of Object.entries(input)) {
    if (name === '_more') {
      Object.assign(document, value)
      continue
    }
    const field = fields.find((each) => each.name === name)!
    document[field.path] = inputValue(value, field)
  }
  return document
}

function inputValue(value: unknown, field: NamedField): unknown {
  if (Array.isArray(value)) return value.map((each) => inputValue(each, field))
  const { shape } = field
  const inner = shape.kind === 'list' ? shape.of : shape
  // As a number it would be stored as an int32, which a validator that asks for a double refuses.
  if (typeof value === 'number' && inner.kind === 'scalar' && inner.isDouble === true) return new Double(value)
  if (value === null || typeof value !== 'object' || field.nested.length === 0) return value
  return documentOf(value as Arguments, field.nested)
}

/**
 * The update that the arguments `set` and `update` mean together: operators, or a pipeline. Throws for anything else, which the database
 * would take for a document to put in place of the other.
 */
export function updateOf(args: Arguments, fields: readonly NamedField[]): Document | readonly unknown[] {
  const update = args['update'] ?? {}
  const set = documentOf((args['set'] ?? {}) as Arguments, fields)
  const hasFields = Object.keys(set).length > 0
  if (Array.isArray(update)) {
    if (hasFields) throw badInput(`'set' goes with operators, not with a pipeline: put a stage $set into that`)
    return update
  }
  if (!isDocument(update) || !Object.keys(update).every((name) => name.startsWith('$')))
    throw badInput(`'update' must be update operators, or a pipeline; to replace a document there is another mutation`)
  const operators = hasFields ? { ...update, $set: merged(update['$set'], set) } : update
  if (Object.keys(operators).length === 0) throw badInput(`an update must say by 'set' or 'update' what to change`)
  return operators
}

function merged(given: unknown, set: Document): Document {
  if (given === undefined) return set
  if (isDocument(given)) return { ...given, ...set }
  throw badInput(`'update.$set' must be a document`)
}

function isDocument(value: unknown): value is Document {
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype
}
