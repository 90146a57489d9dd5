/** What collMod's `index` changes: hidden, expireAfterSeconds, prepareUnique and unique of one index. */
import { DatabaseError } from '../base/errors.ts'
import type { RecordId } from '../base/ids.ts'
import type { Timestamp } from '../base/timestamp.ts'
import { buildDocument } from '../bson/build.ts'
import { compareBytes } from '../bson/key.ts'
import { bsonType } from '../bson/type.ts'
import {
  documentFields,
  documentOf,
  getField,
  isNumber,
  nullValue,
  readString,
  truthy,
  type Value,
} from '../bson/value.ts'
import { wholeNumberAt } from '../bson/whole-number.ts'
import type { Collection, RecordRef } from '../engine/collection.ts'
import { ownedValue } from '../expression/owned-value.ts'
import type { Index } from '../index/index.ts'
import { sameKey } from './index-presence.ts'
import type { Operation } from './operation.ts'
import { ReadView } from './read-view.ts'

export interface IndexChange {
  readonly index: Index
  /** The definition it gets; undefined: nothing changes. */
  readonly definition: Uint8Array | undefined
  /** It must have no duplicates first: see `refuseDuplicates`. */
  readonly becomesUnique: boolean
  /** Field by field, `x_old` and `x_new`, as the reply has them. */
  readonly reply: Readonly<Record<string, unknown>>
}

/** Throws IndexNotFound, InvalidOptions, BadValue. */
export function indexChange(collection: Collection, request: Uint8Array): IndexChange {
  const index = namedIndex(collection, request)
  const { definition } = index
  const changed = new Map<string, unknown>()
  const reply: Record<string, unknown> = {}
  const hidden = getField(request, 'hidden')
  if (hidden !== undefined) {
    if (definition.isIdIndex) throw new DatabaseError('BadValue', "can't hide _id index")
    if (truthy(hidden) !== definition.hidden) {
      changed.set('hidden', truthy(hidden) ? true : undefined)
      reply['hidden_old'] = definition.hidden
      reply['hidden_new'] = truthy(hidden)
    }
  }
  const expiry = getField(request, 'expireAfterSeconds')
  if (expiry !== undefined) changeExpiry(index, expiry, changed, reply)
  const prepareUnique = getField(request, 'prepareUnique')
  if (prepareUnique !== undefined && truthy(prepareUnique) !== definition.prepareUnique) {
    if (definition.isIdIndex) throw new DatabaseError('InvalidOptions', 'cannot change the _id index')
    if (definition.unique) throw new DatabaseError('InvalidOptions', 'the index is unique already')
    if (truthy(prepareUnique) && changed.size > 0)
      throw new DatabaseError('InvalidOptions', `'prepareUnique' cannot be changed together with another option`)
    changed.set('prepareUnique', truthy(prepareUnique) ? true : undefined)
    reply['prepareUnique_old'] = definition.prepareUnique
    reply['prepareUnique_new'] = truthy(prepareUnique)
  }
  const unique = getField(request, 'unique')
  if (unique !== undefined && !truthy(unique)) throw new DatabaseError('BadValue', `collMod.index.unique must be true`)
  if (unique !== undefined && !definition.unique) {
    if (!definition.prepareUnique)
      throw new DatabaseError(
        'InvalidOptions',
        `Cannot make index unique with 'prepareUnique=false'. Run collMod to set it first.`,
      )
    changed.set('unique', true)
    changed.set('prepareUnique', undefined)
    reply['unique_new'] = true
  }
  if (changed.size === 0) return { index, definition: undefined, becomesUnique: false, reply }
  const fields: Record<string, unknown> = {}
  for (const field of documentFields(definition.bytes)) fields[field.name] = field
  for (const [name, value] of changed) fields[name] = value
  return { index, definition: buildDocument(fields), becomesUnique: changed.has('unique'), reply }
}

function namedIndex(collection: Collection, request: Uint8Array): Index {
  const name = getField(request, 'name')
  if (name?.type === bsonType.string) {
    const text = readString(name.bytes, name.start)
    const index = collection.index(text)
    if (index === undefined)
      throw new DatabaseError('IndexNotFound', `cannot find index ${text} for ns ${collection.namespace}`)
    return index
  }
  const key = documentOf(getField(request, 'keyPattern')!)
  const found = collection.indexes.filter((index) => sameKey(index.definition.keyPattern, key))
  if (found.length === 0)
    throw new DatabaseError('IndexNotFound', `cannot find index with that key for ns ${collection.namespace}`)
  if (found.length > 1)
    throw new DatabaseError(
      'AmbiguousIndexKeyPattern',
      `index keyPattern matches ${found.length} indexes, must use index name`,
    )
  return found[0]!
}

