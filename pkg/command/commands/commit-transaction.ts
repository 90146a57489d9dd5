import { DatabaseError } from '../../base/errors.ts'
import { encodeSessionWrite, sessionState } from '../../engine/session-records.ts'
import { defineCommand, emptyReply, noRequest } from '../definition.ts'
import { anyType, commandFields } from '../fields.ts'
import type { Operation } from '../operation.ts'
import { aborted, findTransaction, type SessionTransaction } from '../session-transaction.ts'

const nothing = new Uint8Array(0)

/** Makes what the session's transaction has written visible, all at once. Asked again, it says so again. */
export const commitTransaction = defineCommand({
  name: 'commitTransaction',
  help: "commits the session's transaction",
  kind: 'commands',
  adminOnly: true,
  stable: true,
  writeConcern: true,
  fields: commandFields('commitTransaction', {
    commitTransaction: { type: anyType },
    recoveryToken: { type: anyType },
  }),
  parse: noRequest,
  run: (operation: Operation): undefined | Promise<undefined> => {
    const current = transactionOf(operation)
    const { engine, world } = operation.instance
    if (current === 'committed') return operation.acknowledge(undefined, engine.lastIndex)
    if (current.state === 'aborted') throw aborted(current.number)
    if (current.committedAt !== undefined) return operation.acknowledge(undefined, current.committedAt)
    const { transaction } = current
    operation.check()
    transaction.recordSession(
      encodeSessionWrite({
        session: operation.session!.uuid,
        txnNumber: current.number,
        state: sessionState.committed,
        wallMs: world.clock.nowMs(),
        first: 0,
        count: 0,
        result: nothing,
      }),
    )
    return transaction.commitsAtOnce ? commit(operation, current) : commitLater(operation, current)
  },
  reply: emptyReply,
})

async function commitLater(operation: Operation, current: SessionTransaction): Promise<undefined> {
  try {
    current.committedAt = await operation.locked(Number.POSITIVE_INFINITY, (timeoutMs, onWaiting) =>
      current.transaction.commitLater(timeoutMs, onWaiting),
    )
  } finally {
    operation.instance.transactionEnded(current)
  }
  return operation.acknowledge(undefined, current.committedAt)
}

function commit(operation: Operation, current: SessionTransaction): undefined | Promise<undefined> {
  try {
    current.committedAt = current.transaction.commit()
  } finally {
    operation.instance.transactionEnded(current)
  }
  return operation.acknowledge(undefined, current.committedAt)
}

/** The transaction that the operation is to end. Errors: CommandFailed, NoSuchTransaction, TransactionTooOld. */
export function transactionOf(operation: Operation): SessionTransaction | 'committed' {
  const { session, transaction, command } = operation
  if (session === undefined || transaction?.statement === undefined)
    throw new DatabaseError('CommandFailed', `${command.name} must be run within a transaction`)
  if (transaction.statement === 'first')
    throw new DatabaseError(
      'OperationNotSupportedInTransaction',
      `Cannot run '${command.name}' as the first operation in a multi-document transaction.`,
    )
  return findTransaction(operation, session, transaction.txnNumber)
}
