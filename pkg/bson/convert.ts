/** JavaScript values to BSON bytes and back, with the classes of the `bson` package, as the official driver does it. */
import { DocumentDecoder } from './decode.ts'
import { ObjectEncoder } from './encode.ts'
import type { ObjectIdGenerator } from './objectid.ts'
import type { BsonType } from './type.ts'
import { BsonWriter } from './writer.ts'

const slabSize = 64 * 1024
/** Documents larger than this get an array of their own. */
const slabShare = slabSize / 8

/**
 * Documents are encoded into the rest of a slab, and what is handed out points into it: no copy, and an array object
 * costs less than an allocation of its own. A slab is written once, front to back; what was handed out never changes.
 */
const slab = new BsonWriter(slabSize)
const slabEncoder = new ObjectEncoder(slab)
/** A getter or `toBSON` may encode another document while one is being encoded. */
let slabInUse = false

function renewSlab(): void {
  slab.bytes = new Uint8Array(slabSize)
  slab.length = 0
}

/** What was appended from `start` on, as an array to hand out. */
function takeFromSlab(start: number): Uint8Array {
  const { bytes, length } = slab
  if (bytes.length === slabSize && length - start <= slabShare) {
    if (length + slabShare > slabSize) renewSlab()
    return new Uint8Array(bytes.buffer, start, length - start)
  }
  const document = bytes.slice(start, length)
  if (bytes.length === slabSize) slab.length = start
  else renewSlab()
  return document
}

/**
 * The BSON bytes of an object. Names and values as the official driver encodes them: an integer in the int32 range is
 * an int32 and any other number a double, a bigint is an int64, a Map keeps its order, `toBSON` is called, fields
 * that are undefined or functions are left out. The array is a part of a larger buffer.
 * Throws BadValue for what cannot be stored and for cycles, Overflow for what nests too deep, BSONObjectTooLarge.
 */
export function encodeDocument(object: object): Uint8Array {
  if (slabInUse) {
    const writer = new BsonWriter()
    new ObjectEncoder(writer).append(object)
    return writer.finish()
  }
  const start = slab.length
  slabInUse = true
  try {
    slabEncoder.append(object)
    return takeFromSlab(start)
  } catch (error) {
    slab.length = start
    throw error
  } finally {
    slabInUse = false
  }
}

/**
 * As `encodeDocument`, with `_id` as the first field wherever the object has it, and made by `generator` when it has
 * none. `id`: the value of `_id` as a caller is to see it (an ObjectId when it was made here). `object` is not changed.
 */
export function encodeDocumentWithId(object: object, generator: ObjectIdGenerator): { bytes: Uint8Array; id: unknown } {
  if (slabInUse) {
    const writer = new BsonWriter()
    const id = new ObjectEncoder(writer).appendWithId(object, generator)
    return { bytes: writer.finish(), id }
  }
  const start = slab.length
  slabInUse = true
  try {
    const id = slabEncoder.appendWithId(object, generator)
    return { bytes: takeFromSlab(start), id }
  } catch (error) {
    slab.length = start
    throw error
  } finally {
    slabInUse = false
  }
}

/** Encodes into a writer of the caller's. */
export class DocumentEncoder {
  /** Appends the document that `object` is; the writer is left as it was when the object is refused. Errors: `encodeDocument`. */
  write(object: object, writer: BsonWriter): void {
    const start = writer.length
    try {
      new ObjectEncoder(writer).append(object)
    } catch (error) {
      writer.length = start
      throw error
    }
  }
}

const decoder = new DocumentDecoder()

/** The document that begins at `start` as an object. Names that look like integers come first, as they do in JavaScript. */
export function decodeDocument(bytes: Uint8Array, start = 0): Record<string, unknown> {
  return decoder.outermost(bytes, start)
}

/** The value of `type` that begins at `start`. */
export function decodeValue(type: BsonType, bytes: Uint8Array, start: number): unknown {
  return decoder.single(type, bytes, start)
}
