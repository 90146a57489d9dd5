/** setQuerySettings and removeQuerySettings. */
import { DatabaseError } from '../../base/errors.ts'
import { buildDocument, rawDocument, writeFields } from '../../bson/build.ts'
import { bsonType, typeAlias } from '../../bson/type.ts'
import { arrayValue, documentFields, documentOf, getField, readString, type Value } from '../../bson/value.ts'
import type { BsonWriter } from '../../bson/writer.ts'
import { isShaped, queryShapeHash } from '../command-shape.ts'
import { type AnyDefinition, defineCommand, emptyReply, noSequences } from '../definition.ts'
import { idEqualityAt } from '../document.ts'
import {
  anyType,
  arrayType,
  commandFields,
  Fields,
  objectOrArrayType,
  objectType,
  strictBooleanType,
  stringType,
} from '../fields.ts'
import { checkDatabaseName } from '../namespace.ts'
import type { Operation } from '../operation.ts'
import { querySettingsCollection, type SetQuery, setQueryDocument } from '../query-settings.ts'
import { deleteDocuments, updateDocuments } from '../write.ts'

const settingsFields = new Fields('setQuerySettings.settings', {
  indexHints: { type: objectOrArrayType, refusesNull: true },
  queryFramework: { type: stringType, refusesNull: true },
  reject: { type: strictBooleanType, refusesNull: true },
  comment: { type: anyType },
})
const hintFields = new Fields('setQuerySettings.settings.indexHints', {
  ns: { type: objectType, required: true },
  allowedIndexes: { type: arrayType, required: true },
})
const namespaceFields = new Fields('setQuerySettings.settings.indexHints.ns', {
  db: { type: stringType },
  coll: { type: stringType },
})

/** Which queries are meant: by a command like them, or by the hash of their shape. */
interface Meant {
  readonly hash: string
  readonly query: Uint8Array | undefined
}

const hashLength = 64

/** Errors: TypeMismatch, BadValue and InvalidLength for what is no hash, 7746402 for what is no query, and what is wrong with the query. */
function meant(path: string, value: Value | undefined, definitionOf: (body: Uint8Array) => AnyDefinition): Meant {
  if (value?.type === bsonType.string) {
    const hash = readString(value.bytes, value.start)
    if (/[^0-9a-fA-F]/.test(hash))
      throw new DatabaseError('BadValue', `The query shape hash is not hexadecimal: ${hash}`)
    if (hash.length !== hashLength)
      throw new DatabaseError('InvalidLength', `A query shape hash has ${hashLength} digits, not ${hash.length}`)
    return { hash: hash.toUpperCase(), query: undefined }
  }
  if (value?.type !== bsonType.document)
    throw new DatabaseError(
      'TypeMismatch',
      `BSON field '${path}' is the wrong type '${typeAlias(value?.type ?? bsonType.null)}', expected types '[string, object]'`,
    )
  const query = documentOf(value).slice()
  const [first] = documentFields(query)
  if (first === undefined || !isShaped(first.name))
    throw new DatabaseError(
      7746402,
      'QueryShape can not be computed for a command that is no find, distinct or aggregate',
    )
  const database = getField(query, '$db')
  if (database?.type !== bsonType.string)
    throw new DatabaseError('MissingField', `BSON field '${path}.$db' is missing but a required field`)
  const name = readString(database.bytes, database.start)
  checkDatabaseName(name)
  const definition = definitionOf(query)
  definition.fields.read(query, 0)
  definition.parse(name, noSequences)
  return { hash: queryShapeHash(name, query)!, query }
}

/** Errors: 8584900 for a system's collection, 7746606 for a search by `_id`, which needs no plan. */
function refuseUnsettable(query: Uint8Array): void {
  const [first] = documentFields(query)
  const database = getField(query, '$db')!
  const name = readString(database.bytes, database.start)
  const collection = first!.type === bsonType.string ? readString(first!.bytes, first!.start) : ''
  if (['admin', 'config', 'local'].includes(name) || collection.startsWith('system.'))
    throw new DatabaseError(8584900, `Query settings cannot be set on internal databases and system collections`)
  const filter = getField(query, 'filter')
  if (first!.name === 'find' && filter?.type === bsonType.document && idEqualityAt(documentOf(filter)) >= 0)
    throw new DatabaseError(7746606, 'Query settings cannot be set on queries by _id')
}

/** The settings as they are kept: hints as a list, those that allow nothing left out, as is `reject: false`. */
function normalised(settings: Uint8Array): Record<string, unknown> {
  const read = settingsFields.read(settings, 0)
  const at = read.at
  if (settings.length === 5)
    throw new DatabaseError(8727502, 'settings field in setQuerySettings command cannot be empty')
  const framework = read.string(at.queryFramework)
  if (framework !== undefined && framework !== 'classic' && framework !== 'sbe')
    throw new DatabaseError(
      'BadValue',
      `Enumeration value '${framework}' for field 'setQuerySettings.settings.queryFramework' is not a valid value.`,
    )
  const comment = read.value(at.comment)
  const hints = read.value(at.indexHints)
  const listed = hints === undefined ? [] : hints.type === bsonType.array ? documentsIn(hints) : [hints]
  return {
    indexHints:
      hints === undefined
        ? undefined
        : listed
            .map(hintOf)
            .filter(({ length }) => length > 0)
            .map(rawDocument),
    queryFramework: framework,
    reject: read.has(at.reject) ? read.boolean(at.reject) : undefined,
    comment,
  }
}

