/** Keys that take long to be taken from a document: what another thread needs for that, and what it sends back. */
import { type FailureParts, isSameInput, partsOf, type Task } from '../base/detour.ts'
import { DatabaseError } from '../base/errors.ts'
import { bsonType } from '../bson/type.ts'
import { getField, readInt32 } from '../bson/value.ts'
import { type IndexDefinition, parseIndexDefinition } from './definition.ts'
import { KeySet } from './extract.ts'
import { extractorOf } from './extractor-of.ts'
import type { KeySetParts } from './key-set.ts'

/** The keys of some documents in some indexes. */
export interface KeysTask extends Task {
  readonly kind: 'keys'
  readonly documents: readonly Uint8Array[]
  /** Definitions of indexes, each with the document, by its place, whose keys are asked for. */
  readonly wanted: readonly { readonly definition: Uint8Array; readonly document: number }[]
}

export type KeysFound =
  | { readonly keys: KeySetParts; readonly failure?: undefined }
  | { readonly failure: FailureParts; readonly keys?: undefined }

/** The keys of a document as they came from elsewhere. */
export class KnownKeys {
  readonly #document: Uint8Array
  readonly found: KeysFound

  constructor(document: Uint8Array, found: KeysFound) {
    this.#document = document
    this.found = found
  }

  isOf(bytes: Uint8Array, start: number): boolean {
    return isSameInput(this.#document, bytes, start, start + readInt32(bytes, start))
  }
}

/** What taking a key takes for each byte of an array, and of everything under a wildcard; strings under a collation; in nanoseconds. */
const elementNs = 35
const wildcardNs = 60
const collatedNs = 100
/** What may be done in the turn of whoever asks: less than `inPlaceNs` of other work, as entries are to be made of the keys there. */
const keysInPlaceNs = 6e6

/** Whether taking the keys of the document at `start` holds others up: estimated by the bytes of what may be arrays. */
export function takesLong(
  { keyPaths, wildcardAt, collation }: IndexDefinition,
  bytes: Uint8Array,
  start: number,
): boolean {
  if (wildcardAt >= 0) return wildcardNs * readInt32(bytes, start) > keysInPlaceNs
  let sizeBytes = 0
  for (const { path } of keyPaths) {
    const root = getField(bytes, path.split('.', 1)[0]!, start)
    if (
      root !== undefined &&
      (root.type === bsonType.array || root.type === bsonType.document || collation !== undefined)
    )
      sizeBytes += root.end - root.start
  }
  return sizeBytes * (collation === undefined ? elementNs : collatedNs) > keysInPlaceNs
}

/** Does what a `KeysTask` asks for. */
export function computeKeys({ documents, wanted }: KeysTask): KeysFound[] {
  return wanted.map(({ definition, document }) => {
    const keys = new KeySet()
    try {
      extractorOf(parseIndexDefinition(definition)).extract(documents[document]!, 0, keys)
      return { keys: keys.parts() }
    } catch (error) {
      if (error instanceof DatabaseError) return { failure: partsOf(error) }
      throw error
    }
  })
}
