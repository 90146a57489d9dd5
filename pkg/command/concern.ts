/** Write concerns and read concerns: parsed strictly, and checked against what a single node can promise. */
import { DatabaseError } from '../base/errors.ts'
import { counterOf, secondsOf, type Timestamp, timestampMin } from '../base/timestamp.ts'
import { bsonType, typeAlias } from '../bson/type.ts'
import { documentFields, isNumber, readString, readTimestamp, type Value } from '../bson/value.ts'
import { wholeNumberAt } from '../bson/whole-number.ts'
import { truthyAt } from './truth.ts'

export interface WriteConcern {
  /** Whether the client wants to hear of the outcome at all. */
  readonly acknowledged: boolean
  /** Whether the reply waits until the write is on disk. */
  readonly durable: boolean
  /** Why it cannot be met by the members there are: the write is done, and the reply says so. */
  readonly unmet?: UnmetWriteConcern
}

/** The `writeConcernError` of a reply. */
export interface UnmetWriteConcern {
  readonly code: number
  readonly codeName: string
  readonly errmsg: string
  readonly errInfo: { readonly writeConcern: Readonly<Record<string, unknown>> }
}

/** What a command without a write concern gets. */
export const defaultWriteConcern: WriteConcern = { acknowledged: true, durable: true }
const unacknowledged: WriteConcern = { acknowledged: false, durable: false }
/** As the default, without waiting for the disk. */
export const inMemory: WriteConcern = { acknowledged: true, durable: false }

/**
 * Reads `writeConcern`'s document. What needs other members a standalone refuses; a replica set of one (`replicated`) does the write and
 * says that the concern was not met.
 */
export function parseWriteConcern(bytes: Uint8Array, replicated = false): WriteConcern {
  let w: number | string | Tags = 1
  let timeoutMs = 0
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
        timeoutMs = parseTimeout(field)
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
  if (w === 'majority') return defaultWriteConcern
  if (w === 0) return journal === true ? { acknowledged: false, durable: true } : unacknowledged
  const met = journal === false ? inMemory : defaultWriteConcern
  if (w === 1) return met
  if (replicated) return { ...met, unmet: unmetBecause(w, timeoutMs) }
  if (typeof w === 'string')
    throw new DatabaseError(
      'BadValue',
      `cannot use non-majority 'w' mode "${w}" when a host is not a member of a replica set`,
    )
  if (typeof w === 'number') throw new DatabaseError('BadValue', `cannot use 'w' > 1 when a host is not replicated`)
  return met
}

function unmetBecause(w: number | string | Tags, wtimeout: number): UnmetWriteConcern {
  const errInfo = { writeConcern: { w, wtimeout, provenance: 'clientSupplied' } }
  return typeof w === 'string'
    ? {
        code: 79,
        codeName: 'UnknownReplWriteConcern',
        errmsg: `No write concern mode named '${w}' found in replica set configuration`,
        errInfo,
      }
    : { code: 100, codeName: 'UnsatisfiableWriteConcern', errmsg: 'Not enough data-bearing nodes', errInfo }
}

/** How many members of each tag are to have the write. */
type Tags = Readonly<Record<string, number>>

