/**
 * From a document to its index keys, with MongoDB's rules:
 *  - a missing field is indexed as null; in a sparse index a document with none of the fields has no key;
 *  - an array is indexed by each of its distinct elements, an empty one as undefined, and makes the index multikey;
 *  - a dotted path goes through arrays of documents element by element, and a numeric part also means a position;
 *  - a part that meets a scalar, or an array element that is no document, is missing there;
 *  - several paths may lead through the same array, whose elements then give one key each, but not through two
 *    different ones (CannotIndexParallelArrays);
 *  - a hashed part takes the hash of the value, and no arrays (16766).
 *
 * A document without arrays on the paths, the common case, is done here without an allocation; the others in `extract-arrays.ts`.
 */

import { DatabaseError } from '../base/errors.ts'
import { encodeKey, type KeyWriter } from '../bson/key.ts'
import { bsonType } from '../bson/type.ts'
import { int64Value } from '../bson/value.ts'
import { hashValue } from '../bson/value-hash.ts'
import { ElementWalker, findField } from '../bson/walk.ts'
import { type Collation, holdsString } from '../collation/collation.ts'
import type { KeyPath } from './definition.ts'
import { ArrayKeys } from './extract-arrays.ts'
import type { KeySet } from './key-set.ts'
import { typeCode, typeCodeOf } from './type-code.ts'

export { KeySet } from './key-set.ts'

/** Fills `into` with the keys of the document at `start`. */
export interface Extractor {
  extract(document: Uint8Array, start: number, into: KeySet): void
}

export interface PathPlan {
  readonly parts: readonly Uint8Array[]
  /** The array position that a part also names, or -1. */
  readonly positions: readonly number[]
  readonly path: string
  readonly descending: boolean
  readonly hashed: boolean
}

const encoder = new TextEncoder()

/** For the length of one call. Not one for each index: it would keep the last document, and the message it came in, alive. */
const walker = new ElementWalker()

export class KeyExtractor implements Extractor {
  readonly #paths: readonly PathPlan[]
  readonly #sparse: boolean
  readonly #hashed: boolean
  readonly #collation: Collation | undefined
  #arrays: ArrayKeys | undefined

  constructor(paths: readonly KeyPath[], sparse: boolean, collation?: Collation) {
    this.#paths = paths.map(({ path, descending, kind }) => {
      const parts = path.split('.')
      return {
        parts: parts.map((part) => encoder.encode(part)),
        positions: parts.map((part) => (/^(0|[1-9][0-9]{0,8})$/.test(part) ? Number(part) : -1)),
        path,
        descending,
        hashed: kind === 'hashed',
      }
    })
    this.#sparse = sparse
    this.#collation = collation
    this.#hashed = paths.some(({ kind }) => kind === 'hashed')
  }

  extract(document: Uint8Array, start: number, into: KeySet): void {
    into.reset()
    const paths = this.#paths
    into.partCount = paths.length
    const writer = into.writer
    let missing = 0
    let lost = 0
    for (let f = 0; f < paths.length; f++) {
      const plan = paths[f]!
      const { parts } = plan
      let at = start
      let found = findField(walker, document, at, parts[0]!)
      for (let depth = 1; found && depth < parts.length; depth++) {
        if (walker.type === bsonType.array) break
        if (walker.type !== bsonType.document) found = false
        else {
          at = walker.valueStart
          found = findField(walker, document, at, parts[depth]!)
        }
      }
      if (!found) {
        missing++
        lost |= typeCode.missing
        into.types[f] = bsonType.null
        into.valueStarts[f] = -1
        into.codes[f] = typeCode.missing
        if (plan.hashed) encodeHash(writer, bsonType.null, document, 0)
        else encodeKey(writer, bsonType.null, document, 0, plan.descending)
        continue
      }
      const { type, valueStart } = walker
      if (type === bsonType.array) {
        this.#withArrays(document, start, into)
        return
      }
      const collation =
        this.#collation !== undefined && holdsString(type, document, valueStart) ? this.#collation : undefined
      const code = plan.hashed || collation !== undefined ? typeCode.lost : typeCodeOf(type, document, valueStart)
      lost |= code
      into.types[f] = type
      into.valueStarts[f] = valueStart
      into.codes[f] = code
      if (plan.hashed) encodeHash(writer, type, document, valueStart, collation)
      else if (collation !== undefined) collation.encodeKey(writer, type, document, valueStart, plan.descending)
      else encodeKey(writer, type, document, valueStart, plan.descending)
    }
    if (missing === paths.length && this.#sparse) return
    into.starts[0] = 0
    into.ends[0] = writer.length
    into.lost[0] = lost
    into.count = 1
  }

  #withArrays(document: Uint8Array, start: number, into: KeySet): void {
    if (this.#hashed) {
      throw new DatabaseError(
        16766,
        `hashed indexes do not currently support array values. Found array at path: ${this.#paths.find(({ hashed }) => hashed)?.path}`,
      )
    }
    into.reset()
    this.#arrays ??= new ArrayKeys(this.#paths, this.#sparse, this.#collation)
    this.#arrays.extract(document, start, into)
    if (into.count > 1) into.sortDistinct()
  }
}

/** Appends the key of the value's hash, a 64-bit integer; under a collation that of its keyed form. */
function encodeHash(writer: KeyWriter, type: number, bytes: Uint8Array, start: number, collation?: Collation): void {
  const keyed = collation?.lend(type, bytes, start)
  const hash = int64Value(hashValue(type, keyed?.bytes ?? bytes, keyed?.start ?? start))
  encodeKey(writer, bsonType.int64, hash.bytes, hash.start)
}
