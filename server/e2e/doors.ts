/** Every way into the database behind one interface, so that the same operation can be sent through each and the answers be compared. */
import { BSON, type Document } from 'mongodb'
import { DatabaseError, type ErrorName, errorCodes } from '../../pkg/base/errors.ts'

const { EJSON } = BSON

export interface Write {
  readonly filter: Document
  readonly update: Document | Document[]
  readonly upsert?: boolean
  readonly arrayFilters?: Document[]
}

export interface Find {
  readonly filter: Document
  readonly sort?: Document
  readonly projection?: Document
  readonly skip?: number
  readonly limit?: number
}

/** What is asked of a collection; every kind has its name as the only field. */
export type Operation =
  | { readonly insertOne: Document }
  | { readonly insertMany: { readonly documents: Document[]; readonly ordered: boolean } }
  | { readonly updateOne: Write }
  | { readonly updateMany: Write }
  | { readonly replaceOne: { readonly filter: Document; readonly replacement: Document; readonly upsert?: boolean } }
  | { readonly findOneAndUpdate: { readonly id: unknown; readonly update: Document } }
  | { readonly deleteOne: Document }
  | { readonly deleteMany: Document }
  | { readonly find: Find }
  | { readonly count: Document }
  | { readonly distinct: { readonly key: string; readonly filter: Document } }
  | { readonly aggregate: Document[] }
  | { readonly createIndex: { readonly key: Document; readonly name: string; readonly unique: boolean } }
  | { readonly drop: true }

/** What came of it: values that are the same at every door, or an error. */
export type Outcome = { readonly value: unknown } | { readonly code: number; readonly codeName: string }

export interface Door {
  readonly name: string
  /** undefined: the door has no such operation. */
  run(collection: string, operation: Operation): Promise<Outcome | undefined>
}

/** An error by its number and its name; a door that tells no name is held to the number. */
export function failure(code: number, codeName: string | undefined): Outcome {
  return { code, codeName: codeName === undefined || codeName === '' ? nameOf(code) : codeName }
}

function nameOf(code: number): string {
  return Object.keys(errorCodes).find((name) => errorCodes[name as ErrorName] === code) ?? `Location${code}`
}

/** What the collections of the driver, of the gRPC client and of the embedded database have in common. */
interface DriverCollection {
  insertOne(document: Document): Promise<unknown>
  insertMany(documents: Document[], options: object): Promise<{ readonly insertedCount: number }>
  updateOne(filter: Document, update: Document, options: object): Promise<UpdateCounts>
  updateMany(filter: Document, update: Document, options: object): Promise<UpdateCounts>
  replaceOne(filter: Document, replacement: Document, options: object): Promise<UpdateCounts>
  findOneAndUpdate(filter: Document, update: Document, options: object): Promise<unknown>
  deleteOne(filter: Document): Promise<{ readonly deletedCount: number }>
  deleteMany(filter: Document): Promise<{ readonly deletedCount: number }>
  find(filter: Document, options: object): { toArray(): Promise<unknown[]> }
  countDocuments(filter: Document): Promise<number>
  distinct(key: string, filter: Document): Promise<unknown[]>
  aggregate(pipeline: Document[]): { toArray(): Promise<unknown[]> }
  createIndexes(indexes: Document[]): Promise<unknown>
  drop(): Promise<unknown>
}

interface UpdateCounts {
  readonly matchedCount: number
  readonly modifiedCount: number
  readonly upsertedCount: number
}

interface DriverError {
  readonly code?: unknown
  readonly codeName?: string
  readonly writeErrors?: readonly {
    readonly index: number
    readonly code?: number
    readonly error?: { code: number }
  }[]
  readonly result?: { readonly insertedCount: number }
}

/** A door that is used by the driver's methods. */
export class DriverDoor implements Door {
  readonly name: string
  readonly #collection: (name: string) => DriverCollection

  constructor(name: string, collection: (name: string) => unknown) {
    this.name = name
    this.#collection = collection as (name: string) => DriverCollection
  }

