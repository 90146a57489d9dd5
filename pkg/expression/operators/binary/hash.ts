/** `$hash`, `$hexHash` and `$toHashedIndexKey`. */
import { createHash } from 'node:crypto'
import { DatabaseError } from '../../../base/errors.ts'
import { bsonType } from '../../../bson/type.ts'
import { binaryValue, int64Value, nullValue, readString, stringValue, type Value } from '../../../bson/value.ts'
import { hashValue } from '../../../bson/value-hash.ts'
import { isNullish, missing } from '../../expression.ts'
import { absent, namedOperator } from '../named-operator.ts'
import { fixedOperator, type Operator } from '../operator.ts'
import { xxHash64 } from './xx-hash.ts'

const algorithms: Readonly<Record<string, (content: Uint8Array) => Uint8Array>> = {
  md5: (content) => createHash('md5').update(content).digest(),
  sha256: (content) => createHash('sha256').update(content).digest(),
  xxh64: xxHash64,
}

const failedToParse = 9

/** `{$hash: {input: string or binary data, algorithm: 'md5' | 'sha256' | 'xxh64'}}`. Errors: FailedToParse, 10754000 to 10754002. */
function hashOperator(name: string, resultOf: (digest: Uint8Array) => Value): Operator {
  return namedOperator({
    name,
    names: ['input', 'algorithm'],
    required: { input: failedToParse, algorithm: failedToParse },
    notDocument: failedToParse,
    unknown: failedToParse,
    make({ input = absent, algorithm = absent }) {
      return (context) => {
        const value = input(context)
        const digest = algorithmOf(name, algorithm(context))
        if (isNullish(value)) return nullValue
        return resultOf(digest(contentOf(name, value)))
      }
    },
  })
}

function algorithmOf(name: string, value: Value): (content: Uint8Array) => Uint8Array {
  if (value.type !== bsonType.string) {
    throw new DatabaseError(10754001, `${name} requires that 'algorithm' be a string`)
  }
  const text = readString(value.bytes, value.start)
  const algorithm = Object.hasOwn(algorithms, text) ? algorithms[text] : undefined
  if (algorithm === undefined) {
    throw new DatabaseError(10754002, `${name} knows no algorithm ${text}, only ${Object.keys(algorithms).join(', ')}`)
  }
  return algorithm
}

function contentOf(name: string, { type, bytes, start, end }: Value): Uint8Array {
  if (type === bsonType.string) return bytes.subarray(start + 4, end - 1)
  if (type === bsonType.binary) return bytes.subarray(start + 5, end)
  throw new DatabaseError(10754000, `${name} requires 'input' to be a string or BinData`)
}

export const hash = hashOperator('$hash', (digest) => binaryValue(digest))
export const hexHash = hashOperator('$hexHash', (digest) =>
  stringValue(Buffer.from(digest.buffer, digest.byteOffset, digest.length).toString('hex').toUpperCase()),
)

/** The key that a hashed index has for the value: the index takes missing for null. */
export const toHashedIndexKey = fixedOperator('$toHashedIndexKey', 1, ([operand]) => (context) => {
  const value = operand!(context)
  const { type, bytes, start } = value === missing ? nullValue : value
  return int64Value(hashValue(type, bytes, start))
})
