/** find's min and max: a part of one index, named by keys, whatever the filter's own bounds are. */
import { DatabaseError } from '../base/errors.ts'
import { compareBytes, encodeKey, KeyWriter } from '../bson/key.ts'
import { documentFields, maxKeyValue, minKeyValue } from '../bson/value.ts'
import { BsonWriter } from '../bson/writer.ts'
import type { Filter } from './filter/tree.ts'
import { type IndexBounds, wholeIndex } from './plan-index.ts'
import type { QueryIndex } from './plan-source.ts'

export interface KeyRangeRequest {
  /** Documents with a value for each part of the key: the first key, and the first one too many. */
  readonly min: Uint8Array | undefined
  readonly max: Uint8Array | undefined
}

/**
 * `index`: the hinted one. Throws 51173 (no hint), 51174 (the fields are not those of its key), 51175 (an empty or backward
 * range).
 */
export function boundsBetween(index: QueryIndex | undefined, range: KeyRangeRequest, filter: Filter): IndexBounds {
  if (index === undefined) {
    throw new DatabaseError(51173, 'When using min()/max() a hint of which index to use must be provided')
  }
  const lower = range.min && keyOf(index, range.min)
  const upper = range.max && keyOf(index, range.max)
  if (lower !== undefined && upper !== undefined) {
    if (compareBytes(lower, 0, lower.length, upper, 0, upper.length) >= 0) {
      throw new DatabaseError(
        51175,
        'The value provided for min() does not come before the value provided for max() in the hinted index',
      )
    }
  }
  const between = {
    startKey: range.min === undefined ? edge(index, 1) : range.min,
    endKey: range.max === undefined ? edge(index, -1) : range.max,
  }
  return { ...wholeIndex(index, filter), ranges: [{ lower, upper }], between }
}

/** The key of the values in the fields of `document`, which must be those of the index, in its order. */
function keyOf(index: QueryIndex, document: Uint8Array): Uint8Array {
  const fields = [...documentFields(document)]
  const { keyPaths, wildcardAt } = index.definition
  const fits =
    wildcardAt < 0 && fields.length === keyPaths.length && keyPaths.every(({ path }, i) => fields[i]!.name === path)
  if (!fits) throw new DatabaseError(51174, 'The index chosen is not compatible with min/max')
  const writer = new KeyWriter()
  const encode = index.collation?.encodeKey ?? encodeKey
  fields.forEach(({ type, bytes, start }, i) => {
    encode(writer, type, bytes, start, keyPaths[i]!.descending)
  })
  return writer.finish()
}

/** The key before all others (1) or after all (-1), as explain shows it. */
function edge(index: QueryIndex, side: 1 | -1): Uint8Array {
  const writer = new BsonWriter(64)
  writer.beginDocument()
  for (const { path, descending } of index.keyPaths) {
    writer.value(path, descending === (side === 1) ? maxKeyValue : minKeyValue)
  }
  writer.end()
  return writer.finish()
}
