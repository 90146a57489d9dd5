/** Documents, ids and updates as they come in: their input types, and what they mean. */
import { GraphQLInputObjectType, type GraphQLInputType, GraphQLList } from 'graphql'
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
  if (value === null || typeof value !== 'object') return value
  if (field.nested.length === 0) return value
  if (Array.isArray(value)) return value.map((each) => inputValue(each, field))
  return documentOf(value as Arguments, field.nested)
}

/** The update that the arguments `set` and `update` mean together. */
export function updateOf(args: Arguments, fields: readonly NamedField[]): Document {
  const operators = (args['update'] ?? {}) as Document
  const set = args['set'] === undefined || args['set'] === null ? {} : documentOf(args['set'] as Arguments, fields)
  if (Object.keys(set).length === 0) return operators
  return { ...operators, $set: { ...(operators['$set'] as Document | undefined), ...set } }
}
