/** From the arguments of the embedded API to the parts of requests. */
import { DatabaseError } from '../base/errors.ts'
import { encodeDocument } from '../bson/convert.ts'
import type { Value } from '../bson/value.ts'
import { arrayValue, documentValue, stringValue } from '../bson/value.ts'
import type { UpdateRequest } from '../command/write.ts'
import type { Document, Filter, Sort, Update, UpdateOptions } from './types.ts'

const emptyDocument = new Uint8Array([5, 0, 0, 0, 0])

export function filterBytes(filter: Filter | undefined): Uint8Array {
  return filter === undefined ? emptyDocument : encodeDocument(filter)
}

export function optionalBytes(document: object | undefined): Uint8Array | undefined {
  return document === undefined ? undefined : encodeDocument(document as Document)
}

/** `{a: 1}`, `'a'`, `['a', -1]` pairs or a Map, as the driver takes them. */
export function sortBytes(sort: Sort | undefined): Uint8Array | undefined {
  if (sort === undefined) return undefined
  if (typeof sort === 'string') return encodeDocument({ [sort]: 1 })
  if (Array.isArray(sort))
    return encodeDocument(new Map(sort.map(([path, direction]) => [path, directionOf(direction)])))
  if (sort instanceof Map)
    return encodeDocument(new Map([...sort].map(([path, direction]) => [path, directionOf(direction)])))
  const document = sort as Document
  return encodeDocument(isPlainSort(document) ? document : withDirections(document))
}

/** Whether its directions are what the command takes, as those of nearly every sort. */
function isPlainSort(sort: Document): boolean {
  for (const path in sort) if (typeof sort[path] !== 'number') return false
  return true
}

function withDirections(sort: Document): Document {
  return Object.fromEntries(Object.entries(sort).map(([path, direction]) => [path, directionOf(direction)]))
}

function directionOf(direction: unknown): unknown {
  if (direction === 'asc' || direction === 'ascending') return 1
  if (direction === 'desc' || direction === 'descending') return -1
  return direction
}

export function hintValue(hint: string | Document | undefined): Value | undefined {
  if (hint === undefined) return undefined
  return typeof hint === 'string' ? stringValue(hint) : documentValue(encodeDocument(hint))
}

/** `kind` says which of the three updates was asked for, and is checked as the driver does. */
export function updateRequest(
  filter: Filter,
  update: Update,
  kind: 'updateOne' | 'updateMany' | 'replaceOne',
  options: UpdateOptions,
): UpdateRequest {
  return {
    filter: encodeDocument(filter),
    update: updateValue(update, kind === 'replaceOne'),
    multi: kind === 'updateMany',
    upsert: options.upsert === true,
    arrayFilters: options.arrayFilters?.map((each) => encodeDocument(each)) ?? [],
    hint: hintValue(options.hint),
    sort: undefined,
    collation: optionalBytes(options.collation),
  }
}

export function updateValue(update: Update, isReplacement: boolean): Value {
  const isPipeline = Array.isArray(update)
  const first = isPipeline ? '$' : firstName(update)
  const hasOperators = first?.startsWith('$') === true
  if (isReplacement && hasOperators)
    throw new DatabaseError('BadValue', 'Replacement document must not contain atomic operators')
  if (!isReplacement && !hasOperators) throw new DatabaseError('BadValue', 'Update document requires atomic operators')
  return isPipeline ? arrayValue(arrayBytes(update)) : documentValue(encodeDocument(update))
}

function firstName(update: Update): string | undefined {
  if (update instanceof Map) return update.keys().next().value as string | undefined
  for (const name in update) if (Object.hasOwn(update, name)) return name
  return undefined
}

/** The bytes of a BSON array. */
export function arrayBytes(elements: readonly unknown[]): Uint8Array {
  return encodeDocument(new Map(elements.map((element, index) => [String(index), element])))
}
