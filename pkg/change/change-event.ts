/** Events as clients see them: MongoDB's fields in MongoDB's order. docs/change-streams.md has them in a table. */
import { documentFields, getField, readInt32 } from '../bson/value.ts'
import { valueEnd } from '../bson/walk.ts'
import { BsonWriter } from '../bson/writer.ts'
import type { Change, ChangeEntry, Namespace, Range } from './change.ts'
import { type ResumeToken, tokenKind, tokenText } from './resume-token.ts'

export interface EventShape {
  /** What MongoDB shows only with `showExpandedEvents`. */
  readonly expanded: boolean
  /** The document after an update, from the pre-image. */
  readonly postImage: boolean
  readonly preImage: boolean
}

const writer = new BsonWriter(4096)
const uuidSubtype = 4
/** The SHA-256 of nothing: the digest of the user where there are none. */
const nobody = Uint8Array.from(
  'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'.match(/../g)!,
  (byte) => Number.parseInt(byte, 16),
)

/**
 * The event of a change. `lookedUp`: the document as it is now, for an update; null: there is none. Images that the log does not have
 * are null.
 */
export function buildEvent(
  entry: ChangeEntry,
  change: Change,
  shape: EventShape,
  lookedUp: Uint8Array | null | undefined,
): Uint8Array {
  const { bytes } = entry
  const { type, document } = change
  beginEvent(entry, tokenOf(entry, change), type)
  if (shape.expanded && change.uuidStart !== undefined) writeUuid('collectionUUID', bytes, change.uuidStart)
  writer.date('wallTime', entry.wallMs)
  if (entry.transaction !== undefined) writeTransaction(entry.transaction)
  if (type === 'insert' || type === 'replace') writer.document('fullDocument', bytes, document!.start, document!.end)
  else if (type === 'update' && lookedUp !== undefined) writeImage('fullDocument', lookedUp)
  else if (type === 'update' && shape.postImage) writeImage('fullDocument', postImageOf(entry, change))
  writeNamespace('ns', change.namespace)
  if (type === 'create' && shape.expanded) writer.string('nsType', nsTypeOf(bytes, document!))
  const key = keyRange(entry, change)
  if (key !== undefined) {
    writer.beginDocument('documentKey')
    writer.raw(bytes, key.start, key.end)
    writer.end()
  }
  if (type === 'update') writeDescription(bytes, change.description!, shape.expanded)
  if (change.to !== undefined) writeNamespace('to', change.to)
  if (shape.expanded) writeOperation(bytes, change)
  if (shape.preImage && (type === 'update' || type === 'replace' || type === 'delete')) {
    const { preImage } = change
    if (preImage === undefined) writer.null('fullDocumentBeforeChange')
    else writer.document('fullDocumentBeforeChange', bytes, preImage.start, preImage.end)
  }
  writer.end()
  return writer.finish()
}

/** The event with which a stream ends whose collection or database has gone. */
export function buildInvalidate(entry: ChangeEntry, change: Change): Uint8Array {
  beginEvent(entry, { ...tokenOf(entry, change), kind: tokenKind.invalidate }, 'invalidate')
  writer.date('wallTime', entry.wallMs)
  writer.end()
  return writer.finish()
}

export function tokenOf(entry: ChangeEntry, change: Change): ResumeToken {
  return { timestamp: entry.timestamp, index: entry.index, number: change.number, fragment: 0, kind: tokenKind.event }
}

/** The `_id` element of the document that was changed. */
export function keyRange({ bytes }: ChangeEntry, change: Change): Range | undefined {
  const { type, document, description, key, preImage } = change
  const within =
    type === 'insert' || type === 'replace'
      ? document
      : type === 'update'
        ? firstDocument(bytes, description!)
        : type === 'delete'
          ? (key ?? preImage)
          : undefined
  if (within === undefined) return undefined
  const start = within.start + 4
  let at = start + 1
  while (bytes[at] !== 0) at++
  return { start, end: valueEnd(bytes, bytes[start]!, at + 1) }
}

/** Whether the log has the document after the update. */
export function hasPostImage(change: Change): boolean {
  return change.type !== 'update' || change.preImage !== undefined
}