  async run(name: string, operation: Operation): Promise<Outcome> {
    const copy = EJSON.deserialize(EJSON.serialize(operation, { relaxed: false }), { relaxed: false }) as Operation
    try {
      return { value: plain(await this.#do(this.#collection(name), copy)) }
    } catch (error) {
      const { code, codeName, writeErrors, result } = error as DriverError
      if (typeof code !== 'number') throw error
      if ('insertMany' in operation && writeErrors !== undefined)
        return {
          value: {
            inserted: result?.insertedCount,
            errors: writeErrors.map((each) => [each.index, each.code ?? each.error?.code]),
          },
        }
      return failure(code, error instanceof DatabaseError ? error.codeName : codeName)
    }
  }

  async #do(collection: DriverCollection, operation: Operation): Promise<unknown> {
    if ('insertOne' in operation) return collection.insertOne(operation.insertOne).then(() => 'inserted')
    if ('insertMany' in operation) {
      const { documents, ordered } = operation.insertMany
      return { inserted: (await collection.insertMany(documents, { ordered })).insertedCount, errors: [] }
    }
    if ('updateOne' in operation) {
      const { filter, update, ...options } = operation.updateOne
      return counts(await collection.updateOne(filter, update, options))
    }
    if ('updateMany' in operation) {
      const { filter, update, ...options } = operation.updateMany
      return counts(await collection.updateMany(filter, update, options))
    }
    if ('replaceOne' in operation) {
      const { filter, replacement, ...options } = operation.replaceOne
      return counts(await collection.replaceOne(filter, replacement, options))
    }
    if ('findOneAndUpdate' in operation) {
      const { id, update } = operation.findOneAndUpdate
      return collection.findOneAndUpdate({ _id: id }, update, { returnDocument: 'after' })
    }
    if ('deleteOne' in operation) return (await collection.deleteOne(operation.deleteOne)).deletedCount
    if ('deleteMany' in operation) return (await collection.deleteMany(operation.deleteMany)).deletedCount
    if ('find' in operation) {
      const { filter, skip, limit, ...options } = operation.find
      return collection
        .find(filter, {
          ...options,
          ...(skip === undefined ? {} : { skip: Number(skip) }),
          ...(limit === undefined ? {} : { limit: Number(limit) }),
        })
        .toArray()
    }
    if ('count' in operation) return collection.countDocuments(operation.count)
    if ('distinct' in operation) return collection.distinct(operation.distinct.key, operation.distinct.filter)
    if ('aggregate' in operation) return collection.aggregate(operation.aggregate).toArray()
    if ('createIndex' in operation) return collection.createIndexes([operation.createIndex]).then(() => 'made')
    return collection.drop().then(() => 'dropped')
  }
}

function counts({ matchedCount, modifiedCount, upsertedCount }: UpdateCounts): unknown {
  return { matched: matchedCount, modified: modifiedCount, upserted: upsertedCount }
}

/** Values without what doors tell apart by type only: 2 and 2.0, a Long and a small number. */
export function plain(value: unknown): unknown {
  return JSON.parse(EJSON.stringify(EJSON.deserialize(EJSON.serialize({ value }) as Document) as Document)).value
}

interface Answer {
  readonly status: number
  readonly body: Document
}

/** The REST door, by its routes. */
export class RestDoor implements Door {
  readonly name = 'REST'
  readonly #base: string
  readonly #database: string

  constructor(base: string, database: string) {
    this.#base = base
    this.#database = database
  }

  async run(collection: string, operation: Operation): Promise<Outcome> {
    const { status, body } = await this.#send(`/v1/databases/${this.#database}/collections`, collection, operation)
    if (status >= 500) throw new Error(`REST answered ${status}: ${JSON.stringify(body)}`)
    // One by its id is a resource, which is there or not.
    if (status === 404 && 'findOneAndUpdate' in operation && body['code'] === undefined) return { value: null }
    if (status >= 400) return failure(Number(body['code']), body['codeName'] as string)
    const [first] = (body['errors'] ?? []) as Document[]
    if (first !== undefined && !('insertMany' in operation)) return failure(Number(first['code']), undefined)
    return { value: this.#valueOf(operation, body) }
  }

  #valueOf(operation: Operation, body: Document): unknown {
    const { matched, modified, upserted, deleted, inserted, errors } = body
    if ('insertOne' in operation) return 'inserted'
    if ('createIndex' in operation) return 'made'
    if ('drop' in operation) return 'dropped'
    if ('insertMany' in operation)
      return { inserted, errors: (errors as Document[]).map((each) => [each['idx'], each['code']]) }
    if ('updateOne' in operation || 'replaceOne' in operation) return { matched, modified, upserted }
    if ('updateMany' in operation) {
      const made = (upserted as unknown[] | undefined)?.length ?? 0
      return { matched: Number(matched) - made, modified, upserted: made }
    }
    if ('deleteOne' in operation || 'deleteMany' in operation) return deleted
    if ('count' in operation) return body['count']
    if ('distinct' in operation) return plain(body['values'])
    if ('findOneAndUpdate' in operation) return plain(body)
    return plain(body['documents'])
  }

