/** getDefaultRWConcern and setDefaultRWConcern: only replica sets and sharded clusters have defaults. */
import { DatabaseError } from '../../base/errors.ts'
import { buildDocument, rawDocument, writeFields } from '../../bson/build.ts'
import { bsonType } from '../../bson/type.ts'
import { getField, isNumber, readString, timestampValue } from '../../bson/value.ts'
import { wholeNumberAt } from '../../bson/whole-number.ts'
import type { BsonWriter } from '../../bson/writer.ts'
import { parseReadConcern, parseWriteConcern } from '../concern.ts'
import { type SetConcerns, settingsCollection, settingsDocument, settingsFilter } from '../concern-defaults.ts'
import { defineCommand } from '../definition.ts'
import { anyType, commandFields, objectType, strictBooleanType } from '../fields.ts'
import type { Operation } from '../operation.ts'
import { updateDocuments } from '../write.ts'

const getFields = commandFields('getDefaultRWConcern', {
  getDefaultRWConcern: { type: anyType },
  inMemory: { type: strictBooleanType },
})
const setFields = commandFields('setDefaultRWConcern', {
  setDefaultRWConcern: { type: anyType },
  defaultReadConcern: { type: objectType },
  defaultWriteConcern: { type: objectType },
})

type Shown = Readonly<Record<string, unknown>>

/** As MongoDB has it when nothing is set. */
const implicitWrite = buildDocument({ w: 'majority', wtimeout: 0 })
const implicitRead = buildDocument({ level: 'local' })

export const getDefaultRWConcern = defineCommand({
  name: 'getDefaultRWConcern',
  help: 'the read and write concern of commands that name none',
  kind: 'commands',
  adminOnly: true,
  fields: getFields,
  parse: (): boolean => getFields.boolean(getFields.at.inMemory),
  run: (operation: Operation, inMemory: boolean): Shown => {
    requireSet(operation, 'getDefaultRWConcern')
    return { ...shown(operation), ...(inMemory ? { inMemory: true } : {}) }
  },
  reply: (fields: Shown, writer: BsonWriter) => writeFields(writer, fields),
})

interface SetRequest {
  /** Empty: to be as if none were set. */
  readonly read: Uint8Array | undefined
  readonly write: Uint8Array | undefined
}

export const setDefaultRWConcern = defineCommand({
  name: 'setDefaultRWConcern',
  help: 'sets the read and write concern of commands that name none',
  kind: 'commands',
  adminOnly: true,
  writeConcern: true,
  fields: setFields,
  parse: (): SetRequest => {
    const at = setFields.at
    return {
      read: setFields.document(at.defaultReadConcern)?.slice(),
      write: setFields.document(at.defaultWriteConcern)?.slice(),
    }
  },
  run: async (operation: Operation, request: SetRequest): Promise<Shown> => {
    requireSet(operation, 'setDefaultRWConcern')
    const { instance } = operation
    const { defaults, engine } = instance
    if (request.read === undefined && request.write === undefined)
      throw new DatabaseError(
        'BadValue',
        'At least one of the "defaultReadConcern" or "defaultWriteConcern" fields must be present',
      )
    const before = defaults.get(operation.nowMs)
    const concerns: SetConcerns = {
      read: request.read === undefined ? before?.read : checkedRead(request.read),
      write: request.write === undefined ? before?.write : checkedWrite(request.write, before?.write),
      at: engine.clusterTime,
      wallMs: operation.nowMs,
    }
    const document = settingsDocument(concerns)
    const update = { type: bsonType.document, bytes: document, start: 0, end: document.length }
    const plain = { multi: false, upsert: true, arrayFilters: [], hint: undefined, sort: undefined }
    const write = { filter: settingsFilter, update, ...plain }
    await updateDocuments(operation, settingsCollection, write)
    defaults.set(concerns, operation.nowMs)
    return operation.acknowledge(shown(operation), engine.lastIndex)
  },
  reply: (fields: Shown, writer: BsonWriter) => writeFields(writer, fields),
})

function requireSet({ instance }: Operation, command: string): void {
  if (instance.replicaSet === undefined)
    throw new DatabaseError(51300, `'${command}' is not supported on standalone nodes.`)
}

function shown(operation: Operation): Shown {
  const { defaults } = operation.instance
  const set = defaults.get(operation.nowMs)
  return {
    defaultReadConcern: rawDocument(set?.read ?? implicitRead),
    defaultWriteConcern: rawDocument(set?.write ?? implicitWrite),
    updateOpTime: set === undefined ? undefined : timestampValue(set.at),
    updateWallClockTime: set === undefined ? undefined : new Date(set.wallMs),
    defaultWriteConcernSource: set?.write === undefined ? 'implicit' : 'global',
    defaultReadConcernSource: set?.read === undefined ? 'implicit' : 'global',
    localUpdateWallClockTime: new Date(defaults.learntMs),
  }
}

/** Undefined for an empty one, which unsets it. Errors: BadValue for a level that is for single commands. */
function checkedRead(concern: Uint8Array): Uint8Array | undefined {
  if (concern.length === 5) return undefined
  const { level, explicit, at, after } = parseReadConcern(concern, {
    command: 'setDefaultRWConcern',
    allowed: true,
    snapshotAllowed: true,
    clusterTime: undefined,
    isDefault: true,
  })
  if (level === 'snapshot' || level === 'linearizable')
    throw new DatabaseError('BadValue', `level: '${level}' is not suitable for the default read concern`)
  if (at !== undefined || after !== undefined)
    throw new DatabaseError('BadValue', 'a cluster time is not suitable for the default read concern')
  return explicit ? buildDocument({ level }) : undefined
}

function checkedWrite(concern: Uint8Array, before: Uint8Array | undefined): Uint8Array | undefined {
  if (concern.length === 5) {
    if (before === undefined) return undefined
    throw new DatabaseError('IllegalOperation', 'The global default write concern cannot be unset once it is set.')
  }
  const parsed = parseWriteConcern(concern, true)
  const w = getField(concern, 'w')
  if (w === undefined) throw new DatabaseError('BadValue', `missing 'w' field`)
  if (!parsed.acknowledged)
    throw new DatabaseError('BadValue', 'Unacknowledged write concern is not suitable for the default write concern')
  const timeout = getField(concern, 'wtimeout')
  const j = getField(concern, 'j')
  return buildDocument({
    w:
      w.type === bsonType.string
        ? readString(w.bytes, w.start)
        : isNumber(w.type)
          ? wholeNumberAt(w.type, w.bytes, w.start)
          : w,
    j,
    wtimeout:
      timeout !== undefined && isNumber(timeout.type) ? wholeNumberAt(timeout.type, timeout.bytes, timeout.start) : 0,
  })
}
