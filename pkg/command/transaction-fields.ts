/**
 * The fields that number a write within its session: `txnNumber` alone makes a command a retryable write; with
 * `autocommit: false` it is a statement of a transaction, and with `startTransaction: true` its first one, which may have
 * `transactionOptions`.
 */
import { DatabaseError } from '../base/errors.ts'
import { readInt64 } from '../bson/little-endian.ts'
import type { Fields, GenericName } from './fields.ts'
import { readTransactionOptions, type TransactionOptions } from './transaction-options.ts'

/** Where a command stands in its session. */
export interface TransactionFields {
  readonly txnNumber: bigint
  /** Outside of transactions undefined: a retryable write. */
  readonly statement: 'first' | 'later' | undefined
  /** Of a first statement: what the transaction is asked to promise. */
  readonly options?: TransactionOptions
}

type At = Readonly<Record<GenericName, number>>

/** Checks the fields against each other. Errors: InvalidOptions, those of `readTransactionOptions`. `replicated`: whether the node has transaction numbers at all. */
export function readTransactionFields(fields: Fields<string>, at: At, replicated: boolean): TransactionFields {
  if (fields.has(at.transactionOptions) && !fields.has(at.startTransaction))
    throw new DatabaseError('InvalidOptions', `'transactionOptions' are for the command with 'startTransaction'`)
  if (!fields.has(at.txnNumber)) {
    const name = fields.has(at.autocommit) ? 'autocommit' : 'startTransaction'
    throw new DatabaseError('InvalidOptions', `'${name}' field requires a transaction number to also be specified`)
  }
  if (!fields.has(at.lsid))
    throw new DatabaseError('InvalidOptions', 'Transaction number requires a session ID to also be specified')
  if (!replicated)
    throw new DatabaseError(
      'IllegalOperation',
      'Transaction numbers are only allowed on a replica set member or mongos',
    )
  const txnNumber = readInt64(fields.bytes, fields.start(at.txnNumber))
  if (txnNumber < 0n) throw new DatabaseError('InvalidOptions', 'Transaction number cannot be negative')
  const first = fields.has(at.startTransaction)
  if (!fields.has(at.autocommit)) {
    if (first)
      throw new DatabaseError(
        'InvalidOptions',
        `'startTransaction' field requires 'autocommit' field to also be specified`,
      )
    return { txnNumber, statement: undefined }
  }
  if (fields.boolean(at.autocommit))
    throw new DatabaseError('InvalidOptions', `Specifying autocommit=true is not allowed.`)
  if (first && !fields.boolean(at.startTransaction))
    throw new DatabaseError('InvalidOptions', `Specifying startTransaction=false is not allowed.`)
  if (!fields.has(at.transactionOptions)) return { txnNumber, statement: first ? 'first' : 'later' }
  return {
    txnNumber,
    statement: 'first',
    options: readTransactionOptions(fields.bytes, fields.start(at.transactionOptions)),
  }
}