  #send(collections: string, name: string, operation: Operation): Promise<Answer> {
    const place = `${collections}/${name}`
    const bulk = (...operations: Document[]): Promise<Answer> => this.#call('POST', `${place}/bulk`, { operations })
    if ('insertOne' in operation) return this.#call('POST', `${place}/documents`, operation.insertOne)
    if ('insertMany' in operation) {
      const operations = operation.insertMany.documents.map((document) => ({ insertOne: { document } }))
      return this.#call('POST', `${place}/bulk`, { operations, ordered: operation.insertMany.ordered })
    }
    if ('updateMany' in operation && operation.updateMany.arrayFilters === undefined) {
      const { filter, update, upsert } = operation.updateMany
      if (!Array.isArray(update)) return this.#call('PATCH', `${place}/documents${query({ filter, upsert })}`, update)
    }
    if ('updateMany' in operation)
      return bulk(operation).then((answer) => {
        // In this form the answer counts what was made apart.
        const { matched, upserted } = answer.body
        if (upserted === undefined) return answer
        const made = Array.from({ length: Number(upserted) })
        return { ...answer, body: { ...answer.body, matched: Number(matched) + made.length, upserted: made } }
      })
    if ('findOneAndUpdate' in operation) {
      const { id, update } = operation.findOneAndUpdate
      const segment = encodeURIComponent(EJSON.stringify(id, { relaxed: false }))
      return this.#call('PATCH', `${place}/documents/${segment}?idType=ejson`, update, updateType)
    }
    if ('deleteMany' in operation)
      return this.#call('DELETE', `${place}/documents${query({ filter: operation.deleteMany })}`)
    if ('deleteOne' in operation) return bulk({ deleteOne: { filter: operation.deleteOne } })
    if ('find' in operation) return this.#pages('GET', `${place}/documents${query({ ...operation.find, pageSize: 3 })}`)
    if ('count' in operation) return this.#call('GET', `${place}/count${query({ filter: operation.count })}`)
    if ('distinct' in operation) {
      const { key, filter } = operation.distinct
      return this.#call('GET', `${place}/distinct${query({ filter })}&key=${encodeURIComponent(key)}`)
    }
    if ('aggregate' in operation)
      return this.#pages('POST', `${place}/aggregate`, { pipeline: operation.aggregate, pageSize: 2 })
    if ('createIndex' in operation) return this.#call('POST', `${place}/indexes`, operation.createIndex)
    if ('drop' in operation) return this.#call('DELETE', place)
    return bulk(operation)
  }

  /** All pages as one. */
  async #pages(method: string, path: string, body?: Document): Promise<Answer> {
    let page = await this.#call(method, path, body)
    const documents: unknown[] = []
    for (;;) {
      if (page.status !== 200) return page
      documents.push(...(page.body['documents'] as unknown[]))
      if (page.body['next'] === null) return { status: 200, body: { documents } }
      page = await this.#call('GET', `/v1/cursors/${page.body['next']}?pageSize=3`)
    }
  }

  async #call(method: string, path: string, body?: Document | Document[], type = 'application/json'): Promise<Answer> {
    const response = await fetch(this.#base + path, {
      method,
      ...(body === undefined
        ? {}
        : { body: EJSON.stringify(body, { relaxed: false }), headers: { 'content-type': type } }),
    })
    const text = await response.text()
    return { status: response.status, body: text === '' ? {} : (JSON.parse(text) as Document) }
  }
}

const updateType = 'application/vnd.lauradb.update+json'

function query(parameters: Document): string {
  const parts = Object.entries(parameters)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => {
      const text = typeof value === 'object' ? EJSON.stringify(value as object, { relaxed: false }) : String(value)
      return `${name}=${encodeURIComponent(text)}`
    })
  return `?${parts.join('&')}`
}

interface Result {
  readonly data?: Document | null
  readonly errors?: readonly { readonly message: string; readonly extensions: Document }[]
}

/** The GraphQL door: what has no typed field there is left out. */
export class GraphqlDoor implements Door {
  readonly name = 'GraphQL'
  readonly #url: string
  #asked = 0

  constructor(base: string, database: string) {
    this.#url = `${base}/graphql/${database}`
  }

