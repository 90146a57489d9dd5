/** What the operations of the unified test format do with the driver: an entry for each, by the entity's kind and the operation's name. */
import { buffer } from 'node:stream/consumers'
import type {
  AnyClientBulkWriteModel,
  BulkWriteResult,
  ClientBulkWriteResult,
  ClientSession,
  Collection,
  Db,
  Document,
  GridFSBucket,
  MongoClient,
  ObjectId,
} from 'mongodb'
import type { Json } from './spec.ts'

type Run<Entity> = (entity: Entity, args: Json) => Promise<unknown>

/** Everything but the named arguments: the driver's options. */
function without(args: Json, ...names: readonly string[]): Json {
  return Object.fromEntries(Object.entries(args).filter(([name]) => !names.includes(name)))
}

export const collectionOperations: Readonly<Record<string, Run<Collection>>> = {
  aggregate: (c, a) => c.aggregate(a['pipeline'] as Document[], without(a, 'pipeline')).toArray(),
  bulkWrite: async (c, a) =>
    bulkResult(
      await c.bulkWrite((a['requests'] as Json[]).map(bulkModel) as never, without(a, 'requests')),
      a['requests'] as Json[],
    ),
  count: (c, a) => c.count(a['filter'] as Document, without(a, 'filter')),
  countDocuments: (c, a) => c.countDocuments(a['filter'] as Document, without(a, 'filter')),
  createIndex: (c, a) => c.createIndex(a['keys'] as never, without(a, 'keys')),
  dropIndex: (c, a) => c.dropIndex(a['name'] as string, without(a, 'name')),
  deleteMany: (c, a) => c.deleteMany(a['filter'] as Document, without(a, 'filter')),
  deleteOne: (c, a) => c.deleteOne(a['filter'] as Document, without(a, 'filter')),
  distinct: (c, a) =>
    c.distinct(a['fieldName'] as string, a['filter'] as Document, without(a, 'fieldName', 'filter') as never),
  estimatedDocumentCount: (c, a) => c.estimatedDocumentCount(a),
  find: (c, a) => c.find(a['filter'] as Document, without(a, 'filter')).toArray(),
  findOne: (c, a) => c.findOne(a['filter'] as Document, without(a, 'filter')),
  findOneAndDelete: (c, a) => c.findOneAndDelete(a['filter'] as Document, without(a, 'filter') as never),
  findOneAndReplace: (c, a) =>
    c.findOneAndReplace(
      a['filter'] as Document,
      a['replacement'] as Document,
      {
        ...without(a, 'filter', 'replacement', 'returnDocument'),
        ...returned(a),
      } as never,
    ),
  findOneAndUpdate: (c, a) =>
    c.findOneAndUpdate(
      a['filter'] as Document,
      a['update'] as Document,
      {
        ...without(a, 'filter', 'update', 'returnDocument'),
        ...returned(a),
      } as never,
    ),
  insertMany: async (c, a) => {
    const { insertedCount, insertedIds, acknowledged } = await c.insertMany(
      a['documents'] as Document[],
      without(a, 'documents'),
    )
    return { acknowledged, insertedCount, insertedIds }
  },
  insertOne: (c, a) => c.insertOne(a['document'] as Document, without(a, 'document')),
  listIndexes: (c, a) => c.listIndexes(a).toArray(),
  replaceOne: (c, a) =>
    c
      .replaceOne(a['filter'] as Document, a['replacement'] as Document, without(a, 'filter', 'replacement'))
      .then(updated),
  updateMany: (c, a) =>
    c.updateMany(a['filter'] as Document, a['update'] as Document, without(a, 'filter', 'update')).then(updated),
  updateOne: (c, a) =>
    c.updateOne(a['filter'] as Document, a['update'] as Document, without(a, 'filter', 'update')).then(updated),
  rename: (c, a) => c.rename(a['to'] as string, without(a, 'to')),
  dropIndexes: (c, a) => c.dropIndexes(a),
  listIndexNames: async (c, a) => (await c.listIndexes(a).toArray()).map(({ name }) => name as unknown),
  createSearchIndex: (c, a) => c.createSearchIndex(a['model'] as never),
  createSearchIndexes: (c, a) => c.createSearchIndexes(a['models'] as never),
  dropSearchIndex: (c, a) => c.dropSearchIndex(a['name'] as string),
  listSearchIndexes: (c, a) => c.listSearchIndexes(a['name'] as string, a['aggregationOptions'] as never).toArray(),
  updateSearchIndex: (c, a) => c.updateSearchIndex(a['name'] as string, a['definition'] as Document),
}

export const databaseOperations: Readonly<Record<string, Run<Db>>> = {
  aggregate: (d, a) => d.aggregate(a['pipeline'] as Document[], without(a, 'pipeline')).toArray(),
  createCollection: async (d, a) => {
    await d.createCollection(a['collection'] as string, without(a, 'collection'))
  },
  dropCollection: (d, a) => d.dropCollection(a['collection'] as string, without(a, 'collection')),
  listCollections: (d, a) => d.listCollections(a['filter'] as Document, without(a, 'filter')).toArray(),
  listCollectionObjects: (d, a) => d.listCollections(a['filter'] as Document, without(a, 'filter')).toArray(),
  listCollectionNames: async (d, a) => {
    const options = { ...without(a, 'filter'), nameOnly: true } as const
    return (await d.listCollections(a['filter'] as Document, options).toArray()).map(({ name }) => name)
  },
  modifyCollection: (d, a) => d.command({ collMod: a['collection'], ...without(a, 'collection') }) as Promise<unknown>,
  runCommand: (d, a) => d.command(a['command'] as Document, without(a, 'command', 'commandName')),
}

