/** Write concerns and read concerns: parsed strictly, and checked against what a single node can promise. */
import { DatabaseError } from '../base/errors.ts'
import { bsonType, typeAlias } from '../bson/type.ts'
import { documentFields, isNumber, readString, type Value } from '../bson/value.ts'
import { truthyAt, wholeNumberAt } from './number.ts'

export interface WriteConcern {
  /** Whether the client wants to hear of the outcome at all. */
  readonly acknowledged: boolean
  /** Whether the reply waits until the write is on disk. */
  readonly durable: boolean
}

/** What a command without a write concern gets. */
export const defaultWriteConcern: WriteConcern = { acknowledged: true, durable: true }
const unacknowledged: WriteConcern = { acknowledged: false, durable: false }
const inMemory: WriteConcern = { acknowledged: true, durable: false }

/** Reads `writeConcern`'s document; throws as a standalone does for what needs other members. */
export function parseWriteConcern(bytes: Uint8Array): WriteConcern {
  let w: number | string = 1
  let journal: boolean | undefined
  for (const field of documentFields(bytes)) {
    switch (field.name) {
      case 'w':
        w = parseW(field)
        break
      case 'j':
      case 'fsync':
        if (field.type === bsonType.null || field.type === bsonType.undefined) break
        if (field.type !== bsonType.boolean && !isNumber(field.type))
          throw new DatabaseError(
            'TypeMismatch',
            `BSON field 'writeConcern.${field.name}' is the wrong type '${typeAlias(field.type)}', expected types '[bool, long, int, decimal, double]'`,
          )
        journal = truthyAt(field.type, field.bytes, field.start)
        break
      case 'wtimeout':
        checkTimeout(field)
        break
      case 'provenance':
        checkProvenance('writeConcern', field)
        break
      case 'getLastError':
        break
      default:
        throw new DatabaseError('UnknownField', `BSON field 'writeConcern.${field.name}' is an unknown field.`)
    }
  }
  if (typeof w === 'string') {
    if (w !== 'majority')
      throw new DatabaseError(
        'BadValue',
        `cannot use non-majority 'w' mode "${w}" when a host is not a member of a replica set`,
      )
    return defaultWriteConcern
  }
  if (w > 1) throw new DatabaseError('BadValue', `cannot use 'w' > 1 when a host is not replicated`)
  if (w === 0) return journal === true ? { acknowledged: false, durable: true } : unacknowledged
  return journal === false ? inMemory : defaultWriteConcern
}

function parseW(field: Value): number | string {
  if (field.type === bsonType.string) return readString(field.bytes, field.start)
  if (isNumber(field.type)) {
    const number = isNaNAt(field) ? -1 : wholeNumberAt(field.type, field.bytes, field.start)
    if (number < 0 || number > 50)
      throw new DatabaseError('FailedToParse', 'w has to be a non-negative number and not greater than 50')
    return number
  }
  if (field.type === bsonType.document) {
    let tags = 0
    for (const tag of documentFields(field.bytes, field.start)) {
      if (!isNumber(tag.type))
        throw new DatabaseError('FailedToParse', `tags must be a single level document with only number values`)
      tags++
    }
    if (tags === 0) throw new DatabaseError('FailedToParse', 'tagged write concern requires tags')
    return 1
  }
  // Null takes the path of an unknown mode in MongoDB.
  if (field.type === bsonType.null || field.type === bsonType.undefined) return ''
  throw new DatabaseError('FailedToParse', 'w has to be a number, string, or object')
}

function isNaNAt(field: Value): boolean {
  const at = field.start
  if (field.type === bsonType.decimal128) return (field.bytes[at + 15]! & 0x7c) === 0x7c
  return (
    field.type === bsonType.double && (field.bytes[at + 7]! & 0x7f) === 0x7f && (field.bytes[at + 6]! & 0xf8) >= 0xf8
  )
}

