/** `bulkWrite`: neighbours of one kind become one command; all are waited for together. */
import { DatabaseError } from '../base/errors.ts'
import { decodeValue, encodeDocument, encodeDocumentWithId } from '../bson/convert.ts'
import { type DeleteStatement, deleteCommand } from '../command/commands/delete.ts'
import { insert } from '../command/commands/insert.ts'
import { update } from '../command/commands/update.ts'
import type { UpdateRequest } from '../command/write.ts'
import { BulkWriteError } from './bulk-write-error.ts'
import { hintValue, optionalBytes, updateRequest } from './encode.ts'
import type { Port } from './port.ts'
import type { BulkOperation, BulkWriteResult, WriteFailure } from './types.ts'

type Group =
  | { readonly kind: 'insert'; readonly first: number; readonly documents: Uint8Array[]; readonly ids: unknown[] }
  | { readonly kind: 'update'; readonly first: number; readonly updates: UpdateRequest[] }
  | { readonly kind: 'delete'; readonly first: number; readonly deletes: DeleteStatement[] }

interface Tally {
  insertedCount: number
  matchedCount: number
  modifiedCount: number
  deletedCount: number
  upsertedCount: number
  readonly insertedIds: Record<number, unknown>
  readonly upsertedIds: Record<number, unknown>
}

/** Throws BulkWriteError naming the operations that failed, after what was done has reached the disk. */
export async function runBulk(
  port: Port,
  dbName: string,
  collection: string,
  operations: readonly BulkOperation[],
  ordered: boolean,
): Promise<BulkWriteResult> {
  if (operations.length === 0) throw new DatabaseError('InvalidLength', 'Invalid BulkOperation, Batch cannot be empty')
  const groups = groupsOf(port, operations)
  const tally: Tally = {
    insertedCount: 0,
    matchedCount: 0,
    modifiedCount: 0,
    deletedCount: 0,
    upsertedCount: 0,
    insertedIds: {},
    upsertedIds: {},
  }
  const failures: WriteFailure[] = []
  for (const group of groups) {
    const errors = await runGroup(port, dbName, collection, group, ordered, tally)
    for (const { index, error } of errors) failures.push({ index: group.first + index, error })
    if (ordered && failures.length > 0) break
  }
  await port.synced()
  const result: BulkWriteResult = { acknowledged: true, ...tally }
  if (failures.length > 0) throw new BulkWriteError(failures, result)
  return result
}

async function runGroup(
  port: Port,
  dbName: string,
  collection: string,
  group: Group,
  ordered: boolean,
  tally: Tally,
): Promise<readonly WriteFailure[]> {
  switch (group.kind) {
    case 'insert': {
      const result = await port.runUnsynced(insert, dbName, { collection, documents: group.documents, ordered })
      tally.insertedCount += result.inserted
      const failed = new Set(result.errors.map((failure) => failure.index))
      const end = ordered ? (result.errors[0]?.index ?? group.ids.length) : group.ids.length
      for (let i = 0; i < end; i++) if (!failed.has(i)) tally.insertedIds[group.first + i] = group.ids[i]
      return result.errors
    }
    case 'update': {
      const result = await port.runUnsynced(update, dbName, { collection, updates: group.updates, ordered })
      tally.matchedCount += result.matched
      tally.modifiedCount += result.modified
      tally.upsertedCount += result.upserted.length
      for (const { index, id } of result.upserted) {
        tally.upsertedIds[group.first + index] = decodeValue(id.type, id.bytes, id.start)
      }
      return result.errors
    }
    case 'delete': {
      const result = await port.runUnsynced(deleteCommand, dbName, { collection, deletes: group.deletes, ordered })
      tally.deletedCount += result.removed
      return result.errors
    }
  }
}

function groupsOf(port: Port, operations: readonly BulkOperation[]): Group[] {
  const groups: Group[] = []
  operations.forEach((operation, index) => {
    const last = groups.at(-1)
    if ('insertOne' in operation) {
      const { bytes, id } = encodeDocumentWithId(operation.insertOne.document, port.database.objectIds)
      if (last?.kind === 'insert') {
        last.documents.push(bytes)
        last.ids.push(id)
      } else groups.push({ kind: 'insert', first: index, documents: [bytes], ids: [id] })
      return
    }
    if ('deleteOne' in operation || 'deleteMany' in operation) {
      const one = 'deleteOne' in operation
      const { filter, hint, collation } = one ? operation.deleteOne : operation.deleteMany
      const statement: DeleteStatement = {
        filter: encodeDocument(filter),
        limit: one ? 1 : 0,
        hint: hintValue(hint),
        collation: optionalBytes(collation),
      }
      if (last?.kind === 'delete') last.deletes.push(statement)
      else groups.push({ kind: 'delete', first: index, deletes: [statement] })
      return
    }
    const request = updateOf(operation)
    if (last?.kind === 'update') last.updates.push(request)
    else groups.push({ kind: 'update', first: index, updates: [request] })
  })
  return groups
}

function updateOf(operation: BulkOperation): UpdateRequest {
  if ('updateOne' in operation) {
    return updateRequest(operation.updateOne.filter, operation.updateOne.update, 'updateOne', operation.updateOne)
  }
  if ('updateMany' in operation) {
    return updateRequest(operation.updateMany.filter, operation.updateMany.update, 'updateMany', operation.updateMany)
  }
  if ('replaceOne' in operation) {
    return updateRequest(
      operation.replaceOne.filter,
      operation.replaceOne.replacement,
      'replaceOne',
      operation.replaceOne,
    )
  }
  throw new DatabaseError(
    'BadValue',
    `bulkWrite only supports insertOne, updateOne, updateMany, replaceOne, deleteOne, deleteMany`,
  )
}
