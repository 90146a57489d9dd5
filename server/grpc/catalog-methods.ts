/** CatalogService's calls. The messages are those of proto/lauradb/v1/catalog_service.proto. */
import { readInt64 } from '../../pkg/bson/little-endian.ts'
import { bsonType } from '../../pkg/bson/type.ts'
import { getField, numberOf, stringOf, truthy } from '../../pkg/bson/value.ts'
import { CommandWriter, type Int64 } from './command-writer.ts'
import type { UnaryMethod, UnaryMethods } from './method.ts'
import { cursorIn, documentsIn, numberIn, wordsOf } from './reply-fields.ts'
import { failureOfWrites } from './status.ts'

interface DatabaseRequest {
  readonly database: string
  readonly options: Uint8Array
}

interface CollectionRequest extends DatabaseRequest {
  readonly collection: string
}

interface FilterRequest extends DatabaseRequest {
  readonly filter: Uint8Array
}

interface RenameRequest extends CollectionRequest {
  readonly targetDatabase: string
  readonly targetCollection: string
  readonly dropTarget: boolean
}

interface CreateIndexesRequest extends CollectionRequest {
  readonly indexes: readonly Uint8Array[]
}

interface DropIndexesRequest extends CollectionRequest {
  readonly names: readonly string[]
}

const writer = new CommandWriter()

/** Lists are short, but a batch is not everything: these are asked for in one. */
const wholeList = 0x7fffffff

function empty(): object {
  return {}
}

const listDatabases: UnaryMethod<Omit<FilterRequest, 'database'>> = {
  command: (request, maxTimeMs) =>
    writer.begin('listDatabases', 1, 'admin', maxTimeMs).document('filter', request.filter).finish(request.options),
  response: (reply) => ({
    databases: documentsIn(getField(reply, 'databases')).map((each) => ({
      name: stringOf(getField(each, 'name')!),
      sizeOnDisk: sizeOf(each),
      empty: truthyIn(each, 'empty'),
    })),
  }),
}

function sizeOf(database: Uint8Array): Int64 {
  const size = getField(database, 'sizeOnDisk')
  if (size === undefined) return 0
  return size.type === bsonType.int64 ? wordsOf(readInt64(size.bytes, size.start)) : numberOf(size)
}

function truthyIn(document: Uint8Array, name: string): boolean {
  const value = getField(document, name)
  return value !== undefined && truthy(value)
}

const dropDatabase: UnaryMethod<DatabaseRequest> = {
  command: (request, maxTimeMs) => writer.begin('dropDatabase', 1, request.database, maxTimeMs).finish(request.options),
  response: empty,
  failure: failureOfWrites,
}

const listCollections: UnaryMethod<FilterRequest> = {
  command: (request, maxTimeMs) =>
    writer
      .begin('listCollections', 1, request.database, maxTimeMs)
      .document('filter', request.filter)
      .embedded('cursor', (cursor) => cursor.int32('batchSize', wholeList))
      .finish(request.options),
  response: (reply) => ({ collections: documentsIn(cursorIn(reply)?.batch) }),
}

const createCollection: UnaryMethod<CollectionRequest> = {
  command: (request, maxTimeMs) =>
    writer.begin('create', request.collection, request.database, maxTimeMs).finish(request.options),
  response: empty,
  failure: failureOfWrites,
}

const dropCollection: UnaryMethod<CollectionRequest> = {
  command: (request, maxTimeMs) =>
    writer.begin('drop', request.collection, request.database, maxTimeMs).finish(request.options),
  response: empty,
  failure: failureOfWrites,
}

const renameCollection: UnaryMethod<RenameRequest> = {
  command: (request, maxTimeMs) =>
    writer
      .begin('renameCollection', `${request.database}.${request.collection}`, 'admin', maxTimeMs)
      .string('to', `${request.targetDatabase || request.database}.${request.targetCollection}`)
      .boolean('dropTarget', request.dropTarget)
      .finish(request.options),
  response: empty,
  failure: failureOfWrites,
}

const listIndexes: UnaryMethod<CollectionRequest> = {
  command: (request, maxTimeMs) =>
    writer
      .begin('listIndexes', request.collection, request.database, maxTimeMs)
      .embedded('cursor', (cursor) => cursor.int32('batchSize', wholeList))
      .finish(request.options),
  response: (reply) => ({ indexes: documentsIn(cursorIn(reply)?.batch) }),
}

const createIndexes: UnaryMethod<CreateIndexesRequest> = {
  command: (request, maxTimeMs) =>
    writer
      .begin('createIndexes', request.collection, request.database, maxTimeMs)
      .documents('indexes', request.indexes)
      .finish(request.options),
  response: (reply) => ({
    indexesBefore: numberIn(reply, 'numIndexesBefore'),
    indexesAfter: numberIn(reply, 'numIndexesAfter'),
  }),
  failure: failureOfWrites,
}

const dropIndexes: UnaryMethod<DropIndexesRequest> = {
  command: (request, maxTimeMs) => {
    writer.begin('dropIndexes', request.collection, request.database, maxTimeMs)
    if (request.names.length === 1) writer.string('index', request.names[0]!)
    else writer.strings('index', request.names)
    return writer.finish(request.options)
  },
  response: empty,
  failure: failureOfWrites,
}

export const catalogMethods = {
  ListDatabases: listDatabases,
  DropDatabase: dropDatabase,
  ListCollections: listCollections,
  CreateCollection: createCollection,
  DropCollection: dropCollection,
  RenameCollection: renameCollection,
  ListIndexes: listIndexes,
  CreateIndexes: createIndexes,
  DropIndexes: dropIndexes,
} satisfies UnaryMethods