function beginEvent(entry: ChangeEntry, token: ResumeToken, type: string): void {
  writer.reset().beginDocument()
  writer.beginDocument('_id')
  writer.string('_data', tokenText(token))
  writer.end()
  writer.string('operationType', type)
  writer.timestamp('clusterTime', entry.timestamp)
}

function writeImage(name: string, image: Uint8Array | null): void {
  if (image === null) writer.null(name)
  else writer.document(name, image)
}

function writeNamespace(name: string, { database, name: collection }: Namespace): void {
  writer.beginDocument(name)
  writer.string('db', database)
  if (collection !== '') writer.string('coll', collection)
  writer.end()
}

function writeTransaction({ session, txnNumber }: NonNullable<ChangeEntry['transaction']>): void {
  writer.int64('txnNumber', txnNumber)
  writer.beginDocument('lsid')
  writer.binary('id', session, uuidSubtype)
  writer.binary('uid', nobody)
  writer.end()
}

function writeUuid(name: string, bytes: Uint8Array, start: number): void {
  writer.binary(name, bytes.subarray(start, start + 16), uuidSubtype)
}

function firstDocument(bytes: Uint8Array, { start }: Range): Range {
  return { start, end: start + readInt32(bytes, start) }
}

/** After the key come the documents of the description. */
function writeDescription(bytes: Uint8Array, description: Range, expanded: boolean): void {
  writer.beginDocument('updateDescription')
  let part = firstDocument(bytes, description)
  const next = (): Range => {
    part = firstDocument(bytes, { start: part.end, end: part.end })
    return part
  }
  const updated = next()
  writer.document('updatedFields', bytes, updated.start, updated.end)
  const removed = next()
  writer.array('removedFields', bytes, removed.start, removed.end)
  const truncated = next()
  writer.array('truncatedArrays', bytes, truncated.start, truncated.end)
  const ambiguous = next()
  if (expanded) writer.document('disambiguatedPaths', bytes, ambiguous.start, ambiguous.end)
  writer.end()
}

function postImageOf({ bytes }: ChangeEntry, { document, preImage, patch }: Change): Uint8Array | null {
  if (preImage === undefined) return null
  if (patch === undefined) return bytes.subarray(document!.start, document!.end)
  const middle = patch.end - patch.start
  const image = new Uint8Array(patch.head + middle + patch.tail)
  image.set(bytes.subarray(preImage.start, preImage.start + patch.head))
  image.set(bytes.subarray(patch.start, patch.end), patch.head)
  image.set(bytes.subarray(preImage.end - patch.tail, preImage.end), patch.head + middle)
  new DataView(image.buffer).setInt32(0, image.length, true)
  return image
}

function nsTypeOf(bytes: Uint8Array, definition: Range): string {
  const options = getField(bytes, 'options', definition.start)!
  if (getField(bytes, 'viewOn', options.start) !== undefined) return 'view'
  return getField(bytes, 'timeseries', options.start) === undefined ? 'collection' : 'timeseries'
}

/** `operationDescription`, and what goes with it. */
function writeOperation(bytes: Uint8Array, change: Change): void {
  const { document, type, to } = change
  switch (type) {
    case 'create': {
      writer.beginDocument('operationDescription')
      const options = getField(bytes, 'options', document!.start)!
      const isView = getField(bytes, 'viewOn', options.start) !== undefined
      if (!isView) writer.value('idIndex', getField(bytes, 'idIndex', document!.start)!)
      writer.raw(bytes, options.start + 4, options.end - 1)
      writer.end()
      return
    }
    case 'createIndexes':
    case 'dropIndexes': {
      writer.beginDocument('operationDescription')
      writer.beginArray('indexes')
      for (const [at, { start }] of [document!, ...change.more].entries()) {
        const definition = getField(bytes, 'definition', start)
        if (definition !== undefined) writer.value(String(at), definition)
      }
      writer.end()
      writer.end()
      return
    }
    case 'rename':
      writer.beginDocument('operationDescription')
      writeNamespace('to', to!)
      if (change.droppedUuidStart !== undefined) writeUuid('dropTarget', bytes, change.droppedUuidStart)
      writer.end()
      return
    case 'modify':
      for (const field of documentFields(bytes, document!.start)) {
        if (field.name !== 'operationType' && field.name !== 'db') writer.value(field.name, field)
      }
      return
    default:
      return
  }
}
