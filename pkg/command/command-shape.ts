/**
 * What makes queries alike: a find, distinct or aggregate command without the values that its filters compare with. Two commands of
 * one shape have the same hash.
 */
import { bsonType } from '../bson/type.ts'
import { documentFields, documentOf, getField, type Value } from '../bson/value.ts'
import { sha256 } from './digest.ts'
import { filterShape, hex } from './index-filters.ts'

/** The fields of each command that count, in the order in which they do. */
const shaping: Readonly<Record<string, readonly string[]>> = {
  find: [
    'filter',
    'projection',
    'sort',
    'limit',
    'skip',
    'min',
    'max',
    'hint',
    'collation',
    'let',
    'returnKey',
    'showRecordId',
    'singleBatch',
    'tailable',
    'awaitData',
  ],
  distinct: ['key', 'query', 'hint', 'collation'],
  aggregate: ['pipeline', 'hint', 'collation', 'let', 'allowDiskUse'],
}

/** What the filters of a command are called. */
const filterNames: ReadonlySet<string> = new Set(['filter', 'query', '$match'])

/** Whether commands of that name have a shape. */
export function isShaped(command: string): boolean {
  return Object.hasOwn(shaping, command)
}

/** The hash of a command's shape, 64 hexadecimal digits; undefined: one of its kind has none. */
export function queryShapeHash(database: string, command: Uint8Array): string | undefined {
  const [first] = documentFields(command)
  const names = first === undefined ? undefined : shaping[first.name]
  if (first === undefined || names === undefined) return undefined
  const parts = [JSON.stringify(database), first.name, valueShape(first)]
  for (const name of names) {
    const field = getField(command, name)
    if (field === undefined || says(field) === false) continue
    parts.push(`${name}:${fieldShape(name, field)}`)
  }
  return sha256(parts.join())
}

/** An empty document, null and false are as good as nothing. */
function says({ type, bytes, start, end }: Value): boolean {
  if (type === bsonType.document) return end - start > 5
  return type !== bsonType.null && (type !== bsonType.boolean || bytes[start] !== 0)
}

function fieldShape(name: string, value: Value): string {
  return filterNames.has(name) && value.type === bsonType.document ? filterShape(documentOf(value)) : valueShape(value)
}

/** Documents and arrays by their fields, names as they are, strings, numbers and truth values by their bytes, others by type. */
function valueShape(value: Value): string {
  if (value.type === bsonType.document || value.type === bsonType.array) {
    const parts = [...documentFields(value.bytes, value.start)].map(
      (field) => `${JSON.stringify(field.name)}:${fieldShape(field.name, field)}`,
    )
    return `{${parts.join()}}`
  }
  const isPlain = value.type === bsonType.string || value.type === bsonType.boolean || value.type === bsonType.int32
  return isPlain ? hex(value.bytes.subarray(value.start, value.end)) : `?${value.type}`
}
