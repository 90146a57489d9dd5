/**
 * BSON bytes to JavaScript objects, with the results of the official driver's `BSON.deserialize(bytes)`: numbers,
 * strings and dates are JavaScript's own, an int64 beyond 2^53 stays a Long, binary data is a Binary (a UUID for
 * subtype 4), a document of the form { $ref, $id, $db? } is a DBRef. A regular expression that JavaScript cannot
 * have is a BSONRegExp, where the driver throws. What is returned shares no memory with the bytes.
 *
 * Trusts validated bytes.
 */
import { Code, ObjectId } from 'bson'
import { decodeClass, decodeInt64, decodeString, referenceOr } from './decode-class.ts'
import { startsWith } from './field-names.ts'
import { readDouble, readInt32, readInt64Number } from './little-endian.ts'
import { type ShapeNode, Shapes } from './shape.ts'
import type { DecodeValue, ShapeDecoder } from './shape-decoder.ts'
import { readText } from './short-text.ts'
import { type BsonType, bsonType } from './type.ts'
import { valueEnd } from './walk.ts'

/** The second parameter is left out of the package's type declarations: the id is read in place, nothing is cut out. */
const PackedObjectId = ObjectId as unknown as new (bytes: Uint8Array, at: number) => ObjectId

type Fields = Record<string, unknown>

/** Longest list of values that is kept between documents. */
const keptValuesMax = 1024
/** A guess of the shape is given up when it is wrong more often than once in `trustLost` documents, until as many went by as it takes to reach 0. */
const trustMax = 64
const trustLost = 8

/** Reusable; learns the shapes of what it decodes. */
export class DocumentDecoder {
  readonly #shapes = new Shapes()
  /** A stack: the values of the documents and arrays being decoded, until each is made into one object. */
  #values: unknown[] = []
  #top = 0
  #highest = 0
  /** Where the value decoded last ends. */
  #end = 0
  /** The decoder of the shape that the last documents had, and how often of late it was the right one. */
  #likely: ShapeDecoder | undefined = undefined
  #trust = 0
  /** The shape of the document decoded last; undefined when it was not learned. */
  #last: ShapeNode | undefined = undefined
  readonly #decodeValue: DecodeValue = (type, bytes, at, field) => this.#value(type, bytes, at, field)

