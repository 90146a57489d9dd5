/** The types of documents: a collection's fields as they are, and what its relations lead to. */
import { GraphQLList, GraphQLObjectType, type GraphQLOutputType } from 'graphql'
import { type Field, type Fields, nonNullList } from './field.ts'
import { type NamedField, scalars } from './filter.ts'
import type { CollectionModel, Relation } from './model.ts'
import { valuesAt } from './related.ts'
import { ejsonScalar, ofScalar } from './scalars.ts'
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
          resolve: (document) => fieldValue(document as Document, field),
        } satisfies Field,
      ]),
    )
  }
}

/** A field's value; where it is not of the field's type, an error in its place. */
function fieldValue(document: Document, { path, shape }: NamedField): unknown {
  const value = Object.hasOwn(document, path) ? document[path] : undefined
  if (value === null || value === undefined) return value
  if (shape.kind === 'scalar') return ofScalar(shape.scalar, value)
  if (shape.kind !== 'list') return value
  const elements: readonly unknown[] = Array.isArray(value) ? value : [value]
  const { of } = shape
  return of.kind === 'scalar' ? elements.map((each) => ofScalar(of.scalar, each)) : elements
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
