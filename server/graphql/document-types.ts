/** The types of documents: a collection's fields as they are, and what its relations lead to. */
import { GraphQLList, GraphQLObjectType, type GraphQLOutputType } from 'graphql'
import { type Field, type Fields, nonNullList } from './field.ts'
import { type NamedField, scalars } from './filter.ts'
import type { CollectionModel, Relation } from './model.ts'
import { valuesAt } from './related.ts'
import { checkOf, ejsonScalar } from './scalars.ts'
import type { Document } from './store.ts'

export class DocumentTypes {
  readonly #ofCollections = new Map<string, GraphQLObjectType>()
  readonly #ofFields = new Map<NamedField, GraphQLObjectType>()

  constructor(models: readonly CollectionModel[]) {
    for (const model of models) this.#ofCollections.set(model.name, this.#documentType(model))
  }

  /** The type of a collection's documents; its model is one of those that the types were made from. */
  of(model: CollectionModel): GraphQLObjectType {
    return this.#ofCollections.get(model.name)!
  }

  /** The type of a field's values. */
  ofField(field: NamedField): GraphQLOutputType {
    const { shape } = field
    const inner = shape.kind === 'list' ? shape.of : shape
    let type: GraphQLOutputType = ejsonScalar
    if (inner.kind === 'scalar') type = scalars[inner.scalar]
    else if (field.nested.length > 0) type = this.#nestedType(field)
    return shape.kind === 'list' ? new GraphQLList(type) : type
  }

  #nestedType(field: NamedField): GraphQLObjectType {
    const known = this.#ofFields.get(field)
    if (known !== undefined) return known
    const type = new GraphQLObjectType({ name: field.type, fields: () => this.#fieldsOf(field.nested) })
    this.#ofFields.set(field, type)
    return type
  }

  #documentType(model: CollectionModel): GraphQLObjectType {
    return new GraphQLObjectType({
      name: model.type,
      fields: () => {
        const fields = this.#fieldsOf(model.fields)
        for (const relation of model.relations) {
          const target = this.#ofCollections.get(relation.collection)
          if (target !== undefined) fields[relation.name] ??= relationField(relation, target)
        }
        fields['_document'] ??= {
          type: ejsonScalar,
          description: 'the whole document',
          resolve: (document) => document,
        }
        return fields
      },
    })
  }

  #fieldsOf(fields: readonly NamedField[]): Fields {
    return Object.fromEntries(
      fields.map((field) => [
        field.name,
        {
          type: this.ofField(field),
          resolve: resolverOf(field),
        } satisfies Field,
      ]),
    )
  }
}

/** What gives a field's value; where that is not of the field's type, an error in its place. */
function resolverOf({ path, shape }: NamedField): NonNullable<Field['resolve']> {
  const isInherited = path in Object.prototype
  const read = (document: Document): unknown =>
    isInherited && !Object.hasOwn(document, path) ? undefined : document[path]
  if (shape.kind === 'scalar') {
    const check = checkOf(shape.scalar)
    return (document) => {
      const value = read(document as Document)
      return value === null || value === undefined ? value : check(value)
    }
  }
  if (shape.kind !== 'list') return (document) => read(document as Document)
  const check = shape.of.kind === 'scalar' ? checkOf(shape.of.scalar) : (value: unknown) => value
  return (document) => {
    const value = read(document as Document)
    if (value === null || value === undefined) return value
    const elements: readonly unknown[] = Array.isArray(value) ? value : [value]
    return elements.map((each) => (each === null || each === undefined ? each : check(each)))
  }
}

/** Documents of another collection; those of one request are looked up together. */
function relationField({ localField, foreignField, many, collection }: Relation, target: GraphQLObjectType): Field {
  return {
    type: many ? nonNullList(target) : target,
    extensions: { isUnbounded: many },
    resolve: async (document, _args, { related }) => {
      // Where there is no value there is nothing that it leads to, whatever the others lack.
      const locals = valuesAt(document, localField.split('.')).filter((each) => each !== null && each !== undefined)
      const found = locals.length === 0 ? [] : await related.find(collection, foreignField, locals)
      return many ? found : (found[0] ?? null)
    },
  }
}