  outermost(bytes: Uint8Array, start: number): Fields {
    const decode = this.#likely
    if (decode !== undefined) {
      const result = decode(bytes, start)
      if (this.#highest > 0) this.#forget()
      if (result !== undefined) {
        if (this.#trust < trustMax) this.#trust++
        return result
      }
      this.#trust -= trustLost
    }
    const result = this.#document(bytes, start, this.#shapes.start, true)
    this.#chooseLikely(bytes, start)
    this.#forget()
    return result
  }

  /** After a document that `#likely` could not decode: what is tried first with the next one. */
  #chooseLikely(bytes: Uint8Array, start: number): void {
    const last = this.#last
    this.#last = undefined
    if (this.#trust < 0) {
      // Shapes change too often for a guess to pay: none for a while.
      this.#likely = undefined
      this.#trust++
    } else this.#likely = last?.decoder(bytes, start, this.#decodeValue)
  }

  single(type: BsonType, bytes: Uint8Array, start: number): unknown {
    if (type === bsonType.document) return this.outermost(bytes, start)
    const result = this.#value(type, bytes, start, undefined)
    this.#forget()
    return result
  }

  /** Keeps no value alive that the caller may let go. */
  #forget(): void {
    const values = this.#values
    if (this.#highest > keptValuesMax) this.#values = []
    else for (let i = 0; i < this.#highest; i++) values[i] = undefined
    this.#highest = 0
    this.#top = 0
  }

  #document(bytes: Uint8Array, start: number, shape: ShapeNode | undefined, mayBeReference: boolean): Fields {
    let at = start + 4
    if (shape === undefined) {
      this.#shapes.missed()
      this.#last = undefined
      return this.#rest(bytes, at, {}, mayBeReference)
    }
    const values = this.#values
    const base = this.#top
    let node: ShapeNode = shape
    for (;;) {
      const type = bytes[at]!
      if (type === 0) break
      let field = node.next
      if (field === undefined || !startsWith(bytes, at + 1, field.nameBytes)) {
        field = node.follow(bytes, at + 1)
        if (field === undefined) {
          this.#shapes.missed()
          this.#last = undefined
          const begun = assemble(node.names(), values, base)
          this.#close(at, base)
          return this.#rest(bytes, at, begun, mayBeReference)
        }
      }
      node = field
      at += 1 + field.nameBytes.length
      const value = this.#value(type, bytes, at, field)
      at = this.#end
      values[this.#top++] = value
    }
    this.#close(at + 1, base)
    this.#last = node
    const maker = node.maker()
    const object = maker === undefined ? assemble(node.names(), values, base) : maker(values, base)
    return node.hasDollarName && mayBeReference ? referenceOr(object) : object
  }

  /** The fields from `at` on, into `object`. */
  #rest(bytes: Uint8Array, at: number, object: Fields, mayBeReference: boolean): Fields {
    const base = this.#top
    let hasDollarName = false
    for (;;) {
      const type = bytes[at]!
      if (type === 0) break
      let nameEnd = at + 1
      while (bytes[nameEnd] !== 0) nameEnd++
      const name = readText(bytes, at + 1, nameEnd)
      if (bytes[at + 1] === dollar) hasDollarName = true
      setField(object, name, this.#value(type, bytes, nameEnd + 1, undefined))
      at = this.#end
    }
    this.#close(at + 1, base)
    return mayBeReference && (hasDollarName || '$ref' in object) ? referenceOr(object) : object
  }

  #array(bytes: Uint8Array, start: number, node: ShapeNode | undefined): unknown[] {
    const base = this.#top
    const values = this.#values
    let at = start + 4
    for (;;) {
      const type = bytes[at]!
      if (type === 0) break
      at++
      while (bytes[at] !== 0) at++
      const value = this.#value(type, bytes, at + 1, node)
      at = this.#end
      values[this.#top++] = value
    }
    const array = values.slice(base, this.#top)
    this.#close(at + 1, base)
    return array
  }

  /** Leaves a document or array that ended at `end`. */
  #close(end: number, base: number): void {
    if (this.#top > this.#highest) this.#highest = this.#top
    this.#top = base
    this.#end = end
  }

  /** `field`: whose value it is, for the shapes of documents in it. Sets `#end`. */
  #value(type: number, bytes: Uint8Array, at: number, field: ShapeNode | undefined): unknown {
    switch (type) {
      case bsonType.string: {
        const end = at + 4 + readInt32(bytes, at)
        this.#end = end
        return readText(bytes, at + 4, end - 1)
      }
      case bsonType.int32:
        this.#end = at + 4
        return readInt32(bytes, at)
      case bsonType.double:
        this.#end = at + 8
        return readDouble(bytes, at)
      case bsonType.objectId:
        this.#end = at + 12
        return new PackedObjectId(bytes, at)
      case bsonType.boolean:
        this.#end = at + 1
        return bytes[at] === 1
      case bsonType.date:
        this.#end = at + 8
        return new Date(readInt64Number(bytes, at))
      case bsonType.null:
        this.#end = at
        return null
      case bsonType.document:
        return this.#document(bytes, at, field?.inner(), true)
      case bsonType.array:
        return this.#array(bytes, at, field)
      case bsonType.int64:
        this.#end = at + 8
        return decodeInt64(bytes, at)
      case bsonType.codeWithScope:
        return this.#codeWithScope(bytes, at)
      default:
        this.#end = valueEnd(bytes, type, at)
        return decodeClass(type, bytes, at)
    }
  }

  #codeWithScope(bytes: Uint8Array, start: number): Code {
    const scopeAt = start + 8 + readInt32(bytes, start + 4)
    const scope = this.#document(bytes, scopeAt, undefined, false)
    return new Code(decodeString(bytes, start + 4), scope)
  }
}

const dollar = 0x24

function assemble(names: readonly string[], values: readonly unknown[], base: number): Fields {
  const object: Fields = {}
  for (let i = 0; i < names.length; i++) setField(object, names[i]!, values[base + i])
  return object
}

/** `__proto__` is a name like any other. */
function setField(object: Fields, name: string, value: unknown): void {
  if (name === '__proto__') {
    Object.defineProperty(object, name, { value, writable: true, enumerable: true, configurable: true })
  } else object[name] = value
}
