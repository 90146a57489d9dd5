/** The index key that a row was found by, as find's returnKey and `$meta: 'indexKey'` show it. */
import { compareBytes, KeyWriter, keyEnd } from '../bson/key.ts'
import { writeKeyValue } from '../bson/key-value.ts'
import { utf8Bytes } from '../bson/utf8.ts'
import { int64Value, nullValue, undefinedValue, type Value } from '../bson/value.ts'
import { hashValue } from '../bson/value-hash.ts'
import { simpleOrder, type ValueOrder } from '../bson/value-order.ts'
import type { BsonWriter } from '../bson/writer.ts'
import { parsePath } from './path.ts'
import { valuesAt } from './path-values.ts'
import type { QueryIndex } from './plan-source.ts'

/** Where a row stands in an index. */
export interface Entry {
  readonly index: QueryIndex
  /** Undefined: an order of its own has come between the index and the row. */
  readonly key: Uint8Array | undefined
}

const probe = new KeyWriter()

/**
 * Writes the fields of the key into the document that is open in `into`. Each value is the one of the document, at `start`, that the
 * key was made of: of an array the element; null where there is none.
 */
export function writeIndexKey({ index, key }: Entry, bytes: Uint8Array, start: number, into: BsonWriter): void {
  let at = 0
  for (const { path, descending, kind } of index.keyPaths) {
    let name = path
    if (kind === 'wildcard') {
      if (key === undefined) continue
      const from = into.length
      at = writeKeyValue(into, pathField, key, at, 'asKeySays')
      // A string lies behind type, name and length, and before its NUL.
      const text = from + 1 + pathField.length + 4
      name = Buffer.from(into.bytes.subarray(text, into.length - 1)).toString()
    }
    const values = valuesAt(bytes, start, parsePath(name))
    const end = key === undefined ? at : keyEnd(key, at)
    into.value(name, valueOfPart(values, kind === 'hashed', index.collation ?? simpleOrder, key, at, end, descending))
    at = end
  }
}

const pathField = utf8Bytes('$_path\0')

function valueOfPart(
  values: readonly Value[],
  isHashed: boolean,
  { encodeKey }: ValueOrder,
  key: Uint8Array | undefined,
  from: number,
  to: number,
  descending: boolean,
): Value {
  const [first = nullValue] = values
  if (isHashed) return int64Value(hashValue(first.type, first.bytes, first.start))
  if (key === undefined) return first
  for (const value of [...values, nullValue, undefinedValue]) {
    encodeKey(probe.reset(), value.type, value.bytes, value.start, descending)
    if (compareBytes(probe.bytes, 0, probe.length, key, from, to) === 0) return value
  }
  return nullValue
}
