/**
 * JavaScript objects to BSON bytes, with the results of the official driver's
 * `BSON.serialize(object, { ignoreUndefined: true })`.
 *
 * It differs where the driver would lose or bend data in silence: a bigint beyond 64 bits, a JavaScript symbol, a Set,
 * a weak collection, an ArrayBuffer and a Promise are refused; a function in an array leaves no gap in the names.
 */
import { ObjectId } from 'bson'
import { DatabaseError } from '../base/errors.ts'
import { messageDepthMax, messageSizeMax } from '../base/limits.ts'
import { type DocumentSink, encodeBytes, encodeClass, encodeRegExp, type TaggedObject } from './encode-class.ts'
import { fieldNameBytes } from './field-names.ts'
import { writeDouble, writeInt32, writeInt64 } from './little-endian.ts'
import { type ObjectIdGenerator, objectIdLength } from './objectid.ts'
import { bsonType } from './type.ts'
import type { BsonWriter } from './writer.ts'

/** Of the `bson` package's ObjectId, left out of its type declarations: its 12 bytes into an array, nothing allocated. */
interface PackedObjectId {
  serializeInto(bytes: Uint8Array, at: number): number
}

interface MaybeSpecial {
  readonly _bsontype?: unknown
  readonly toBSON?: unknown
}

const hasOwn = Object.prototype.hasOwnProperty
const classOf = Object.prototype.toString

/** Room for a value of fixed size, and for a head of one of variable size. */
const valueRoom = 16
/** Where a document that is still being appended to is given up: what no message could carry. */
const appendedMax = messageSizeMax
/** The longest array position in digits, and its NUL. */
const positionRoom = 11
/** Below this many characters a loop is faster than the call into native code. */
const loopLengthMax = 12
/** Up to here room for the worst case (3 bytes a character) is asked for; a longer string is measured first. */
const worstCaseLengthMax = 4096

type Utf8Write = (this: Uint8Array, text: string, at: number, length: number) => number
/** On every Buffer, though not in the type declarations; it takes any Uint8Array. A lone surrogate becomes U+FFFD. */
const utf8Write = (Buffer.prototype as unknown as { utf8Write: Utf8Write }).utf8Write

const nothing = {}

/** Appends to its writer. Can be used again, also after an error. */
export class ObjectEncoder implements DocumentSink {
  writer: BsonWriter
  /** What is being encoded, for the error that says why it is too deep. */
  #root: object = nothing

  constructor(writer: BsonWriter) {
    this.writer = writer
  }

  /** Appends the document that `object` is. After an error, what was appended of it is the caller's to drop. */
  append(object: object): void {
    this.#root = object
    this.document(rootOf(object), 1)
    this.#root = nothing
  }

  /**
   * Appends the document that `object` is with `_id` as its first field, which is generated when there is none.
   * Returns the value of `_id`.
   */
  appendWithId(object: object, generator: ObjectIdGenerator): unknown {
    this.#root = object
    const root = rootOf(object)
    const start = this.#begin(1)
    let id = isMap(root) ? root.get('_id') : hasOwn.call(root, '_id') ? (root as { _id?: unknown })._id : undefined
    if (id === undefined || typeof id === 'function') id = new ObjectId(generator.next())
    this.#field('_id', id, 1)
    if (isMap(root)) this.#entries(root, 1, '_id')
    else this.#fields(root, 1, '_id')
    this.#end(start)
    this.#root = nothing
    return id
  }

  document(object: object, depth: number): void {
    const start = this.#begin(depth)
    if (isMap(object)) this.#entries(object, depth, undefined)
    else this.#fields(object, depth, undefined)
    this.#end(start)
  }