function checkTimeout(field: Value): void {
  if (isNumber(field.type) && wholeNumberAt(field.type, field.bytes, field.start) > 0x7fffffff)
    throw new DatabaseError('FailedToParse', 'wtimeout must be a 32-bit integer')
}

const provenances: ReadonlySet<string> = new Set([
  'clientSupplied',
  'implicitDefault',
  'customDefault',
  'getLastErrorDefaults',
  'internalWriteDefault',
])

function checkProvenance(concern: string, field: Value): void {
  if (field.type === bsonType.null || field.type === bsonType.undefined) return
  if (field.type !== bsonType.string)
    throw new DatabaseError(
      'TypeMismatch',
      `BSON field '${concern}.provenance' is the wrong type '${typeAlias(field.type)}', expected type 'string'`,
    )
  const provenance = readString(field.bytes, field.start)
  if (!provenances.has(provenance))
    throw new DatabaseError(
      'BadValue',
      `Enumeration value '${provenance}' for field '${concern}.provenance' is not a valid value.`,
    )
}

export type ReadLevel = 'local' | 'available' | 'majority' | 'linearizable' | 'snapshot'

const levels: ReadonlySet<string> = new Set(['local', 'available', 'majority', 'linearizable', 'snapshot'])

/**
 * Reads `readConcern`'s document. A single node's latest data is local, available and majority committed at once;
 * the others need a replica set and are refused as a standalone refuses them.
 */
export function parseReadConcern(bytes: Uint8Array, command: string, allowed: boolean): void {
  let level: string | undefined
  let clusterTime = false
  for (const field of documentFields(bytes)) {
    switch (field.name) {
      case 'level':
        if (field.type === bsonType.null || field.type === bsonType.undefined) break
        if (field.type !== bsonType.string)
          throw new DatabaseError(
            'TypeMismatch',
            `BSON field 'readConcern.level' is the wrong type '${typeAlias(field.type)}', expected type 'string'`,
          )
        level = readString(field.bytes, field.start)
        if (!levels.has(level))
          throw new DatabaseError(
            'BadValue',
            `Enumeration value '${level}' for field 'readConcern.level' is not a valid value.`,
          )
        break
      case 'provenance':
        checkProvenance('readConcern', field)
        break
      case 'afterClusterTime':
      case 'atClusterTime':
        if (field.type === bsonType.null || field.type === bsonType.undefined) break
        if (field.type !== bsonType.timestamp)
          throw new DatabaseError(
            'TypeMismatch',
            `BSON field 'readConcern.${field.name}' is the wrong type '${typeAlias(field.type)}', expected type 'timestamp'`,
          )
        clusterTime = true
        break
      case 'afterOpTime':
      case '$oplogQueryData':
      case 'allowTransactionTableSnapshot':
      case 'waitLastStableRecoveryTimestamp':
        break
      default:
        throw new DatabaseError('UnknownField', `BSON field 'readConcern.${field.name}' is an unknown field.`)
    }
  }
  if (!allowed && level !== undefined && level !== 'local')
    throw new DatabaseError(
      'InvalidOptions',
      `Command ${command} does not support { readConcern: { level: "${level}", provenance: clientSupplied } } :: caused by :: read concern not supported`,
    )
  if (level === 'snapshot')
    throw new DatabaseError('NotAReplicaSet', `node needs to be a replica set member to use readConcern: snapshot`)
  if (level === 'linearizable')
    throw new DatabaseError('NotAReplicaSet', 'node needs to be a replica set member to use read concern')
  if (clusterTime && !allowed)
    throw new DatabaseError(
      'InvalidOptions',
      `Command ${command} does not support a readConcern with a cluster time :: caused by :: read concern not supported`,
    )
  if (clusterTime)
    throw new DatabaseError(
      'IllegalOperation',
      `Cannot specify afterClusterTime or atClusterTime readConcern without replication enabled`,
    )
}