function parseW(field: Value): number | string | Tags {
  if (field.type === bsonType.string) return readString(field.bytes, field.start)
  if (isNumber(field.type)) {
    const number = isNaNAt(field) ? -1 : wholeNumberAt(field.type, field.bytes, field.start)
    if (number < 0 || number > 50)
      throw new DatabaseError('FailedToParse', 'w has to be a non-negative number and not greater than 50')
    return number
  }
  if (field.type === bsonType.document) {
    const tags: Record<string, number> = {}
    for (const tag of documentFields(field.bytes, field.start)) {
      if (!isNumber(tag.type))
        throw new DatabaseError('FailedToParse', `tags must be a single level document with only number values`)
      tags[tag.name] = wholeNumberAt(tag.type, tag.bytes, tag.start)
    }
    if (Object.keys(tags).length === 0) throw new DatabaseError('FailedToParse', 'tagged write concern requires tags')
    return tags
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

function parseTimeout(field: Value): number {
  if (!isNumber(field.type)) return 0
  const ms = wholeNumberAt(field.type, field.bytes, field.start)
  if (ms > 0x7fffffff) throw new DatabaseError('FailedToParse', 'wtimeout must be a 32-bit integer')
  return ms
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

export interface ReadConcern {
  readonly level: ReadLevel
  /** Whether the client named the level. */
  readonly explicit: boolean
  /** What is read must have happened by then: `afterClusterTime`. */
  readonly after: Timestamp | undefined
  /** The moment to read at: `atClusterTime`. */
  readonly at: Timestamp | undefined
}

/** What a command without a read concern gets. */
export const defaultReadConcern: ReadConcern = { level: 'local', explicit: false, after: undefined, at: undefined }

/** Whether what is read must have been on disk before the client sees it. */
export function readsDurably({ level }: ReadConcern): boolean {
  return level === 'majority' || level === 'linearizable' || level === 'snapshot'
}

/** What the checks of a read concern need to know of the command and the node. */
export interface ReadConcernUse {
  readonly command: string
  /** Levels other than local are accepted. */
  readonly allowed: boolean
  /** Outside of a transaction, `snapshot` is for few commands. */
  readonly snapshotAllowed: boolean
  /** Throws for a level that what the command asks for cannot be read with. */
  readonly refuse?: ((level: ReadLevel) => void) | undefined
  /** The greatest cluster time this node knows; undefined: it is no member of a replica set. */
  readonly clusterTime: Timestamp | undefined
  /** It is to be a default: what a standalone refuses is no matter. */
  readonly isDefault?: boolean
}

/**
 * Reads `readConcern`'s document. A single node's latest durable data is local, available and majority committed at once;
 * a standalone refuses what needs a replica set.
 */
export function parseReadConcern(bytes: Uint8Array, use: ReadConcernUse): ReadConcern {
  const concern = readConcernIn(bytes)
  const { level, explicit, after, at } = concern
  if (at !== undefined && after !== undefined)
    throw new DatabaseError('InvalidOptions', 'Specifying both atClusterTime and afterClusterTime is not allowed')
  if (at !== undefined && level !== 'snapshot')
    throw new DatabaseError('InvalidOptions', 'atClusterTime field can be set only if level is equal to snapshot')
  if (after !== undefined && (level === 'available' || level === 'linearizable'))
    throw new DatabaseError(
      'InvalidOptions',
      'afterClusterTime field can be set only if level is equal to majority, local, or snapshot',
    )
  if ((!use.allowed && explicit && level !== 'local') || (level === 'snapshot' && !use.snapshotAllowed))
    throw new DatabaseError(
      'InvalidOptions',
      `Command ${use.command} does not support { readConcern: { level: "${level}", provenance: clientSupplied } } :: caused by :: read concern not supported`,
    )
  if (use.isDefault === true) return concern
  if (explicit) use.refuse?.(level)
  if (use.clusterTime === undefined) refuseOnStandalone(concern)
  else {
    if (at !== undefined) checkClusterTime('atClusterTime', at, use.clusterTime)
    if (after !== undefined) checkClusterTime('afterClusterTime', after, use.clusterTime)
  }
  return concern
}

function readConcernIn(bytes: Uint8Array): ReadConcern {
  let level: string | undefined
  let after: Timestamp | undefined
  let at: Timestamp | undefined
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
        after = clusterTimeIn(field)
        break
      case 'atClusterTime':
        at = clusterTimeIn(field)
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
  return { level: (level ?? 'local') as ReadLevel, explicit: level !== undefined, after, at }
}

function clusterTimeIn(field: Value & { readonly name: string }): Timestamp {
  if (field.type !== bsonType.timestamp)
    throw new DatabaseError(
      'TypeMismatch',
      `BSON field 'readConcern.${field.name}' is the wrong type '${typeAlias(field.type)}', expected type 'timestamp'`,
    )
  return readTimestamp(field.bytes, field.start)
}

function checkClusterTime(field: string, asked: Timestamp, known: Timestamp): void {
  if (asked === timestampMin) throw new DatabaseError('InvalidOptions', `${field} cannot be a null timestamp`)
  if (asked > known)
    throw new DatabaseError(
      'InvalidOptions',
      `readConcern ${field} value must not be greater than the current clusterTime. Requested clusterTime: ${shown(asked)}; current clusterTime: ${shown(known)}`,
    )
}

function shown(timestamp: Timestamp): string {
  return `{ ts: Timestamp(${secondsOf(timestamp)}, ${counterOf(timestamp)}) }`
}

function refuseOnStandalone({ level, after, at }: ReadConcern): void {
  if (level === 'snapshot')
    throw new DatabaseError('NotAReplicaSet', `node needs to be a replica set member to use readConcern: snapshot`)
  if (level === 'linearizable')
    throw new DatabaseError('NotAReplicaSet', 'node needs to be a replica set member to use read concern')
  if (after === timestampMin) throw new DatabaseError('InvalidOptions', 'afterClusterTime cannot be a null timestamp')
  if (after !== undefined || at !== undefined)
    throw new DatabaseError(
      'IllegalOperation',
      `Cannot specify afterClusterTime or atClusterTime readConcern without replication enabled`,
    )
}
