/** Documents on their way in: `_id` first, and what else an insert changes or refuses. */
import { DatabaseError } from '../base/errors.ts'
import { documentDepthMax, documentSizeMax } from '../base/limits.ts'
import { nestsDeeper } from '../bson/depth.ts'
import type { ObjectIdGenerator } from '../bson/objectid.ts'
import { bsonType, typeAlias } from '../bson/type.ts'
import { readInt32 } from '../bson/value.ts'
import { ElementWalker } from '../bson/walk.ts'
import { BsonWriter } from '../bson/writer.ts'
import { type Collation, holdsString } from '../collation/collation.ts'
import type { Collection } from '../engine/collection.ts'

const walker = new ElementWalker()
const writer = new BsonWriter(4096)

/** What an insert needs of the outside. */
export interface InsertContext {
  readonly objectIds: ObjectIdGenerator
  /** Seconds since the epoch, for empty timestamps. */
  readonly nowSeconds: () => number
}

/** What becomes of timestamps (0, 0) at the top level of a document: the present time, or what they are. */
export interface TimestampRule {
  readonly keepsEmptyTimestamps: boolean
}

const fillsTimestamps: TimestampRule = { keepsEmptyTimestamps: false }

/**
 * The document as it is stored: `_id` first, made when missing; top-level timestamps (0, 0) other than `_id` by the rule.
 * The very bytes that came in when nothing has to change. Errors: BadValue beyond 16 MiB, Overflow beyond 180 levels, InvalidIdField, DollarPrefixedFieldName.
 */
export function storedForm(
  document: Uint8Array,
  context: InsertContext,
  rule: TimestampRule = fillsTimestamps,
): Uint8Array {
  if (document.length > documentSizeMax)
    throw new DatabaseError(
      'BadValue',
      `object to insert too large. size in bytes: ${document.length}, max size: ${documentSizeMax}`,
    )
  if (nestsDeeper(document, 0, documentDepthMax))
    throw new DatabaseError(
      'Overflow',
      `cannot insert document because it exceeds ${documentDepthMax} levels of nesting`,
    )
  walker.reset(document, 0)
  let idAt = -1
  let position = 0
  let emptyTimestamp = false
  while (walker.next()) {
    if (isId(document, walker.nameStart, walker.nameEnd)) {
      if (idAt >= 0) throw new DatabaseError('BadValue', `can't have multiple _id fields in one document`)
      idAt = position
      checkId(document, walker.type, walker.valueStart)
    } else if (walker.type === bsonType.timestamp && isZero(document, walker.valueStart)) {
      emptyTimestamp = true
    }
    position++
  }
  const fills = emptyTimestamp && !rule.keepsEmptyTimestamps
  if (idAt === 0 && !fills) return document
  return rewritten(document, idAt, context, fills)
}

/** A document that replaces another, with its top-level timestamps (0, 0) by the rule; the very bytes when nothing changes. */
export function replacementForm(document: Uint8Array, context: InsertContext, rule: TimestampRule): Uint8Array {
  let filled: Uint8Array | undefined
  walker.reset(document, 0)
  while (walker.next()) {
    if (walker.type !== bsonType.timestamp || !isZero(document, walker.valueStart)) continue
    if (isId(document, walker.nameStart, walker.nameEnd)) continue
    if (rule.keepsEmptyTimestamps) return document
    filled ??= document.slice()
    fillTimestamp(filled, walker.valueStart, context)
  }
  return filled ?? document
}

function isId(bytes: Uint8Array, start: number, end: number): boolean {
  return end - start === 3 && bytes[start] === 0x5f && bytes[start + 1] === 0x69 && bytes[start + 2] === 0x64
}

function isZero(bytes: Uint8Array, start: number): boolean {
  for (let i = 0; i < 8; i++) if (bytes[start + i] !== 0) return false
  return true
}

/** A DBRef may be an `_id`. */
const referenceFields: ReadonlySet<string> = new Set(['$ref', '$id', '$db'])

