/** Which array index a positional `$` stands for: that of the first element by which the document matched the filter. */
import { bsonType } from '../../bson/type.ts'
import { documentFields, documentOf, getField, type Value } from '../../bson/value.ts'
import { ElementWalker } from '../../bson/walk.ts'
import { BsonWriter } from '../../bson/writer.ts'
import type { Collation } from '../../collation/collation.ts'
import { compileFilter } from '../filter/compile.ts'
import { collated, parseFilter } from '../filter/parse.ts'

/**
 * The index for a document that matches `filter` (a document of the filter language), or undefined when it did not match by
 * an array element. Of several conditions on arrays the last one counts, as in MongoDB.
 */
export function positionalIndex(
  filter: Uint8Array,
  bytes: Uint8Array,
  start: number,
  collation?: Collation,
): number | undefined {
  let index: number | undefined
  for (const field of documentFields(filter)) index = indexByField(field, bytes, start, collation) ?? index
  return index
}

function indexByField(
  field: { readonly name: string } & Value,
  bytes: Uint8Array,
  start: number,
  collation: Collation | undefined,
): number | undefined {
  if (!field.name.startsWith('$')) return indexByPath(field.name.split('.'), field, bytes, start, collation)
  if (field.name !== '$and' && field.name !== '$or') return undefined
  let index: number | undefined
  for (const clause of documentFields(field.bytes, field.start)) {
    const filter = documentOf(clause)
    if (field.name === '$or') {
      if (compileFilter(parseFilter(filter, 0, collated(collation)))(bytes, start)) {
        return positionalIndex(filter, bytes, start, collation)
      }
    } else index = positionalIndex(filter, bytes, start, collation) ?? index
  }
  return index
}

/**
 * Follows the path to the first array, and tries the condition on the document with each element in turn as the only one
 * of that array.
 */
function indexByPath(
  path: readonly string[],
  condition: Value,
  bytes: Uint8Array,
  start: number,
  collation: Collation | undefined,
): number | undefined {
  let depth = 0
  let value: Value = { type: bsonType.document, bytes, start, end: bytes.length }
  while (value.type === bsonType.document && depth < path.length) {
    const next = getField(bytes, path[depth]!, value.start)
    if (next === undefined) return undefined
    value = next
    depth++
  }
  if (value.type !== bsonType.array) return undefined
  if (isNegation(condition)) return undefined
  const predicate = compileFilter(
    parseFilter(
      nest([path.join('.')], (writer, name) => writer.value(name, condition)),
      0,
      collated(collation),
    ),
  )
  const walker = new ElementWalker().reset(bytes, value.start)
  for (let index = 0; walker.next(); index++) {
    const reduced = nest(path.slice(0, depth), (writer, name) => {
      writer.beginArray(name)
      writer.value('0', walker.value())
      writer.end()
    })
    if (predicate(reduced, 0)) return index
  }
  return undefined
}

const negations = new Set(['$ne', '$nin', '$not'])

/** Whether the condition holds only by what the array does not contain: no element is the one that matched. */
function isNegation(condition: Value): boolean {
  if (condition.type !== bsonType.document) return false
  const operators = [...documentFields(condition.bytes, condition.start)]
  return operators.length > 0 && operators.every(({ name }) => negations.has(name))
}

/** A document that holds one value, at `path`. */
function nest(path: readonly string[], writeValue: (writer: BsonWriter, name: string) => void): Uint8Array {
  const writer = new BsonWriter()
  const last = path.length - 1
  writer.beginDocument()
  for (let i = 0; i < last; i++) writer.beginDocument(path[i]!)
  writeValue(writer, path[last]!)
  for (let i = 0; i < last; i++) writer.end()
  writer.end()
  return writer.finish()
}
