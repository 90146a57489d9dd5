/** What `$meta` tells of a row that find gives: `recordId`, `indexKey`, `sortKey`. */
import { DatabaseError } from '../base/errors.ts'
import { compareBytes, KeyWriter, keyEnd } from '../bson/key.ts'
import { bsonType } from '../bson/type.ts'
import { getField, int64Value, nullValue, readString, undefinedValue, type Value, valueAt } from '../bson/value.ts'
import { simpleOrder } from '../bson/value-order.ts'
import { BsonWriter, indexName } from '../bson/writer.ts'
import type { Rows } from './execute.ts'
import { writeIndexKey } from './index-key.ts'
import { valuesAt } from './path-values.ts'
import type { FieldBranch } from './projection/field-tree.ts'
import type { Projection } from './projection/tree.ts'
import { compileSort } from './sort/key.ts'
import type { Sort } from './sort/parse.ts'

/** Throws BadValue when the projection shows what the rows were sorted by and they are not sorted. */
export function checkMetadata(projection: Projection, sort: Sort | undefined): void {
  if (projection.kind === 'all' || (sort !== undefined && sort.parts.length > 0)) return
  if (showsSortKey(projection.root))
    throw new DatabaseError('BadValue', 'cannot use sortKey $meta projection without a sort')
}

function showsSortKey(branch: FieldBranch): boolean {
  for (const node of branch.children.values()) {
    if (node.kind === 'branch' && showsSortKey(node)) return true
    if (node.kind !== 'compute' || node.source?.type !== bsonType.document) continue
    const name = getField(node.source.bytes, '$meta', node.source.start)
    if (name?.type === bsonType.string && readString(name.bytes, name.start) === 'sortKey') return true
  }
  return false
}

/** By the name that `$meta` has for it, of the row that `rows` rests on; undefined: there is none. */
export function rowMetadata(rows: Rows, sort: Sort | undefined): (name: string) => Value | undefined {
  const keyOf = sort === undefined || sort.parts.length === 0 ? undefined : compileSort(sort)
  const key = new KeyWriter()
  return (name) => {
    if (name === 'recordId') return int64Value(rows.recordId)
    if (name === 'indexKey') {
      const { entry } = rows
      if (entry === undefined) return undefined
      const writer = new BsonWriter(128)
      writer.beginDocument()
      writeIndexKey(entry, rows.bytes, rows.start, writer)
      writer.end()
      return valueAt(bsonType.document, writer.finish(), 0, writer.length)
    }
    if (name !== 'sortKey' || keyOf === undefined) return undefined
    keyOf(rows.bytes, rows.start, key.reset())
    return sortKeyOf(rows, sort!, key)
  }
}

const probe = new KeyWriter()

/** The values that the row's sort key was made of, as an array. */
function sortKeyOf(rows: Rows, sort: Sort, key: KeyWriter): Value {
  const { encodeKey } = sort.collation ?? simpleOrder
  const writer = new BsonWriter(128)
  writer.beginDocument()
  let at = 0
  sort.parts.forEach(({ path, descending }, i) => {
    const end = keyEnd(key.bytes, at)
    const values = valuesAt(rows.bytes, rows.start, path)
    const found = [...values, nullValue, undefinedValue].find(({ type, bytes, start }) => {
      encodeKey(probe.reset(), type, bytes, start, descending)
      return compareBytes(probe.bytes, 0, probe.length, key.bytes, at, end) === 0
    })
    writer.value(indexName(i), found ?? nullValue)
    at = end
  })
  writer.end()
  return valueAt(bsonType.array, writer.finish(), 0, writer.length)
}