  #plainDocument(object: object, depth: number): void {
    const start = this.#begin(depth)
    this.#fields(object, depth, undefined)
    this.#end(start)
  }

  #entries(map: ReadonlyMap<unknown, unknown>, depth: number, except: string | undefined): void {
    for (const [name, value] of map) {
      if (typeof name !== 'string') throw new DatabaseError('BadValue', 'the keys of a Map must be strings')
      if (name !== except) this.#field(name, value, depth)
    }
  }

  /** `for in` with `hasOwnProperty` is what V8 turns into a walk of the shape, without a list of keys. */
  #fields(object: object, depth: number, except: string | undefined): void {
    for (const name in object) {
      if (hasOwn.call(object, name) && name !== except) {
        this.#field(name, (object as Record<string, unknown>)[name], depth)
      }
    }
  }

  #array(array: readonly unknown[], depth: number): void {
    const start = this.#begin(depth)
    const writer = this.writer
    let position = 0
    for (let i = 0; i < array.length; i++) {
      const value = array[i]
      if (typeof value === 'function') continue
      writer.ensure(1 + positionRoom + valueRoom)
      const typeAt = writer.length
      writer.length = writePosition(writer.bytes, typeAt + 1, position++)
      this.#value(value === undefined ? null : value, typeAt, depth)
    }
    this.#end(start)
  }

  /** Starts a document or an array; returns where. */
  #begin(depth: number): number {
    if (depth > messageDepthMax) throw tooDeep(this.#root)
    const writer = this.writer
    const start = writer.length
    // Objects that share parts can stand for a document far larger than the memory they take.
    if (start > appendedMax) throw new DatabaseError('BSONObjectTooLarge', 'the document is too large to be encoded')
    writer.ensure(4)
    writer.length = start + 4
    return start
  }

  #end(start: number): void {
    const writer = this.writer
    writer.ensure(1)
    writer.bytes[writer.length++] = 0
    writeInt32(writer.bytes, start, writer.length - start)
  }

  #field(name: string, value: unknown, depth: number): void {
    if (value === undefined || typeof value === 'function') return
    const nameBytes = fieldNameBytes(name)
    const nameLength = nameBytes.length
    const writer = this.writer
    const typeAt = writer.length
    const room = 1 + nameLength + valueRoom
    if (typeAt + room > writer.bytes.length) writer.ensure(room)
    const bytes = writer.bytes
    const nameAt = typeAt + 1
    for (let i = 0; i < nameLength; i++) bytes[nameAt + i] = nameBytes[i]!
    writer.length = nameAt + nameLength
    // The commonest two without a further call.
    if (typeof value === 'string') {
      bytes[typeAt] = bsonType.string
      appendString(writer, value)
    } else if (typeof value === 'number' && (value | 0) === value && value !== 0) {
      bytes[typeAt] = bsonType.int32
      writeInt32(bytes, nameAt + nameLength, value)
      writer.length = nameAt + nameLength + 4
    } else this.#value(value, typeAt, depth)
  }

  /** Appends a value, for whose fixed part there is room already, and sets the type byte at `typeAt`. */
  #value(value: unknown, typeAt: number, depth: number): void {
    const writer = this.writer
    const bytes = writer.bytes
    switch (typeof value) {
      case 'string':
        bytes[typeAt] = bsonType.string
        appendString(writer, value)
        return
      case 'number':
        if ((value | 0) === value && (value !== 0 || 1 / value > 0)) {
          bytes[typeAt] = bsonType.int32
          writeInt32(bytes, writer.length, value)
          writer.length += 4
        } else {
          bytes[typeAt] = bsonType.double
          writeDouble(bytes, writer.length, value)
          writer.length += 8
        }
        return
      case 'boolean':
        bytes[typeAt] = bsonType.boolean
        bytes[writer.length++] = value ? 1 : 0
        return
      case 'bigint':
        if (BigInt.asIntN(64, value) !== value) {
          throw new DatabaseError('BadValue', `${value} does not fit into a 64-bit integer`)
        }
        bytes[typeAt] = bsonType.int64
        writeInt64(bytes, writer.length, value)
        writer.length += 8
        return
      case 'object':
        this.#object(value, typeAt, depth)
        return
      default:
        throw new DatabaseError('BadValue', `a value of type ${typeof value} cannot be stored: ${String(value)}`)
    }
  }

  #object(value: object | null, typeAt: number, depth: number): void {
    const writer = this.writer
    if (value === null) {
      writer.bytes[typeAt] = bsonType.null
      return
    }
    if (value instanceof ObjectId) {
      writer.bytes[typeAt] = bsonType.objectId
      ;(value as unknown as PackedObjectId).serializeInto(writer.bytes, writer.length)
      writer.length += objectIdLength
      return
    }
    if (value instanceof Date) {
      appendDate(writer, value, typeAt)
      return
    }
    if (typeof (value as MaybeSpecial).toBSON === 'function') {
      this.#converted(value, typeAt, depth)
      return
    }
    if (Array.isArray(value)) {
      writer.bytes[typeAt] = bsonType.array
      this.#array(value, depth + 1)
      return
    }
    const tag = (value as MaybeSpecial)._bsontype
    if (tag !== undefined && tag !== null) {
      encodeClass(this, value as TaggedObject, typeAt, depth + 1)
      return
    }
    const prototype = Object.getPrototypeOf(value)
    if (prototype !== Object.prototype && prototype !== null) {
      this.#foreign(value, typeAt, depth)
      return
    }
    writer.bytes[typeAt] = bsonType.document
    this.#plainDocument(value, depth + 1)
  }

  #converted(value: object, typeAt: number, depth: number): void {
    const converted = toBson(value)
    if (typeof converted !== 'object' || converted === null) {
      // The name is written already, so that a conversion to nothing is a null.
      this.#value(converted === undefined || typeof converted === 'function' ? null : converted, typeAt, depth)
      return
    }
    if (typeof (converted as MaybeSpecial).toBSON !== 'function') {
      this.#object(converted, typeAt, depth)
      return
    }
    // An object that converts to what converts again, perhaps to itself, is asked once more and then taken as it is.
    this.writer.bytes[typeAt] = bsonType.document
    this.document(rootOf(converted), depth + 1)
  }

  /** Objects of classes, and of other realms (Jest runs tests in one), of which `instanceof` says nothing. */
  #foreign(value: object, typeAt: number, depth: number): void {
    const writer = this.writer
    const className = classOf.call(value).slice('[object '.length, -1)
    if (refusedClasses.has(className)) {
      throw new DatabaseError('BadValue', `a value of class ${className} cannot be stored`)
    }
    switch (className) {
      case 'Date':
        appendDate(writer, value as Date, typeAt)
        return
      case 'Uint8Array':
        writer.bytes[typeAt] = bsonType.binary
        encodeBytes(writer, value as Uint8Array)
        return
      case 'RegExp':
        writer.bytes[typeAt] = bsonType.regex
        encodeRegExp(writer, value as RegExp)
        return
      default:
        writer.bytes[typeAt] = bsonType.document
        this.document(value, depth + 1)
    }
  }
}

