import { DatabaseError } from '../../base/errors.ts'
import { readInt64 } from '../../bson/value.ts'
import type { BsonWriter } from '../../bson/writer.ts'
import type { Batch } from '../batch.ts'
import type { Cursor } from '../cursor.ts'
import { defineCommand } from '../definition.ts'
import { anyType, commandFields, int64Type, numberType, objectType, stringType } from '../fields.ts'
import { generic, timeLimit } from '../generic.ts'
import { checkCollectionName } from '../namespace.ts'
import type { Operation } from '../operation.ts'
import { continueCursor } from '../read.ts'

const fields = commandFields('getMore', {
  getMore: { type: int64Type, required: true },
  collection: { type: stringType, required: true },
  batchSize: { type: numberType, min: 0 },
  term: { type: int64Type },
  lastKnownCommittedOpTime: { type: objectType },
  includeQueryStatsMetrics: { type: anyType },
})

export interface GetMoreRequest {
  readonly cursorId: bigint
  readonly collection: string
  /** 0: as many as fit. */
  readonly batchSize: number
  /** How long a cursor that awaits data waits for it; undefined: not said. */
  readonly awaitMs: number | undefined
}

/** The next batch of a cursor. */
export const getMore = defineCommand({
  name: 'getMore',
  help: 'the next batch of a cursor',
  kind: 'reads',
  stable: true,
  fields,
  parse: (database: string): GetMoreRequest => {
    const at = fields.at
    const collection = fields.string(at.collection)!
    if (collection.length === 0) throw new DatabaseError('InvalidNamespace', `Collection names cannot be empty`)
    checkCollectionName(database, collection)
    return {
      cursorId: readInt64(fields.bytes, fields.start(at.getMore)),
      collection,
      batchSize: fields.number(at.batchSize) ?? 0,
      awaitMs: fields.has(generic.maxTimeMS) ? timeLimit(fields, generic.maxTimeMS) : undefined,
    }
  },
  run: (operation: Operation, request: GetMoreRequest): Batch | Promise<Batch> => {
    const { cursors, counters } = operation.instance
    counters.getmore++
    const namespace = `${operation.databaseName}.${request.collection}`
    operation.namespace = namespace
    const cursor = cursors.find(request.cursorId)
    if (cursor.namespace !== namespace)
      throw new DatabaseError(
        'Unauthorized',
        `Requested getMore on namespace '${namespace}', but cursor belongs to a different namespace ${cursor.namespace}`,
      )
    operation.originatingCommand = cursor.originatingCommand
    checkSession(operation, cursor.session?.key, request.cursorId)
    checkTransaction(operation, cursor)
    if (request.awaitMs !== undefined && cursor.tail?.awaitData !== true)
      throw new DatabaseError('BadValue', 'cannot set maxTimeMS on getMore command for a non-awaitData cursor')
    // Its maxTimeMS is how long to wait, not how long to work.
    if (request.awaitMs !== undefined) operation.limitTime(0)
    else if (cursor.timeLeftMs !== undefined) operation.limitTime(Math.max(1, cursor.timeLeftMs))
    cursors.take(cursor, operation)
    // The rows that it gives are not given again.
    operation.mayBeginAgain = false
    operation.figures = cursor.figures
    const batch = continueCursor(operation, cursor, request.batchSize, request.awaitMs)
    if (!(batch instanceof Promise)) {
      counters.returned += batch.count
      return batch
    }
    return batch.then((done) => {
      counters.returned += done.count
      return done
    })
  },
  reply: (batch: Batch, writer: BsonWriter) => batch.writeCursor(writer, 'nextBatch'),
})

function checkTransaction({ statement }: Operation, { id, transaction }: Cursor): void {
  if (statement === transaction) return
  if (statement === undefined)
    throw new DatabaseError(
      50740,
      `Cannot run getMore on cursor ${id}, which was created in transaction ${transaction!.number}, without a txnNumber`,
    )
  if (transaction === undefined)
    throw new DatabaseError(
      50739,
      `Cannot run getMore on cursor ${id}, which was not created in a transaction, in transaction ${statement.number}`,
    )
  throw new DatabaseError(
    50741,
    `Cannot run getMore on cursor ${id}, which was created in transaction ${transaction.number}, in transaction ${statement.number}`,
  )
}

function checkSession(operation: Operation, owner: string | undefined, cursorId: bigint): void {
  const asking = operation.session?.key
  if (owner === asking) return
  if (owner === undefined)
    throw new DatabaseError(
      50737,
      `Cannot run getMore on cursor ${cursorId}, which was not created in a session, in a session`,
    )
  if (asking === undefined)
    throw new DatabaseError(
      50736,
      `Cannot run getMore on cursor ${cursorId}, which was created in a session, without an lsid`,
    )
  throw new DatabaseError(50738, `Cannot run getMore on cursor ${cursorId}, which was created in another session`)
}