function documentsIn(array: Value): Value[] {
  return [...documentFields(array.bytes, array.start)].map((element) => {
    if (element.type === bsonType.document) return element
    throw new DatabaseError(
      'TypeMismatch',
      `BSON field 'setQuerySettings.settings.indexHints.${element.name}' is the wrong type '${typeAlias(element.type)}', expected type 'object'`,
    )
  })
}

/** A hint as it is kept; of no length when it allows no index. */
function hintOf(hint: Value): Uint8Array {
  const read = hintFields.read(hint.bytes, hint.start)
  const namespace = namespaceFields.read(read.bytes, read.start(read.at.ns))
  const database = namespace.string(namespace.at.db)
  if (database === undefined) throw new DatabaseError(8727500, 'invalid namespace in index hints: it has no database')
  const collection = namespace.string(namespace.at.coll)
  if (collection === undefined)
    throw new DatabaseError(8727501, 'invalid namespace in index hints: it has no collection')
  const allowed = read.document(read.at.allowedIndexes)!
  for (const index of documentFields(allowed))
    if (index.type !== bsonType.string && index.type !== bsonType.document)
      throw new DatabaseError('FailedToParse', 'an allowed index must be a name or a key pattern')
  if (allowed.length === 5) return new Uint8Array(0)
  return buildDocument({ ns: { db: database, coll: collection }, allowedIndexes: arrayValue(allowed.slice()) })
}

/** Settings with what is new in them. Errors: 7746604 when nothing is set any more. */
function merged(old: Uint8Array | undefined, fresh: Record<string, unknown>): Uint8Array {
  const fields: Record<string, unknown> = {}
  if (old !== undefined) for (const field of documentFields(old)) fields[field.name] = field
  for (const [name, value] of Object.entries(fresh)) if (value !== undefined) fields[name] = value
  if (fields['reject'] === false) fields['reject'] = undefined
  if (Array.isArray(fields['indexHints']) && fields['indexHints'].length === 0) fields['indexHints'] = undefined
  if (['indexHints', 'queryFramework', 'reject'].every((name) => fields[name] === undefined))
    throw new DatabaseError(7746604, 'the resulting settings cannot be empty or contain only default values')
  return buildDocument(fields)
}

interface SetRequest extends Meant {
  readonly settings: Record<string, unknown>
}

/** `commandOf`: the table of all commands, of which this one is part. */
export function setQuerySettingsCommand(commandOf: (body: Uint8Array) => AnyDefinition) {
  const fields = commandFields('setQuerySettings', {
    setQuerySettings: { type: anyType },
    settings: { type: objectType, required: true },
  })
  return defineCommand({
    name: 'setQuerySettings',
    help: 'says how queries of one shape are to be planned, or that they are refused',
    kind: 'commands',
    adminOnly: true,
    fields,
    parse: (): SetRequest => {
      const which = meant('setQuerySettings.setQuerySettings', fields.value(fields.at.setQuerySettings), commandOf)
      const settings = normalised(fields.document(fields.at.settings)!)
      if (which.query !== undefined) refuseUnsettable(which.query)
      return { ...which, settings }
    },
    run: async (operation: Operation, { hash, query, settings }: SetRequest): Promise<SetQuery> => {
      const { querySettings, engine } = operation.instance
      const before = querySettings.get(hash)
      if (before === undefined && query === undefined)
        throw new DatabaseError(7746401, 'New query settings can only be created with a query, not with a hash alone')
      const set = { hash, query: before?.query ?? query, settings: merged(before?.settings, settings) }
      const document = setQueryDocument(set)
      const update = { type: bsonType.document, bytes: document, start: 0, end: document.length }
      const plain = { multi: false, upsert: true, arrayFilters: [], hint: undefined, sort: undefined }
      const write = { filter: buildDocument({ _id: hash }), update, ...plain }
      await updateDocuments(operation, querySettingsCollection, write)
      querySettings.set(set)
      return operation.acknowledge(set, engine.lastIndex)
    },
    reply: ({ hash, query, settings }: SetQuery, writer: BsonWriter) =>
      writeFields(writer, {
        queryShapeHash: hash,
        representativeQuery: query === undefined ? undefined : rawDocument(query),
        settings: rawDocument(settings),
      }),
  })
}

/** `commandOf`: as above. */
export function removeQuerySettingsCommand(commandOf: (body: Uint8Array) => AnyDefinition) {
  const fields = commandFields('removeQuerySettings', { removeQuerySettings: { type: anyType } })
  return defineCommand({
    name: 'removeQuerySettings',
    help: 'forgets the settings of queries of one shape',
    kind: 'commands',
    adminOnly: true,
    fields,
    parse: (): string =>
      meant('removeQuerySettings.removeQuerySettings', fields.value(fields.at.removeQuerySettings), commandOf).hash,
    run: async (operation: Operation, hash: string): Promise<undefined> => {
      const { querySettings, engine } = operation.instance
      if (querySettings.get(hash) === undefined) return
      await deleteDocuments(operation, querySettingsCollection, buildDocument({ _id: hash }), 1, undefined)
      querySettings.remove(hash)
      return operation.acknowledge(undefined, engine.lastIndex)
    },
    reply: emptyReply,
  })
}
