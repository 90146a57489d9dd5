/** The typed schema of one database: queries, connections, groups, mutations and subscriptions for each collection, made from its model. */
import { Decimal128, Long } from 'bson'
import DataLoader from 'dataloader'
import {
  GraphQLBoolean,
  GraphQLEnumType,
  type GraphQLFieldConfig,
  GraphQLFloat,
  GraphQLInputObjectType,
  type GraphQLInputType,
  GraphQLInt,
  GraphQLList,
  GraphQLNonNull,
  GraphQLObjectType,
  type GraphQLOutputType,
  type GraphQLResolveInfo,
  GraphQLSchema,
  GraphQLString,
  Kind,
  type SelectionSetNode,
} from 'graphql'
import { encodeDocument } from '../../pkg/bson/convert.ts'
import { filterOf, type NamedField, queryOf, scalars } from './filter.ts'
import type { CollectionModel, Relation } from './model.ts'
import { type ConnectionArguments, type Page, readPage, type SortKey } from './paging.ts'
import { ejsonScalar } from './scalars.ts'
import type { Document, Store } from './store.ts'

/** What every resolver of a request gets. */
export interface RequestContext {
  readonly store: Store
  readonly loaders: Map<string, DataLoader<unknown, Document[], string>>
}

type Field = GraphQLFieldConfig<unknown, RequestContext>
type Arguments = Readonly<Record<string, unknown>>

const direction = new GraphQLEnumType({ name: 'SortDirection', values: { ASC: { value: 1 }, DESC: { value: -1 } } })

const pageInfo = new GraphQLObjectType({
  name: 'PageInfo',
  fields: {
    hasNextPage: { type: new GraphQLNonNull(GraphQLBoolean) },
    hasPreviousPage: { type: new GraphQLNonNull(GraphQLBoolean) },
    startCursor: { type: GraphQLString },
    endCursor: { type: GraphQLString },
  },
})

const writeResult = new GraphQLObjectType({
  name: 'WriteResult',
  fields: {
    matched: { type: new GraphQLNonNull(GraphQLInt) },
    modified: { type: new GraphQLNonNull(GraphQLInt) },
    deleted: { type: new GraphQLNonNull(GraphQLInt) },
    insertedIds: { type: new GraphQLNonNull(new GraphQLList(ejsonScalar)) },
  },
})
const nothingWritten = { matched: 0, modified: 0, deleted: 0, insertedIds: [] as unknown[] }

const nonNullList = (type: GraphQLOutputType): GraphQLOutputType =>
  new GraphQLNonNull(new GraphQLList(new GraphQLNonNull(type)))

export function makeSchema(models: readonly CollectionModel[]): GraphQLSchema {
  return new SchemaMaker(models).make()
}

class SchemaMaker {
  readonly #models: readonly CollectionModel[]
  readonly #types = new Map<string, GraphQLObjectType>()
  readonly #nested = new Map<NamedField, GraphQLObjectType>()

  constructor(models: readonly CollectionModel[]) {
    this.#models = models
  }