export const clientOperations: Readonly<Record<string, Run<MongoClient>>> = {
  clientBulkWrite: async (client, a) => {
    const models = (a['models'] as Json[]).map(clientModel)
    const options = { ...without(a, 'models'), ...(a['verboseResults'] === undefined ? {} : {}) }
    return clientBulkResult(await client.bulkWrite(models as never as AnyClientBulkWriteModel<Document>[], options))
  },
  dropDatabase: (client, a) => client.db(a['database'] as string).dropDatabase(without(a, 'database')),
  listDatabases: (client, a) => client.db().admin().listDatabases(a),
  listDatabaseObjects: (client, a) => client.db().admin().listDatabases(a),
  listDatabaseNames: async (client, a) => {
    const { databases } = await client
      .db()
      .admin()
      .listDatabases({ ...a, nameOnly: true })
    return databases.map(({ name }) => name)
  },
}

export const sessionOperations: Readonly<Record<string, Run<ClientSession>>> = {
  abortTransaction: (s, a) => s.abortTransaction(a),
  commitTransaction: (s, a) => s.commitTransaction(a),
  endSession: (s) => s.endSession(),
  startTransaction: (s, a) => Promise.resolve(s.startTransaction(transactionOptions(a))),
}

/** The names of the specification, as the driver calls them. */
export function transactionOptions(args: Json): Json {
  const options = without(args, 'callback')
  const preference = options['readPreference'] as Json | undefined
  return preference === undefined ? options : { ...options, readPreference: preference['mode'] }
}

export const bucketOperations: Readonly<Record<string, Run<GridFSBucket>>> = {
  delete: (b, a) => b.delete(a['id'] as ObjectId),
  deleteByName: async (b, a) => {
    const files = await b.find({ filename: a['filename'] as string }).toArray()
    if (files.length === 0)
      throw new Error(`File with filename ${JSON.stringify(a['filename'])} not found: FileNotFound`)
    for (const { _id } of files) await b.delete(_id)
  },
  download: (b, a) => buffer(b.openDownloadStream(a['id'] as ObjectId)),
  downloadByName: (b, a) =>
    buffer(b.openDownloadStreamByName(a['filename'] as string, without(a, 'filename') as never)),
  rename: (b, a) => b.rename(a['id'] as ObjectId, a['newFilename'] as string),
  renameByName: async (b, a) => {
    const files = await b.find({ filename: a['filename'] as string }).toArray()
    if (files.length === 0) throw new Error(`File with filename ${JSON.stringify(a['filename'])} not found`)
    for (const { _id } of files) await b.rename(_id, a['newFilename'] as string)
  },
  upload: async (b, a) => {
    const source = a['source'] as { $$hexBytes: string }
    const stream = b.openUploadStream(a['filename'] as string, without(a, 'filename', 'source', 'disableMD5') as never)
    const done = new Promise((resolve, reject) => stream.on('finish', resolve).on('error', reject))
    stream.end(Buffer.from(source.$$hexBytes, 'hex'))
    await done
    return stream.id
  },
}

function returned(args: Json): Json {
  if (args['returnDocument'] === undefined) return {}
  return { returnDocument: args['returnDocument'] === 'After' ? 'after' : 'before' }
}

/** The driver says null where the specification leaves a field out. */
function updated(result: unknown): unknown {
  const { upsertedId, ...rest } = result as Json
  return upsertedId === null || upsertedId === undefined ? rest : { ...rest, upsertedId }
}

function bulkModel(request: Json): Json {
  const [[kind, model]] = Object.entries(request) as [[string, Json]]
  return { [kind]: model }
}

export function bulkResult(result: BulkWriteResult, requests: readonly Json[] = []): Json {
  return {
    deletedCount: result.deletedCount,
    insertedCount: result.insertedCount,
    insertedIds: result.insertedIds,
    matchedCount: result.matchedCount,
    modifiedCount: result.modifiedCount,
    upsertedCount: result.upsertedCount,
    upsertedIds: result.upsertedIds,
    requestCount: requests.length,
  }
}

function clientModel(request: Json): Json {
  const [[name, model]] = Object.entries(request) as [[string, Json]]
  return { name, ...model }
}

export function clientBulkResult(result: ClientBulkWriteResult): Json {
  const byIndex = (results: ReadonlyMap<number, unknown> | undefined): Json | undefined =>
    results === undefined
      ? undefined
      : Object.fromEntries([...results].map(([index, value]) => [String(index), plainResult(value)]))
  return {
    insertedCount: result.insertedCount,
    upsertedCount: result.upsertedCount,
    matchedCount: result.matchedCount,
    modifiedCount: result.modifiedCount,
    deletedCount: result.deletedCount,
    insertResults: byIndex(result.insertResults),
    updateResults: byIndex(result.updateResults),
    deleteResults: byIndex(result.deleteResults),
  }
}

function plainResult(value: unknown): unknown {
  const { didUpsert: _, ...rest } = value as Json
  return updated(rest)
}