const refusedClasses: ReadonlySet<string> = new Set([
  'Set',
  'WeakMap',
  'WeakSet',
  'WeakRef',
  'Promise',
  'ArrayBuffer',
  'SharedArrayBuffer',
  'DataView',
])

function appendString(writer: BsonWriter, value: string): void {
  const length = value.length
  const room = (length <= worstCaseLengthMax ? 3 * length : Buffer.byteLength(value)) + 5
  const start = writer.length
  if (start + room > writer.bytes.length) writer.ensure(room)
  const bytes = writer.bytes
  const textAt = start + 4
  const end =
    textAt + (length < loopLengthMax ? shortText(bytes, textAt, value) : utf8Write.call(bytes, value, textAt, room - 5))
  bytes[end] = 0
  writeInt32(bytes, start, end + 1 - textAt)
  writer.length = end + 1
}

/** Returns how many bytes it wrote. */
function shortText(bytes: Uint8Array, at: number, value: string): number {
  const length = value.length
  for (let i = 0; i < length; i++) {
    const unit = value.charCodeAt(i)
    if (unit > 0x7f) return utf8Write.call(bytes, value, at, 3 * length)
    bytes[at + i] = unit
  }
  return length
}

/** An invalid Date is stored as 1970, as the official driver stores it. */
function appendDate(writer: BsonWriter, value: Date, typeAt: number): void {
  const ms = value.getTime()
  writer.bytes[typeAt] = bsonType.date
  writeInt64(writer.bytes, writer.length, Number.isNaN(ms) ? 0 : ms)
  writer.length += 8
}

/** The digits of an array position and their NUL; returns the offset after them. */
function writePosition(bytes: Uint8Array, at: number, position: number): number {
  if (position < 10) {
    bytes[at] = 0x30 + position
    bytes[at + 1] = 0
    return at + 2
  }
  let digitCount = 1
  for (let limit = 10; position >= limit; limit *= 10) digitCount++
  const end = at + digitCount
  bytes[end] = 0
  for (let i = end - 1; i >= at; i--) {
    const rest = Math.floor(position / 10)
    bytes[i] = 48 + position - 10 * rest
    position = rest
  }
  return end + 1
}

function isMap(object: object): object is Map<unknown, unknown> {
  return object instanceof Map || (!isPlain(object) && classOf.call(object) === '[object Map]')
}

function isPlain(object: object): boolean {
  const prototype = Object.getPrototypeOf(object)
  return prototype === Object.prototype || prototype === null
}

function toBson(object: object): unknown {
  return (object as { toBSON(): unknown }).toBSON()
}

/** What to iterate for a document: what `toBSON` gives, if there is one. Throws BadValue for what is no document. */
function rootOf(object: object): object {
  const root = typeof (object as MaybeSpecial | null)?.toBSON === 'function' ? toBson(object) : object
  if (typeof root !== 'object' || root === null || Array.isArray(root)) {
    throw new DatabaseError('BadValue', 'a document must be an object')
  }
  if (isPlain(root) && (root as MaybeSpecial)._bsontype === undefined) return root
  const className = classOf.call(root).slice('[object '.length, -1)
  if (
    typeof (root as MaybeSpecial)._bsontype === 'string' ||
    ArrayBuffer.isView(root) ||
    className === 'Date' ||
    className === 'RegExp' ||
    refusedClasses.has(className)
  ) {
    throw new DatabaseError('BadValue', 'a document must be an object, not a single value')
  }
  return root
}

/** Why `root` could not be encoded within the depth that is allowed. */
function tooDeep(root: object): DatabaseError {
  return hasCycle(root, new Set(), new Set())
    ? new DatabaseError('BadValue', 'cannot convert a circular structure to BSON')
    : new DatabaseError('Overflow', `the document is nested more than ${messageDepthMax} levels deep`)
}

/** `settled`: objects from which no cycle was found. Stops at a depth that is refused anyway. */
function hasCycle(object: object, path: Set<object>, settled: Set<object>): boolean {
  if (path.has(object)) return true
  if (settled.has(object) || path.size > messageDepthMax) return false
  path.add(object)
  const values: Iterable<unknown> = isMap(object) ? object.values() : Object.values(object)
  for (const value of values) {
    if (typeof value === 'object' && value !== null && hasCycle(value, path, settled)) return true
  }
  path.delete(object)
  settled.add(object)
  return false
}
