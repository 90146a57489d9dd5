import { DatabaseError } from '../../base/errors.ts'
import { writeField } from '../../bson/build.ts'
import { bsonType } from '../../bson/type.ts'
import { documentFields, getField, readString } from '../../bson/value.ts'
import type { BsonWriter } from '../../bson/writer.ts'
import type { Collection } from '../../engine/collection.ts'
import { defineCommand } from '../definition.ts'
import { anyType, commandFields, Fields, objectType, strictBooleanType, stringType } from '../fields.ts'
import { checkDatabaseName } from '../namespace.ts'
import type { Operation } from '../operation.ts'

const fields = commandFields('validateDBMetadata', {
  validateDBMetadata: { type: anyType },
  db: { type: stringType },
  collection: { type: stringType },
  apiParameters: { type: objectType, required: true },
})
const apiFields = new Fields('validateDBMetadata.apiParameters', {
  version: { type: stringType, required: true },
  strict: { type: strictBooleanType, refusesNull: true },
  deprecationErrors: { type: strictBooleanType, refusesNull: true },
})

interface Request {
  readonly database: string | undefined
  readonly collection: string | undefined
  readonly version: string
  readonly strict: boolean
}

interface Violation {
  readonly ns: string
  readonly code: number
  readonly codeName: string
  readonly errmsg: string
}

/** What of the catalog a version of the stable API does not allow. */
export const validateDBMetadata = defineCommand({
  name: 'validateDBMetadata',
  help: 'what of the catalog the stable API does not allow',
  kind: 'commands',
  fields,
  parse: (): Request => {
    const at = fields.at
    const api = apiFields.read(fields.document(at.apiParameters)!, 0)
    const database = fields.string(at.db)
    if (database !== undefined) checkName(database)
    return {
      database,
      collection: fields.string(at.collection),
      version: api.string(api.at.version)!,
      strict: api.boolean(api.at.strict),
    }
  },
  run: (operation: Operation, request: Request): readonly Violation[] => {
    if (!request.strict || request.version !== '1') return []
    const { engine } = operation.instance
    const databases = request.database === undefined ? engine.databases() : [request.database]
    return databases
      .flatMap((database) => engine.collections(database))
      .filter(({ name }) => request.collection === undefined || name === request.collection)
      .flatMap(violations)
  },
  reply: (violations: readonly Violation[], writer: BsonWriter) => writeField(writer, 'apiVersionErrors', violations),
})

function checkName(database: string): void {
  if (database === '') throw new DatabaseError(28539, 'db name must not be empty')
  if (/[ /\\"]/.test(database)) throw new DatabaseError(13280, `invalid db name: ${database}`)
  // A name with a dollar sign is that of no database, and may be asked for.
  checkDatabaseName(database.replaceAll('$', '_'))
}

function violations(collection: Collection): Violation[] {
  return collection.indexes
    .filter(({ definition }) => !isStable(definition.bytes))
    .map(({ name }) => ({
      ns: collection.namespace,
      code: 323,
      codeName: 'APIStrictError',
      errmsg: `The index with name ${name} is not allowed in API version 1.`,
    }))
}

/** Text, geoHaystack and sparse indexes are not in version 1. */
function isStable(definition: Uint8Array): boolean {
  if (getField(definition, 'sparse') !== undefined) return false
  const key = getField(definition, 'key')
  if (key === undefined) return true
  for (const part of documentFields(key.bytes, key.start)) {
    if (part.name === '_fts') return false
    if (part.type !== bsonType.string) continue
    const kind = readString(part.bytes, part.start)
    if (kind === 'text' || kind === 'geoHaystack') return false
  }
  return true
}