  make(): GraphQLSchema {
    const queries: Record<string, Field> = this.#untyped()
    const mutations: Record<string, Field> = this.#untypedWrites()
    const subscriptions: Record<string, Field> = {}
    for (const model of this.#models) this.#types.set(model.name, this.#documentType(model))
    for (const model of this.#models) {
      const filter = filterOf(model.type, model.fields)
      Object.assign(queries, this.#queries(model, filter))
      if (model.isView) continue
      Object.assign(mutations, this.#mutations(model, filter))
      subscriptions[`${model.field}Changed`] = this.#subscription(model)
    }
    return new GraphQLSchema({
      query: new GraphQLObjectType({ name: 'Query', fields: queries }),
      mutation: new GraphQLObjectType({ name: 'Mutation', fields: mutations }),
      ...(Object.keys(subscriptions).length === 0
        ? {}
        : { subscription: new GraphQLObjectType({ name: 'Subscription', fields: subscriptions }) }),
    })
  }

  #type(model: CollectionModel): GraphQLObjectType {
    return this.#types.get(model.name)!
  }

  #documentType(model: CollectionModel): GraphQLObjectType {
    return new GraphQLObjectType({
      name: model.type,
      fields: () => {
        const fields: Record<string, Field> = this.#fieldsOf(model.fields)
        for (const relation of model.relations) {
          const target = this.#models.find(({ name }) => name === relation.collection)
          if (target !== undefined && fields[relation.name] === undefined)
            fields[relation.name] = this.#relation(relation, target)
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

  #fieldsOf(fields: readonly NamedField[]): Record<string, Field> {
    return Object.fromEntries(
      fields.map((field) => [
        field.name,
        {
          type: this.#outputOf(field),
          resolve: (document: unknown) => {
            const value = (document as Document)[field.path]
            return field.shape.kind === 'list' && value !== null && value !== undefined && !Array.isArray(value)
              ? [value]
              : value
          },
        } satisfies Field,
      ]),
    )
  }

  #outputOf(field: NamedField): GraphQLOutputType {
    const { shape } = field
    const inner = shape.kind === 'list' ? shape.of : shape
    let type: GraphQLOutputType = ejsonScalar
    if (inner.kind === 'scalar') type = scalars[inner.scalar]
    else if (field.nested.length > 0) {
      let made = this.#nested.get(field)
      if (made === undefined) {
        made = new GraphQLObjectType({ name: field.type, fields: () => this.#fieldsOf(field.nested) })
        this.#nested.set(field, made)
      }
      type = made
    }
    return shape.kind === 'list' ? new GraphQLList(type) : type
  }

  /** Documents of another collection; those of one request are looked up together. */
  #relation(relation: Relation, target: CollectionModel): Field {
    const { localField, foreignField, many, collection } = relation
    return {
      type: many ? nonNullList(this.#type(target)) : this.#type(target),
      resolve: async (document, _args, { store, loaders }) => {
        // Where there is no value there is nothing that it leads to, whatever the others lack.
        const locals = valuesAt(document, localField.split('.')).filter((each) => each !== null && each !== undefined)
        if (locals.length === 0) return many ? [] : null
        const key = `${collection}\0${foreignField}`
        let loader = loaders.get(key)
        if (loader === undefined) {
          loader = new DataLoader((values) => this.#related(store, collection, foreignField, values), {
            cacheKeyFn: keyText,
            maxBatchSize: 1000,
          })
          loaders.set(key, loader)
        }
        const found = new Set<Document>()
        for (const each of await loader.loadMany(locals)) {
          if (each instanceof Error) throw each
          for (const one of each) found.add(one)
        }
        const [first] = found
        return many ? [...found] : (first ?? null)
      },
    }
  }

  async #related(
    store: Store,
    collection: string,
    foreignField: string,
    values: readonly unknown[],
  ): Promise<Document[][]> {
    const documents = await store.all({ find: collection, filter: { [foreignField]: { $in: values } } })
    const path = foreignField.split('.')
    const byKey = new Map<string, Document[]>()
    for (const document of documents) {
      for (const key of new Set(valuesAt(document, path).map(keyText))) {
        const others = byKey.get(key)
        if (others === undefined) byKey.set(key, [document])
        else others.push(document)
      }
    }
    return values.map((value) => byKey.get(keyText(value)) ?? [])
  }

  #queries(model: CollectionModel, filter: GraphQLInputObjectType): Record<string, Field> {
    const type = this.#type(model)
    const edge = new GraphQLObjectType({
      name: `${model.type}Edge`,
      fields: { cursor: { type: new GraphQLNonNull(GraphQLString) }, node: { type: new GraphQLNonNull(type) } },
    })
    interface Connection extends Page {
      readonly filter: Document
    }
    const connection = new GraphQLObjectType<Connection, RequestContext>({
      name: `${model.type}Connection`,
      fields: {
        edges: { type: nonNullList(edge) },
        nodes: { type: nonNullList(type), resolve: ({ edges }) => edges.map(({ node }) => node) },
        pageInfo: {
          type: new GraphQLNonNull(pageInfo),
          resolve: ({ edges, hasNext, hasPrevious }) => ({
            hasNextPage: hasNext,
            hasPreviousPage: hasPrevious,
            startCursor: edges[0]?.cursor,
            endCursor: edges.at(-1)?.cursor,
          }),
        },
        totalCount: {
          type: new GraphQLNonNull(GraphQLInt),
          resolve: async (page, _args, { store }) => (await store.run({ count: model.name, query: page.filter }))['n'],
        },
      },
    })
    const sort = new GraphQLInputObjectType({
      name: `${model.type}Sort`,
      description: 'one field an object; several objects in the order they count',
      fields: Object.fromEntries(model.fields.map((field) => [field.name, { type: direction }])),
    })
    return {
      [model.field]: {
        type: new GraphQLNonNull(connection),
        args: {
          filter: { type: filter },
          sort: { type: new GraphQLList(new GraphQLNonNull(sort)) },
          first: { type: GraphQLInt },
          after: { type: GraphQLString },
          last: { type: GraphQLInt },
          before: { type: GraphQLString },
        },
        resolve: async (_root, args, { store }, info) => {
          const query = queryOf(args['filter'] as Arguments | undefined, model.fields)
          const keys = sortKeys(args['sort'] as Arguments[] | undefined, model)
          const projection = projectionFor(info, model, ['nodes', 'edges.node'])
          const page = await readPage(store, model.name, query, keys, projection, args as ConnectionArguments)
          return { ...page, filter: query }
        },
      },
      [`${model.field}ById`]: {
        type,
        args: { id: { type: new GraphQLNonNull(idType(model)) } },
        resolve: async (_root, args, { store }) =>
          (await store.all({ find: model.name, filter: { _id: args['id'] }, limit: 1 }))[0],
      },
      [`${model.field}Aggregate`]: this.#aggregate(model, filter),
    }
  }

  /** Groups by any fields, with count, and sum, avg, min and max of those that have them. */
  #aggregate(model: CollectionModel, filter: GraphQLInputObjectType): Field {
    const plain = model.fields.filter(({ shape }) => shape.kind === 'scalar')
    const numeric = plain.filter(
      ({ shape }) => shape.kind === 'scalar' && ['Int', 'Float', 'Long', 'Decimal'].includes(shape.scalar),
    )
    const part = (
      what: string,
      fields: readonly NamedField[],
      typeOf: (field: NamedField) => GraphQLOutputType,
    ): Record<string, Field> =>
      fields.length === 0
        ? {}
        : {
            [what]: {
              type: new GraphQLNonNull(
                new GraphQLObjectType({
                  name: `${model.type}${what[0]!.toUpperCase()}${what.slice(1)}`,
                  fields: Object.fromEntries(
                    fields.map((field) => [
                      field.name,
                      {
                        type: typeOf(field),
                        resolve: (group: unknown) => (group as Document)[`${what}_${field.name}`],
                      },
                    ]),
                  ),
                }),
              ),
              resolve: (group) => group,
            },
          }
    const own = (field: NamedField): GraphQLOutputType => this.#outputOf(field)
    const sums = (field: NamedField): GraphQLOutputType =>
      field.shape.kind === 'scalar' && (field.shape.scalar === 'Decimal' || field.shape.scalar === 'Long')
        ? own(field)
        : GraphQLFloat
    const group = new GraphQLObjectType({
      name: `${model.type}Group`,
      fields: {
        key: {
          type: ejsonScalar,
          description: 'the values of the fields grouped by',
          resolve: (each) => (each as Document)['_id'],
        },
        count: { type: new GraphQLNonNull(GraphQLInt) },
        ...part('sum', numeric, sums),
        ...part('avg', numeric, (field) =>
          field.shape.kind === 'scalar' && field.shape.scalar === 'Decimal' ? own(field) : GraphQLFloat,
        ),
        ...part('min', plain, own),
        ...part('max', plain, own),
      },
    })
    return {
      type: nonNullList(group),
      args: {
        filter: { type: filter },
        groupBy: {
          type: new GraphQLList(new GraphQLNonNull(GraphQLString)),
          description: 'dotted paths; none: one group of all',
        },
        limit: { type: GraphQLInt, defaultValue: 100 },
      },
      resolve: async (_root, args, { store }, info) => {
        const paths = (args['groupBy'] as string[] | undefined) ?? []
        const accumulators: Document = { count: { $sum: 1 } }
        for (const selected of selectedPaths(info, 2)) {
          const [what, name] = selected.split('.')
          const field = plain.find((each) => each.name === name)
          if (field !== undefined) accumulators[`${what}_${name}`] = { [`$${what}`]: `$${field.path}` }
        }
        const key =
          paths.length === 0 ? null : Object.fromEntries(paths.map((path) => [path.replaceAll('.', '_'), `$${path}`]))
        const groups = await store.all({
          aggregate: model.name,
          pipeline: [
            { $match: queryOf(args['filter'] as Arguments | undefined, model.fields) },
            { $group: { _id: key, ...accumulators } },
            { $sort: { count: -1, _id: 1 } },
            { $limit: Math.max(1, Number(args['limit'])) },
          ],
          cursor: {},
        })
        return groups
      },
    }
  }

  #inputOf(field: NamedField, made: Map<NamedField, GraphQLInputObjectType>): GraphQLInputType {
    const { shape } = field
    const inner = shape.kind === 'list' ? shape.of : shape
    let type: GraphQLInputType = ejsonScalar
    if (inner.kind === 'scalar') type = scalars[inner.scalar]
    else if (field.nested.length > 0) {
      let input = made.get(field)
      if (input === undefined) {
        input = new GraphQLInputObjectType({
          name: `${field.type}Input`,
          fields: () => this.#inputs(field.nested, made),
        })
        made.set(field, input)
      }
      type = input
    }
    return shape.kind === 'list' ? new GraphQLList(type) : type
  }

  #inputs(
    fields: readonly NamedField[],
    made: Map<NamedField, GraphQLInputObjectType>,
  ): Record<string, { type: GraphQLInputType }> {
    return Object.fromEntries(fields.map((field) => [field.name, { type: this.#inputOf(field, made) }]))
  }

  #mutations(model: CollectionModel, filter: GraphQLInputObjectType): Record<string, Field> {
    const type = this.#type(model)
    const made = new Map<NamedField, GraphQLInputObjectType>()
    const input = new GraphQLInputObjectType({
      name: `${model.type}Input`,
      fields: () => ({
        ...this.#inputs(model.fields, made),
        _more: { type: ejsonScalar, description: 'fields that the type does not have' },
      }),
    })
    const id = { type: new GraphQLNonNull(idType(model)) }
    const changes = {
      set: { type: input, description: 'fields and their new values' },
      update: { type: ejsonScalar, description: 'update operators, such as {"$inc": {"n": 1}}' },
    }
    const query = (args: Arguments): Document => queryOf(args['filter'] as Arguments | undefined, model.fields)
    const names = model.type
    const findAndModify = async (store: Store, command: Document): Promise<unknown> =>
      (await store.run({ findAndModify: model.name, ...command }))['value']
    const document = (value: unknown): Document => documentOf(value as Arguments, model.fields)
    return {
      [`insert${names}`]: {
        type: new GraphQLNonNull(type),
        args: { document: { type: new GraphQLNonNull(input) } },
        resolve: async (_root, args, { store }) =>
          (await insertAll(store, model.name, [document(args['document'])]))[0],
      },
      [`insertMany${names}`]: {
        type: new GraphQLNonNull(writeResult),
        args: { documents: { type: new GraphQLNonNull(new GraphQLList(new GraphQLNonNull(input))) } },
        resolve: async (_root, args, { store }) => {
          const inserted = await insertAll(store, model.name, (args['documents'] as unknown[]).map(document))
          return { ...nothingWritten, insertedIds: inserted.map(({ _id }) => _id) }
        },
      },
      [`update${names}ById`]: {
        type,
        args: { id, ...changes },
        resolve: (_root, args, { store }) =>
          findAndModify(store, { query: { _id: args['id'] }, update: updateOf(args, model.fields), new: true }),
      },
      [`update${names}`]: {
        type: new GraphQLNonNull(writeResult),
        args: { filter: { type: new GraphQLNonNull(filter) }, ...changes },
        resolve: async (_root, args, { store }) => {
          const updates = [{ q: query(args), u: updateOf(args, model.fields), multi: true }]
          const { n, nModified } = await store.run({ update: model.name, updates })
          return { ...nothingWritten, matched: n, modified: nModified }
        },
      },
      [`replace${names}ById`]: {
        type: new GraphQLNonNull(type),
        args: { id, document: { type: new GraphQLNonNull(input) } },
        resolve: (_root, args, { store }) => {
          const { _id, ...rest } = document(args['document'])
          return findAndModify(store, { query: { _id: args['id'] }, update: rest, upsert: true, new: true })
        },
      },
      [`delete${names}ById`]: {
        type,
        args: { id },
        resolve: (_root, args, { store }) => findAndModify(store, { query: { _id: args['id'] }, remove: true }),
      },
      [`delete${names}`]: {
        type: new GraphQLNonNull(writeResult),
        args: { filter: { type: new GraphQLNonNull(filter) } },
        resolve: async (_root, args, { store }) => {
          const { n } = await store.run({ delete: model.name, deletes: [{ q: query(args), limit: 0 }] })
          return { ...nothingWritten, deleted: n }
        },
      },
    }
  }

  #subscription(model: CollectionModel): Field {
    const change = new GraphQLObjectType({
      name: `${model.type}Change`,
      fields: {
        operationType: { type: new GraphQLNonNull(GraphQLString) },
        id: {
          type: ejsonScalar,
          resolve: (event) => ((event as Document)['documentKey'] as Document | undefined)?.['_id'],
        },
        document: { type: this.#type(model), resolve: (event) => (event as Document)['fullDocument'] },
        updateDescription: { type: ejsonScalar },
        resumeToken: {
          type: new GraphQLNonNull(GraphQLString),
          resolve: (event) => ((event as Document)['_id'] as Document)['_data'],
        },
      },
    })
    return {
      type: new GraphQLNonNull(change),
      args: {
        operations: {
          type: new GraphQLList(new GraphQLNonNull(GraphQLString)),
          description: 'insert, update, replace, delete; none: all',
        },
        resumeAfter: { type: GraphQLString, description: 'goes on after the event with this token' },
      },
      subscribe: (_root, args, { store }) => {
        const resumeAfter = args['resumeAfter'] as string | undefined
        const operations = args['operations'] as string[] | undefined
        const stage = {
          fullDocument: 'updateLookup',
          ...(resumeAfter === undefined ? {} : { resumeAfter: { _data: resumeAfter } }),
        }
        const match = operations === undefined ? [] : [{ $match: { operationType: { $in: operations } } }]
        return store.changes(model.name, [{ $changeStream: stage }, ...match])
      },
      resolve: (event) => event,
    }
  }

  /** For what has no type: any collection, any filter. */
  #untyped(): Record<string, Field> {
    return {
      documents: {
        type: nonNullList(ejsonScalar),
        description: 'documents of any collection, untyped',
        args: {
          collection: { type: new GraphQLNonNull(GraphQLString) },
          filter: { type: ejsonScalar },
          projection: { type: ejsonScalar },
          sort: { type: ejsonScalar },
          skip: { type: GraphQLInt },
          limit: { type: GraphQLInt, defaultValue: 20 },
        },
        resolve: (_root, { collection, filter, projection, sort, skip, limit }, { store }) =>
          store.all({
            find: collection,
            filter: filter ?? {},
            projection,
            sort,
            skip,
            limit: Math.abs(limit as number),
          }),
      },
      aggregateDocuments: {
        type: nonNullList(ejsonScalar),
        description: 'what a pipeline makes of any collection, untyped',
        args: {
          collection: { type: new GraphQLNonNull(GraphQLString) },
          pipeline: { type: new GraphQLNonNull(new GraphQLList(new GraphQLNonNull(ejsonScalar))) },
        },
        resolve: (_root, { collection, pipeline }, { store }) =>
          store.all({ aggregate: collection, pipeline, cursor: {} }),
      },
      collections: {
        type: nonNullList(GraphQLString),
        description: 'the names of the collections',
        resolve: () => this.#models.map(({ name }) => name),
      },
    }
  }

  /** Writes to any collection, also to one that is not there yet. */
  #untypedWrites(): Record<string, Field> {
    const collection = { type: new GraphQLNonNull(GraphQLString) }
    const required = { type: new GraphQLNonNull(ejsonScalar) }
    return {
      insertDocuments: {
        type: new GraphQLNonNull(writeResult),
        args: {
          collection,
          documents: { type: new GraphQLNonNull(new GraphQLList(new GraphQLNonNull(ejsonScalar))) },
        },
        resolve: async (_root, args, { store }) => {
          const inserted = await insertAll(store, args['collection'], args['documents'])
          return { ...nothingWritten, insertedIds: inserted.map(({ _id }) => _id) }
        },
      },
      updateDocuments: {
        type: new GraphQLNonNull(writeResult),
        args: {
          collection,
          filter: required,
          update: { ...required, description: 'update operators, a pipeline, or without `many` a replacement' },
          upsert: { type: GraphQLBoolean },
          many: { type: GraphQLBoolean, description: 'all documents that match, not only one' },
        },
        resolve: async (_root, args, { store }) => {
          const { filter: q, update: u, upsert, many: multi } = args
          const updates = [{ q, u, upsert: upsert === true, multi: multi === true }]
          const done = await store.run({ update: args['collection'], updates })
          const insertedIds = ((done['upserted'] ?? []) as Document[]).map(({ _id }) => _id)
          const matched = Number(done['n']) - insertedIds.length
          return { ...nothingWritten, matched, modified: done['nModified'], insertedIds }
        },
      },
      deleteDocuments: {
        type: new GraphQLNonNull(writeResult),
        args: { collection, filter: required, many: { type: GraphQLBoolean } },
        resolve: async (_root, args, { store }) => {
          const deletes = [{ q: args['filter'], limit: args['many'] === true ? 0 : 1 }]
          const { n } = await store.run({ delete: args['collection'], deletes })
          return { ...nothingWritten, deleted: n }
        },
      },
    }
  }
}

/** The values at a path, through arrays as queries go; those of an array at its end. */
function valuesAt(value: unknown, [name, ...rest]: readonly string[]): unknown[] {
  if (Array.isArray(value))
    return value.flatMap((each) => (name === undefined ? [each] : valuesAt(each, [name, ...rest])))
  if (name === undefined) return [value]
  if (typeof value !== 'object' || value === null) return []
  return valuesAt((value as Document)[name], rest)
}

/** The same text for values that a query finds equal: numbers count, not their types. */
function keyText(value: unknown): string {
  const number = value instanceof Long || value instanceof Decimal128 ? Number(value.toString()) : value
  const isExact = typeof number === 'number' && (value === number || Number.isSafeInteger(number))
  return Buffer.from(encodeDocument({ v: isExact ? number : value })).toString('latin1')
}

function idType(model: CollectionModel): GraphQLInputType {
  const id = model.fields.find(({ path }) => path === '_id')!
  return id.shape.kind === 'scalar' ? scalars[id.shape.scalar] : ejsonScalar
}

function sortKeys(sort: readonly Arguments[] | undefined, model: CollectionModel): SortKey[] {
  return (sort ?? []).flatMap((each) =>
    Object.entries(each).map(
      ([name, way]) => [model.fields.find((field) => field.name === name)!.path, way as 1 | -1] as const,
    ),
  )
}

/** Dotted names of what is selected below a field, down to `depth`; fragments are looked into. */
function selectedPaths(info: GraphQLResolveInfo, depth: number): string[] {
  const paths: string[] = []
  const walk = (set: SelectionSetNode | undefined, prefix: string, left: number): void => {
    for (const selection of set?.selections ?? []) {
      if (selection.kind === Kind.FIELD) {
        const path = prefix + selection.name.value
        paths.push(path)
        if (left > 1) walk(selection.selectionSet, `${path}.`, left - 1)
      } else if (selection.kind === Kind.INLINE_FRAGMENT) walk(selection.selectionSet, prefix, left)
      else walk(info.fragments[selection.name.value]?.selectionSet, prefix, left)
    }
  }
  for (const node of info.fieldNodes) walk(node.selectionSet, '', depth)
  return paths
}

/** Only the fields that are selected need to leave the database; undefined: all of them. */
function projectionFor(
  info: GraphQLResolveInfo,
  model: CollectionModel,
  places: readonly string[],
): Document | undefined {
  const projection: Document = { _id: 1 }
  for (const path of selectedPaths(info, 3)) {
    const place = places.find((each) => path.startsWith(`${each}.`))
    if (place === undefined) continue
    const name = path.slice(place.length + 1)
    if (name.includes('.') || name.startsWith('__')) continue
    if (name === '_document') return undefined
    const field = model.fields.find((each) => each.name === name)
    const relation = model.relations.find((each) => each.name === name)
    if (field !== undefined) projection[field.path] = 1
    // The whole field: its path and one below it cannot be asked for together.
    if (relation !== undefined) projection[relation.localField.split('.')[0]!] = 1
  }
  return projection
}

/** An input's object as the document it means. */
function documentOf(input: Arguments, fields: readonly NamedField[]): Document {
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

function updateOf(args: Arguments, fields: readonly NamedField[]): Document {
  const operators = (args['update'] ?? {}) as Document
  const set = args['set'] === undefined || args['set'] === null ? {} : documentOf(args['set'] as Arguments, fields)
  if (Object.keys(set).length === 0) return operators
  return { ...operators, $set: { ...(operators['$set'] as Document | undefined), ...set } }
}

async function insertAll(store: Store, collection: string, documents: readonly Document[]): Promise<Document[]> {
  const withIds = documents.map((document) => {
    // Untyped ones may be anything, which the command refuses in its own words.
    if (typeof document !== 'object' || document === null || Array.isArray(document)) return document
    return { _id: document['_id'] ?? store.newId(), ...document }
  })
  await store.run({ insert: collection, documents: withIds })
  return withIds
}
