/** What the typed calls take out of the replies of commands. */
import { assert } from '../../pkg/base/assert.ts'
import { readInt64 } from '../../pkg/bson/little-endian.ts'
import { bsonType } from '../../pkg/bson/type.ts'
import { documentFields, documentOf, getField, numberOf, type Value } from '../../pkg/bson/value.ts'
import { ElementWalker } from '../../pkg/bson/walk.ts'
import { documentAround, type Int64 } from './command-writer.ts'

/** A number of the reply; 0 when it has none of that name. */
export function numberIn(reply: Uint8Array, name: string): number {
  const value = getField(reply, name)
  return value === undefined ? 0 : numberOf(value)
}

/** The documents of an array; none when the reply has no such array. */
export function documentsIn(array: Value | undefined): Uint8Array[] {
  if (array === undefined) return []
  return [...documentFields(array.bytes, array.start)].map(documentOf)
}

/** A document of the reply, or undefined when it is null or not there. */
export function documentIn(reply: Uint8Array, name: string): Uint8Array | undefined {
  const value = getField(reply, name)
  return value === undefined || value.type !== bsonType.document ? undefined : documentOf(value)
}

export interface CursorReply {
  readonly id: bigint
  /** The array of documents. */
  readonly batch: Value
  readonly namespace: string | undefined
  readonly resumeToken: Uint8Array | undefined
}

const walker = new ElementWalker()

/** The `cursor` of a reply; undefined when the command opened none. */
export function cursorIn(reply: Uint8Array): CursorReply | undefined {
  const cursor = getField(reply, 'cursor')
  if (cursor === undefined || cursor.type !== bsonType.document) return undefined
  let id = 0n
  let batch: Value | undefined
  let namespace: string | undefined
  let resumeToken: Uint8Array | undefined
  for (const field of documentFields(cursor.bytes, cursor.start)) {
    if (field.name === 'id') id = readInt64(field.bytes, field.start)
    else if (field.name === 'firstBatch' || field.name === 'nextBatch') batch = field
    else if (field.name === 'ns')
      namespace = Buffer.from(field.bytes.subarray(field.start + 4, field.end - 1)).toString()
    else if (field.name === 'postBatchResumeToken') resumeToken = documentOf(field)
  }
  return batch === undefined ? undefined : { id, batch, namespace, resumeToken }
}

/** The collection of a cursor's namespace. */
export function collectionOf(namespace: string): string {
  return namespace.slice(namespace.indexOf('.') + 1)
}

/** The first document of a cursor's first batch. */
export function firstDocument(reply: Uint8Array): Uint8Array | undefined {
  const cursor = cursorIn(reply)
  assert(cursor !== undefined, 'find is answered with a cursor')
  walker.reset(cursor.batch.bytes, cursor.batch.start)
  return walker.next() ? walker.bytes.subarray(walker.valueStart, walker.valueEnd) : undefined
}

/** A batch as FindBatchResponse and its kin have it. */
export function batchOf(reply: Uint8Array): { documents: Uint8Array[]; cursorId: Int64 } {
  const cursor = cursorIn(reply)
  assert(cursor !== undefined, 'a cursor command is answered with a cursor')
  return { documents: documentsIn(cursor.batch), cursorId: wordsOf(cursor.id) }
}

export function wordsOf(value: bigint): { low: number; high: number } {
  return { low: Number(BigInt.asIntN(32, value)), high: Number(BigInt.asIntN(32, value >> 32n)) }
}

/** `{_id: ...}` of the `_id` in a document. */
export function idDocument(document: Uint8Array): Uint8Array {
  const id = getField(document, '_id')
  assert(id !== undefined, 'the document has an _id')
  return documentAround('_id', id)
}

/** What `update` says of the documents it changed and of the one it inserted. */
export function updateOutcome(reply: Uint8Array): object {
  const [upserted] = documentsIn(getField(reply, 'upserted'))
  return {
    matchedCount: numberIn(reply, 'n') - (upserted === undefined ? 0 : 1),
    modifiedCount: numberIn(reply, 'nModified'),
    ...(upserted === undefined ? {} : { upsertedId: idDocument(upserted) }),
  }
}