/** Errors: InvalidIdField for a type that cannot be an `_id`, DollarPrefixedFieldName for `{_id: {$a: 1}}`. */
function checkId(bytes: Uint8Array, type: number, start: number): void {
  if (type === bsonType.array || type === bsonType.regex || type === bsonType.undefined)
    throw new DatabaseError('InvalidIdField', `The '_id' value cannot be of type ${typeAlias(type)}`)
  if (type !== bsonType.document) return
  const fields = new ElementWalker().reset(bytes, start)
  let isReference = false
  for (let at = 0; fields.next(); at++) {
    if (at === 0) isReference = fields.name() === '$ref'
    if (bytes[fields.nameStart] === 0x24 && !(isReference && referenceFields.has(fields.name())))
      throw new DatabaseError(
        'DollarPrefixedFieldName',
        `_id fields may not contain '$'-prefixed fields: ${fields.name()} is not valid for storage.`,
      )
  }
}

let timestampIncrement = 0

function rewritten(document: Uint8Array, idAt: number, context: InsertContext, fills: boolean): Uint8Array {
  writer.reset()
  writer.beginDocument()
  if (idAt < 0) {
    writer.head(bsonType.objectId, '_id')
    writer.ensure(12)
    context.objectIds.next(writer.bytes, writer.length)
    writer.length += 12
  } else {
    walker.reset(document, 0)
    for (let i = 0; i <= idAt; i++) walker.next()
    writer.raw(document, walker.nameStart - 1, walker.valueEnd)
  }
  walker.reset(document, 0)
  for (let i = 0; walker.next(); i++) {
    if (i === idAt) continue
    const valueAt = writer.length + walker.valueStart - (walker.nameStart - 1)
    writer.raw(document, walker.nameStart - 1, walker.valueEnd)
    if (fills && walker.type === bsonType.timestamp && isZero(document, walker.valueStart))
      fillTimestamp(writer.bytes, valueAt, context)
  }
  writer.end()
  return writer.finish()
}

function fillTimestamp(bytes: Uint8Array, at: number, context: InsertContext): void {
  timestampIncrement = (timestampIncrement % 0x7fffffff) + 1
  const view = new DataView(bytes.buffer, bytes.byteOffset + at, 8)
  view.setUint32(0, timestampIncrement, true)
  view.setUint32(4, context.nowSeconds(), true)
}

/**
 * The value of `_id` when `filter` is nothing but an equality on it, `{_id: <value>}`: where its type byte stands.
 * -1 otherwise; also when the value is one that means more than equality (a regex, an array, an operator document).
 */
export function idEqualityAt(filter: Uint8Array): number {
  // length, type, "_id\0", value, \0
  if (filter.length < 10 || filter[5] !== 0x5f || filter[6] !== 0x69 || filter[7] !== 0x64 || filter[8] !== 0) return -1
  const type = filter[4]!
  switch (type) {
    case bsonType.int32:
      return filter.length === 14 ? 4 : -1
    case bsonType.objectId:
      return filter.length === 22 ? 4 : -1
    case bsonType.int64:
    case bsonType.double:
    case bsonType.date:
    case bsonType.timestamp:
      return filter.length === 18 ? 4 : -1
    case bsonType.string:
      return filter.length === 14 + readInt32(filter, 9) ? 4 : -1
    case bsonType.binary:
      return filter.length === 15 + readInt32(filter, 9) ? 4 : -1
    case bsonType.document: {
      const length = readInt32(filter, 9)
      return filter.length === 10 + length && (length === 5 || filter[14] !== 0x24) ? 4 : -1
    }
    default:
      return -1
  }
}

/** Whether the `_id` index finds by the value of `idEqualityAt` what equals it under `collation`. */
export function findsById(
  collection: Collection,
  collation: Collation | undefined,
  filter: Uint8Array,
  typeAt: number,
): boolean {
  if (!collection.hasIdIndex) return false
  return collation === collection.collation || !holdsString(filter[typeAt]!, filter, idValueStart)
}

/** Where the value of `idEqualityAt` begins. */
export const idValueStart = 9
