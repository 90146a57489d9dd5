/**
 * What a transaction may be asked to promise beyond what MongoDB's commands say: its isolation, and what it does about conflicts. The embedded API takes
 * it as options, every other door as the field `transactionOptions` of the first statement.
 */
import { DatabaseError } from '../base/errors.ts'
import { type TransactionOptions as EngineOptions, type Isolation, transactionDefaults } from '../engine/transaction.ts'
import type { ReadConcern } from './concern.ts'
import { Fields, numberType, strictBooleanType, stringType } from './fields.ts'

export interface TransactionOptions {
  /** 'repeatable read' is 'snapshot', the default; 'read uncommitted' is 'read committed'. */
  readonly isolation?: 'read uncommitted' | 'read committed' | 'repeatable read' | 'snapshot' | 'serializable'
  /** What a write does that meets another transaction's: fail with WriteConflict (the default), or wait for its end. */
  readonly onConflict?: 'abort' | 'wait'
  /**
   * Under 'serializable': what is read, documents and ranges, is locked until the end, so that others who would write there wait, instead of
   * the transaction failing at its commit. `onConflict` is 'wait' then by default.
   */
  readonly readLocks?: boolean
  /** How long it waits for one lock; 5000 by default. */
  readonly lockTimeoutMs?: number
}

const isolations: Readonly<Record<NonNullable<TransactionOptions['isolation']>, Isolation>> = {
  'read uncommitted': 'read committed',
  'read committed': 'read committed',
  'repeatable read': 'snapshot',
  snapshot: 'snapshot',
  serializable: 'serializable',
}

export const isolationNames = Object.keys(isolations)

/** As the engine takes them. `waitMs`: how long one waits that says nothing of it, 0: not at all. Errors: BadValue. */
export function engineOptions(options: TransactionOptions, waitMs = 0): EngineOptions {
  const { isolation = 'snapshot', readLocks = false } = options
  const { onConflict = readLocks || waitMs > 0 ? 'wait' : 'abort' } = options
  const { lockTimeoutMs = waitMs > 0 ? waitMs : transactionDefaults.lockTimeoutMs } = options
  if (!Object.hasOwn(isolations, isolation))
    throw new DatabaseError('BadValue', `there is no isolation level '${String(isolation)}'`)
  if (onConflict !== 'abort' && onConflict !== 'wait')
    throw new DatabaseError('BadValue', `onConflict is 'abort' or 'wait', not '${String(onConflict)}'`)
  if (readLocks && isolation !== 'serializable')
    throw new DatabaseError('BadValue', `readLocks are for the isolation level 'serializable'`)
  if (typeof lockTimeoutMs !== 'number' || !(lockTimeoutMs >= 0))
    throw new DatabaseError('BadValue', `lockTimeoutMs is a number of milliseconds, not ${String(lockTimeoutMs)}`)
  return { isolation: isolations[isolation], onConflict, readLocks, lockTimeoutMs }
}

const fields = new Fields('transactionOptions', {
  isolation: { type: stringType },
  onConflict: { type: stringType },
  readLocks: { type: strictBooleanType },
  lockTimeoutMs: { type: numberType, min: 0 },
})

export const transactionOptionNames = Object.keys(fields.at)

/** Those that the document from `start` of `bytes` names. Errors: BadValue, TypeMismatch, UnknownField. */
export function readTransactionOptions(bytes: Uint8Array, start = 0): TransactionOptions {
  const { at } = fields.read(bytes, start)
  const isolation = fields.string(at.isolation)
  const onConflict = fields.string(at.onConflict)
  const lockTimeoutMs = fields.number(at.lockTimeoutMs)
  const options = {
    ...(isolation !== undefined && { isolation }),
    ...(onConflict !== undefined && { onConflict }),
    ...(fields.has(at.readLocks) && { readLocks: fields.boolean(at.readLocks) }),
    ...(lockTimeoutMs !== undefined && { lockTimeoutMs }),
  } as TransactionOptions
  engineOptions(options)
  return options
}

/** Whether what is read can be what both the read concern and the isolation promise. Errors: InvalidOptions. */
export function checkIsolation({ isolation }: EngineOptions, { level, at }: ReadConcern): void {
  if (at !== undefined && isolation !== 'snapshot')
    throw new DatabaseError('InvalidOptions', `'atClusterTime' is for the isolation level 'snapshot'`)
  if (level === 'snapshot' && isolation === 'read committed')
    throw new DatabaseError('InvalidOptions', `the read concern 'snapshot' promises more than 'read committed' does`)
}