  async run(collection: string, operation: Operation): Promise<Outcome | undefined> {
    const asked = this.#query(collection, operation)
    if (asked === undefined) return undefined
    const [text, variables] = asked
    const result = await this.#ask(text, variables)
    const [error] = result.errors ?? []
    if (error !== undefined) {
      const { mongoCode, code } = error.extensions
      // Before the first document there is no typed field.
      if (code === 'GRAPHQL_VALIDATION_FAILED' && /Cannot query field|Unknown type/.test(error.message))
        return undefined
      if (mongoCode === undefined) throw new Error(`GraphQL answered ${JSON.stringify(result)} to ${text}`)
      return failure(Number(mongoCode), code as string)
    }
    return { value: plain(this.#valueOf(operation, result.data!['result'])) }
  }

  #query(collection: string, operation: Operation): readonly [string, Document] | undefined {
    this.#asked++
    return (this.#asked % 2 === 0 ? typed(collection, operation) : undefined) ?? untyped(collection, operation)
  }

  #valueOf(operation: Operation, result: unknown): unknown {
    if ('find' in operation || 'aggregate' in operation) return result
    const { totalCount, matched, modified, deleted, insertedIds } = result as Document
    if ('count' in operation) return totalCount
    if ('insertOne' in operation) return 'inserted'
    if ('deleteOne' in operation || 'deleteMany' in operation) return deleted
    return { matched, modified, upserted: (insertedIds as unknown[] | undefined)?.length ?? 0 }
  }

  async #ask(text: string, variables: Document): Promise<Result> {
    const response = await fetch(this.#url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ query: text, variables: EJSON.serialize(variables, { relaxed: false }) })
        // Page sizes are GraphQL's own numbers.
        .replaceAll(/"(skip|limit)":\{"\$numberInt":"(\d+)"\}/g, '"$1":$2'),
    })
    return (await response.json()) as Result
  }
}

/** The operation by the fields that are made for the collection, which are there once it is. */
function typed(collection: string, operation: Operation): readonly [string, Document] | undefined {
  const type = collection[0]!.toUpperCase() + collection.slice(1)
  if ('insertOne' in operation) {
    const text = `mutation($more: EJSON) { result: insert${type}(document: { _more: $more }) { _document } }`
    return [text, { more: operation.insertOne }]
  }
  if ('updateMany' in operation) {
    const { filter, update, upsert, arrayFilters } = operation.updateMany
    if (upsert === true || arrayFilters !== undefined || Array.isArray(update)) return undefined
    const text = `mutation($match: EJSON, $update: EJSON) {
      result: update${type}(filter: { match: $match }, update: $update) { matched modified } }`
    return [text, { match: filter, update }]
  }
  if ('deleteMany' in operation) {
    const text = `mutation($match: EJSON) { result: delete${type}(filter: { match: $match }) { deleted } }`
    return [text, { match: operation.deleteMany }]
  }
  return undefined
}

/** The operation by the fields that are there for any collection. */
function untyped(collection: string, operation: Operation): readonly [string, Document] | undefined {
  const name = `collection: "${collection}"`
  if ('find' in operation) {
    const head = 'query($filter: EJSON, $sort: EJSON, $projection: EJSON, $skip: Int, $limit: Int)'
    const fields = 'filter: $filter, sort: $sort, projection: $projection, skip: $skip, limit: $limit'
    return [`${head} { result: documents(${name}, ${fields}) }`, { limit: 1000, ...operation.find }]
  }
  if ('count' in operation) {
    const text = `query($match: EJSON) { result: ${collection}(filter: { match: $match }, first: 0) { totalCount } }`
    return [text, { match: operation.count }]
  }
  if ('aggregate' in operation) {
    const text = `query($pipeline: [EJSON!]!) { result: aggregateDocuments(${name}, pipeline: $pipeline) }`
    return [text, { pipeline: operation.aggregate }]
  }
  if ('insertOne' in operation) {
    const text = `mutation($one: EJSON!) { result: insertDocuments(${name}, documents: [$one]) { insertedIds } }`
    return [text, { one: operation.insertOne }]
  }
  if ('deleteOne' in operation || 'deleteMany' in operation) {
    const many = 'deleteMany' in operation
    const text = `mutation($filter: EJSON!) { result: deleteDocuments(${name}, filter: $filter, many: ${many}) { deleted } }`
    return [text, { filter: many ? operation.deleteMany : operation.deleteOne }]
  }
  const write =
    'updateOne' in operation
      ? operation.updateOne
      : 'updateMany' in operation
        ? operation.updateMany
        : 'replaceOne' in operation
          ? { ...operation.replaceOne, update: operation.replaceOne.replacement, arrayFilters: undefined }
          : undefined
  if (write === undefined || write.arrayFilters !== undefined) return undefined
  const more = `upsert: ${write.upsert === true}, many: ${'updateMany' in operation}`
  const text = `mutation($filter: EJSON!, $update: EJSON!) {
    result: updateDocuments(${name}, filter: $filter, update: $update, ${more}) { matched modified insertedIds } }`
  return [text, { filter: write.filter, update: write.update }]
}
