/** The values that JavaScript has no type for, as the classes of the `bson` package. They share no memory with the bytes. */
import { Binary, BSONRegExp, Code, DBRef, Decimal128, Long, MaxKey, MinKey, ObjectId, Timestamp, UUID } from 'bson'
import { assert } from '../base/assert.ts'
import { readInt32, readUint32, twoTo32 } from './little-endian.ts'
import { objectIdLength } from './objectid.ts'
import { readText } from './short-text.ts'
import { type BsonType, bsonType } from './type.ts'

/** The value of `type` at `start`; any type but those that contain documents. */
export function decodeClass(type: BsonType, bytes: Uint8Array, start: number): unknown {
  switch (type) {
    case bsonType.binary:
      return decodeBinary(bytes, start)
    case bsonType.timestamp:
      return new Timestamp({ i: readUint32(bytes, start), t: readUint32(bytes, start + 4) })
    case bsonType.decimal128:
      return new Decimal128(copyOf(bytes, start, start + 16))
    case bsonType.regex:
      return decodeRegex(bytes, start)
    case bsonType.symbol:
      return decodeString(bytes, start)
    case bsonType.code:
      return new Code(decodeString(bytes, start))
    case bsonType.dbPointer: {
      const idAt = start + 4 + readInt32(bytes, start)
      return new DBRef(decodeString(bytes, start), new ObjectId(copyOf(bytes, idAt, idAt + objectIdLength)))
    }
    case bsonType.undefined:
      return undefined
    case bsonType.minKey:
      return new MinKey()
    case bsonType.maxKey:
      return new MaxKey()
    default:
      assert(false, 'a type byte that BSON does not define, in validated bytes')
  }
}

/** A number where it is exact (up to 2^53 either way, as the driver has it), else a Long. */
export function decodeInt64(bytes: Uint8Array, start: number): number | Long {
  const low = readInt32(bytes, start)
  const high = readInt32(bytes, start + 4)
  const isExact = (high >= -0x200000 && high < 0x200000) || (high === 0x200000 && low === 0)
  return isExact ? high * twoTo32 + (low >>> 0) : new Long(low, high)
}

export function decodeString(bytes: Uint8Array, start: number): string {
  return readText(bytes, start + 4, start + 3 + readInt32(bytes, start))
}

const byteArraySubtype = 2
const uuidSubtype = 4

function decodeBinary(bytes: Uint8Array, start: number): Binary {
  const subtype = bytes[start + 4]!
  const end = start + 5 + readInt32(bytes, start)
  // The old subtype 2 repeats the length inside.
  const content = copyOf(bytes, start + (subtype === byteArraySubtype ? 9 : 5), end)
  return subtype === uuidSubtype && content.length === 16 ? new UUID(content) : new Binary(content, subtype)
}

const javascriptFlags: Readonly<Record<string, string>> = { i: 'i', m: 'm', s: 'g' }
const bsonFlags = 'ilmsux'

function decodeRegex(bytes: Uint8Array, start: number): RegExp | BSONRegExp {
  const patternEnd = bytes.indexOf(0, start)
  const optionsEnd = bytes.indexOf(0, patternEnd + 1)
  const pattern = readText(bytes, start, patternEnd)
  const options = [...readText(bytes, patternEnd + 1, optionsEnd)]
  try {
    return new RegExp(pattern, options.map((option) => javascriptFlags[option] ?? '').join(''))
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
    return new BSONRegExp(pattern, options.filter((option) => bsonFlags.includes(option)).join(''))
  }
}

const referenceNames: ReadonlySet<string> = new Set(['$ref', '$id', '$db'])

/** A DBRef for an object that has the form of one and no other `$` field; else the object itself. */
export function referenceOr(object: Record<string, unknown>): Record<string, unknown> {
  if (typeof object.$ref !== 'string' || object.$id === undefined || object.$id === null) return object
  if ('$db' in object && typeof object.$db !== 'string') return object
  if (Object.keys(object).some((name) => name.startsWith('$') && !referenceNames.has(name))) return object
  const { $ref, $id, $db, ...fields } = object
  return new DBRef($ref as string, $id as ObjectId, $db as string | undefined, fields) as unknown as Record<
    string,
    unknown
  >
}

function copyOf(bytes: Uint8Array, start: number, end: number): Buffer {
  return Buffer.from(bytes.subarray(start, end))
}
