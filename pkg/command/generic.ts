/** The fields that every command takes: session, concerns, time limit, API version, transaction fields. */
import { DatabaseError } from '../base/errors.ts'
import { bsonType } from '../bson/type.ts'
import { documentFields, getField, numberOf } from '../bson/value.ts'
import { learnClusterTime } from './cluster-time.ts'
import { parseReadConcern, parseWriteConcern } from './concern.ts'
import { commandFields, type Fields, type GenericName } from './fields.ts'
import type { Operation } from './operation.ts'
import { sessionIdStart } from './session.ts'
import { checkStatementConcerns } from './session-transaction.ts'
import { readTransactionFields } from './transaction-fields.ts'

/** The generic fields stand at the same positions in every command's table. */
export const generic = (commandFields('', {}) as Fields<GenericName>).at

const maxTimeMsLimit = 0x7fffffff

/** The commands that the cluster parameter `defaultMaxTimeMS` limits. */
const limited: ReadonlySet<string> = new Set(['find', 'aggregate', 'count', 'distinct', 'dbHash'])

function limitReads(operation: Operation): void {
  const limitMs = operation.instance.clusterParameters.readTimeLimitMs
  if (limitMs > 0 && !writesByPipeline(operation.body)) operation.limitTime(limitMs)
}

function writesByPipeline(command: Uint8Array | undefined): boolean {
  const pipeline = command && getField(command, 'pipeline')
  if (pipeline?.type !== bsonType.array) return false
  const last = [...documentFields(pipeline.bytes, pipeline.start)].at(-1)
  if (last?.type !== bsonType.document) return false
  const [stage] = documentFields(last.bytes, last.start)
  return stage?.name === '$out' || stage?.name === '$merge'
}

/** Applies the generic fields of the command just read into `fields` to the operation. */
export function applyGenericFields(operation: Operation, fields: Fields<string>): void {
  const { command, instance } = operation
  if (fields.has(generic.lsid)) useSession(operation, fields)
  if (fields.has(generic.maxTimeMS)) operation.limitTime(timeLimit(fields, generic.maxTimeMS))
  else if (instance.replicaSet !== undefined && limited.has(command.name)) limitReads(operation)
  if (fields.has(generic.writeConcern)) {
    if (command.writeConcern !== true)
      throw new DatabaseError('InvalidOptions', `Command ${command.name} does not support writeConcern`)
    operation.writeConcern = parseWriteConcern(
      fields.document(generic.writeConcern)!,
      instance.replicaSet !== undefined,
    )
  }
  if (
    fields.has(generic.txnNumber) ||
    fields.has(generic.autocommit) ||
    fields.has(generic.startTransaction) ||
    fields.has(generic.transactionOptions)
  )
    numberInSession(operation, fields)
  if (instance.replicaSet !== undefined && fields.has(generic.$clusterTime)) {
    learnClusterTime(instance, fields.bytes, fields.start(generic.$clusterTime))
  }
  if (instance.replicaSet !== undefined && operation.transaction?.statement === undefined)
    applyDefaults(operation, fields.has(generic.readConcern), fields.has(generic.writeConcern))
  if (fields.has(generic.readConcern)) {
    operation.readConcern = parseReadConcern(fields.document(generic.readConcern)!, {
      command: command.name,
      allowed: command.readConcern === true || operation.transaction?.statement !== undefined,
      snapshotAllowed: command.snapshotReads === true || operation.transaction?.statement !== undefined,
      refuse: command.refuseReadConcern,
      clusterTime: instance.replicaSet === undefined ? undefined : instance.engine.clusterTime,
    })
  }
  if (operation.transaction?.statement !== undefined)
    checkStatementConcerns(operation, fields.has(generic.readConcern), fields.has(generic.writeConcern))
  if (fields.has(generic.apiVersion) || fields.has(generic.apiStrict) || fields.has(generic.apiDeprecationErrors))
    checkApiVersion(operation, fields)
  else if (instance.parameters.requireApiVersion)
    throw new DatabaseError(498870, 'The apiVersion parameter is required, please configure your MongoClient')
}

/** The set's read and write concern, for a command that names none. */
function applyDefaults(operation: Operation, namesRead: boolean, namesWrite: boolean): void {
  const { instance, command } = operation
  const { defaults } = instance
  if (defaults.get(instance.startedAtMs) === undefined) return
  if (!namesRead && command.readConcern === true && defaults.read !== undefined) operation.readConcern = defaults.read
  if (!namesWrite && command.writeConcern === true && defaults.write !== undefined)
    operation.writeConcern = defaults.write
}

function useSession(operation: Operation, fields: Fields<string>): void {
  const { context, instance } = operation
  const start = sessionIdStart(fields.bytes, fields.start(generic.lsid), `${fields.path}.lsid`)
  const nowMs = operation.startedMs
  const last = context.lastSession
  if (last !== undefined && !last.ended && last.isNamedBy(fields.bytes, start)) {
    last.lastUseMs = nowMs
    operation.session = last
    return
  }
  const session = instance.sessions.use(fields.bytes, start, nowMs)
  context.lastSession = session
  operation.session = session
}

/** A time limit's milliseconds. Errors: FailedToParse for a number that is not whole, BadValue outside 0..2^31-1. */
export function timeLimit(fields: Fields<string>, field: number): number {
  const type = fields.type(field)
  if (type === bsonType.double || type === bsonType.decimal128) {
    const value = numberOf(fields.value(field)!)
    if (!Number.isInteger(value) || Math.abs(value) >= 2 ** 63)
      throw new DatabaseError('FailedToParse', `maxTimeMS must be a whole number, but is ${value}`)
  }
  const ms = fields.number(field)!
  if (ms < 0 || ms > maxTimeMsLimit)
    throw new DatabaseError('BadValue', `${ms} value for maxTimeMS is out of range [0, ${maxTimeMsLimit}]`)
  return ms
}

function numberInSession(operation: Operation, fields: Fields<string>): void {
  const { context, instance } = operation
  const transaction = readTransactionFields(fields, generic, context.ownDoor || instance.replicaSet !== undefined)
  if (transaction.statement === undefined && operation.command.retryableWrite !== true)
    throw new DatabaseError(
      50768,
      `txnNumber may only be provided for multi-document transactions and retryable write commands. autocommit:false was not provided, and ${operation.command.name} is not a retryable write command.`,
    )
  operation.transaction = transaction
}

function checkApiVersion(operation: Operation, fields: Fields<string>): void {
  const version = fields.string(generic.apiVersion)
  if (version === undefined)
    throw new DatabaseError(4886600, 'Provided apiStrict and/or apiDeprecationErrors without passing apiVersion')
  if (version !== '1') throw new DatabaseError('APIVersionError', 'API version must be "1"')
  if (fields.boolean(generic.apiStrict) && operation.command.stable !== true)
    throw new DatabaseError(
      'APIStrictError',
      `Provided apiStrict:true, but the command ${operation.command.name} is not in API Version 1. Information on supported commands and migrations in API Version 1 can be found at https://dochub.mongodb.org/core/manual-versioned-api`,
    )
}
