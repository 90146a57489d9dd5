/** applyOps: does what entries of an oplog say, one after the other. */
import { DatabaseError, type ErrorName } from '../../base/errors.ts'
import { timestampMax } from '../../base/timestamp.ts'
import { writeField } from '../../bson/build.ts'
import { bsonType, typeAlias } from '../../bson/type.ts'
import { documentFields, documentOf, getField, readString, type Value } from '../../bson/value.ts'
import { BsonWriter } from '../../bson/writer.ts'
import type { Collection } from '../../engine/collection.ts'
import { chooseCollation } from '../collation.ts'
import { defineCommand } from '../definition.ts'
import { anyType, commandFields, strictBooleanType } from '../fields.ts'
import { splitNamespace } from '../namespace.ts'
import type { Operation } from '../operation.ts'
import { deleteDocuments, type UpdateRequest, updateDocuments } from '../write.ts'
import { writableCollection } from '../write-insert.ts'

const fields = commandFields('applyOps', {
  applyOps: { type: anyType, required: true },
  allowAtomic: { type: strictBooleanType },
  alwaysUpsert: { type: strictBooleanType },
  preCondition: { type: anyType },
  prepare: { type: anyType },
  partialTxn: { type: anyType },
  count: { type: anyType },
  oplogApplicationMode: { type: anyType },
})

interface Applied {
  readonly results: boolean[]
}

export const applyOps = defineCommand({
  name: 'applyOps',
  help: 'does what entries of an oplog say',
  kind: 'writes',
  adminOnly: true,
  writeConcern: true,
  fields,
  parse: (): readonly Uint8Array[] => {
    const at = fields.at
    if (fields.type(at.applyOps) !== bsonType.array)
      throw new DatabaseError(
        'TypeMismatch',
        `BSON field 'applyOps.applyOps' is the wrong type '${typeAlias(fields.type(at.applyOps))}', expected type 'array'`,
      )
    const entries = fields.documents(at.applyOps)!
    const refuse = (error: ErrorName | number, message: string): never => {
      throw new DatabaseError(error, message)
    }
    if (fields.has(at.prepare)) refuse('BadValue', 'prepare is not a valid option of the applyOps command')
    if (fields.has(at.partialTxn)) refuse(31056, 'applyOps command cannot have partialTxn set')
    if (fields.has(at.count)) refuse('TypeMismatch', `BSON field 'applyOps.count' is of a wrong type`)
    if (fields.has(at.preCondition)) refuse(6711600, `applyOps command no longer supports the 'preCondition' option`)
    if (fields.boolean(at.alwaysUpsert))
      refuse(6711601, `applyOps command no longer supports the 'alwaysUpsert' option`)
    return entries.map((entry) => entry.slice())
  },
  run: async (operation: Operation, entries: readonly Uint8Array[]): Promise<Applied> => {
    const parsed = entries.map(parseEntry)
    const results: boolean[] = []
    for (const entry of parsed) {
      try {
        await apply(operation, entry)
        results.push(true)
      } catch (error) {
        if (!(error instanceof DatabaseError)) throw error
        results.push(false)
        const details = { ...error.details, applied: results.length, results }
        throw new DatabaseError(error.code, error.message, details, error.labels)
      }
      if (operation.due()) await operation.pause()
    }
    return operation.acknowledge({ results }, operation.instance.engine.lastIndex)
  },
  reply: ({ results }: Applied, writer: BsonWriter) => {
    writer.int32('applied', results.length)
    writeField(writer, 'results', results)
  },
})

interface Entry {
  readonly kind: string
  readonly database: string
  readonly collection: string
  readonly document: Uint8Array
  readonly match: Uint8Array | undefined
}

/** Errors, with MongoDB's codes: what is missing or of a wrong type. */
function parseEntry(entry: Uint8Array): Entry {
  const op = getField(entry, 'op')
  if (op === undefined) throw new DatabaseError('NoSuchKey', 'Missing expected field "op"')
  if (op.type !== bsonType.string)
    throw new DatabaseError('TypeMismatch', `"op" had the wrong type. Expected string, found ${typeAlias(op.type)}`)
  const kind = readString(op.bytes, op.start)
  if (kind === '') throw new DatabaseError('IllegalOperation', 'Unsupported operation type: the empty string')
  if (!/^[cdinu]$/.test(kind))
    throw new DatabaseError('BadValue', `Enumeration value '${kind}' for field 'op' is not a valid value.`)
  const ns = getField(entry, 'ns')
  const name = ns?.type === bsonType.string ? readString(ns.bytes, ns.start) : ''
  if (name === '') throw new DatabaseError('IllegalOperation', `applyOps needs a namespace in 'ns'`)
  const document = documentIn(entry, 'o')
  if (document === undefined)
    throw new DatabaseError('MissingField', `BSON field 'OplogEntryBase.o' is missing but a required field`)
  if (kind === 'c') throw new DatabaseError('NotImplemented', 'commands in applyOps are not supported yet')
  return { kind, ...splitNamespace(name), document, match: documentIn(entry, 'o2') }
}

function documentIn(entry: Uint8Array, name: string): Uint8Array | undefined {
  const value = getField(entry, name)
  return value?.type === bsonType.document ? documentOf(value) : undefined
}

async function apply(operation: Operation, entry: Entry): Promise<void> {
  const { kind, database, document, match } = entry
  if (kind === 'n') return
  const target = { database, collection: entry.collection }
  const collection = writableCollection(operation, target)
  if (kind === 'i') {
    const filter = byId(document)
    if (collection === undefined) throw missing(target)
    const update: Value = { type: bsonType.document, bytes: document, start: 0, end: document.length }
    await updateDocuments(operation, target, replaceOne(filter, update, true))
  } else if (kind === 'u') {
    const filter = byId(match ?? document)
    if (!isThere(collection, filter))
      throw new DatabaseError('UnknownError', 'failed to apply update: no document has that _id')
    if (getField(document, 'diff') !== undefined)
      throw new DatabaseError('NotImplemented', 'updates in the form of a diff are not supported yet')
    const update: Value = { type: bsonType.document, bytes: document, start: 0, end: document.length }
    await updateDocuments(operation, target, replaceOne(filter, update, false))
  } else {
    const filter = byId(document)
    if (collection === undefined) throw missing(target)
    chooseCollation(operation, collection, undefined)
    await deleteDocuments(operation, target, filter, 1, undefined)
  }
}

function replaceOne(filter: Uint8Array, update: Value, upsert: boolean): UpdateRequest {
  return { filter, update, multi: false, upsert, arrayFilters: [], hint: undefined, sort: undefined }
}

function isThere(collection: Collection | undefined, filter: Uint8Array): boolean {
  const [id] = documentFields(filter)
  return collection?.findById(id!.type, id!.bytes, id!.start, timestampMax) !== undefined
}

function missing(target: { readonly database: string; readonly collection: string }): DatabaseError {
  return new DatabaseError(
    'NamespaceNotFound',
    `Failed to apply operation due to missing collection (${target.database}.${target.collection})`,
  )
}

/** The filter on a document's `_id`. Errors: NoSuchKey without one. */
function byId(document: Uint8Array): Uint8Array {
  const id = getField(document, '_id')
  if (id === undefined) throw new DatabaseError('NoSuchKey', 'Missing expected field "_id"')
  const writer = new BsonWriter(64)
  writer.beginDocument()
  writer.value('_id', id)
  writer.end()
  return writer.finish()
}