/** Longer than this is for ever. */
const expirySecondsMax = 0x7fffffff

function changeExpiry(
  index: Index,
  expiry: Value,
  changed: Map<string, unknown>,
  reply: Record<string, unknown>,
): void {
  const { definition } = index
  const seconds = isNumber(expiry.type)
    ? Math.min(wholeNumberAt(expiry.type, expiry.bytes, expiry.start), expirySecondsMax)
    : Number.NaN
  if (definition.isIdIndex) throw new DatabaseError('InvalidOptions', 'the _id field does not support TTL indexes')
  if (definition.keyPaths.length > 1)
    throw new DatabaseError(
      'InvalidOptions',
      'TTL indexes are single-field indexes, compound indexes do not support TTL',
    )
  if (!(seconds >= 0))
    throw new DatabaseError(
      'InvalidOptions',
      `TTL index 'expireAfterSeconds' option must be within an acceptable range`,
    )
  if (definition.wildcardAt >= 0) throw new DatabaseError('InvalidOptions', 'a wildcard index cannot be a TTL index')
  if (definition.expireAfterSeconds !== seconds) changed.set('expireAfterSeconds', seconds)
  if (definition.expireAfterSeconds !== undefined)
    reply['expireAfterSeconds_old'] = BigInt(definition.expireAfterSeconds)
  reply['expireAfterSeconds_new'] = BigInt(seconds)
}

/** Entries between two looks at the clock. */
const entriesPerLook = 64
/** Bytes of `_id`s that are told of, at most; the reply has room for them. */
const violationsSizeMax = 8 * 1024 * 1024

/**
 * Since the index was prepared nothing doubled came in: what is there must be free of doubles. Others go on meanwhile. Throws
 * CannotConvertIndexToUnique with `violations`: for each key that repeats, the `_id`s of the documents that have it.
 */
export async function refuseDuplicates(operation: Operation, collection: Collection, index: Index): Promise<void> {
  const view = new ReadView(operation.instance.engine)
  const walk = index.scan(view.at)
  const violations = new Violations(collection)
  let previous: Uint8Array | undefined
  let first = walk.recordId
  try {
    for (let looked = 1; walk.next(); looked++) {
      if (previous !== undefined && compareBytes(previous, 0, previous.length, walk.key, 0, walk.keyEnd) === 0)
        violations.add(first, walk.recordId, view.at)
      else {
        previous = walk.key.slice(0, walk.keyEnd)
        first = walk.recordId
      }
      if (violations.isFull) break
      if (looked % entriesPerLook !== 0 || !operation.due()) continue
      view.keep()
      walk.save()
      await operation.pause()
    }
  } finally {
    walk.close()
    view.release()
  }
  violations.refuse()
}

class Violations {
  readonly #collection: Collection
  readonly #found: { ids: Value[] }[] = []
  readonly #record: RecordRef = { bytes: new Uint8Array(0), start: 0, end: 0 }
  #first: RecordId | undefined
  #sizeBytes = 0

  constructor(collection: Collection) {
    this.#collection = collection
  }

  get isFull(): boolean {
    return this.#sizeBytes > violationsSizeMax
  }

  /** `first`: the record that had the key first, `other`: a further one. */
  add(first: RecordId, other: RecordId, at: Timestamp): void {
    if (this.#first !== first) this.#found.push({ ids: [this.#idOf(first, at)] })
    this.#first = first
    this.#found.at(-1)!.ids.push(this.#idOf(other, at))
  }

  refuse(): void {
    if (this.#found.length === 0) return
    throw new DatabaseError(
      'CannotConvertIndexToUnique',
      this.isFull
        ? 'Cannot convert the index to unique. Too many conflicting documents were detected. Please resolve them and rerun collMod.'
        : 'Cannot convert the index to unique. Please resolve conflicting documents before running collMod again.',
      { violations: this.#found },
    )
  }

  #idOf(recordId: RecordId, at: Timestamp): Value {
    const record = this.#record
    this.#collection.read(recordId, at, record)
    const id = ownedValue(getField(record.bytes, '_id', record.start) ?? nullValue)
    this.#sizeBytes += id.bytes.length
    return id
  }
}
