import { DatabaseError } from '../../base/errors.ts'
import { defineCommand, emptyReply, noRequest } from '../definition.ts'
import { anyType, commandFields } from '../fields.ts'
import type { Operation } from '../operation.ts'
import { transactionOf } from './commit-transaction.ts'

/** Forgets what the session's transaction has written. */
export const abortTransaction = defineCommand({
  name: 'abortTransaction',
  help: "aborts the session's transaction",
  kind: 'commands',
  adminOnly: true,
  stable: true,
  writeConcern: true,
  fields: commandFields('abortTransaction', { abortTransaction: { type: anyType }, recoveryToken: { type: anyType } }),
  parse: noRequest,
  run: (operation: Operation): void => {
    const current = transactionOf(operation)
    if (current === 'committed' || current.state === 'committed')
      throw new DatabaseError(
        'TransactionCommitted',
        `Transaction with { txnNumber: ${operation.transaction!.txnNumber} } has been committed.`,
      )
    // Whoever aborts again, not knowing whether the first time got through, has what it wants.
    if (current.state !== 'aborted') operation.instance.abortTransaction(current)
  },
  reply: emptyReply,
})
