/** Sort specifications: `{a: 1, 'b.c': -1}`. */

import { DatabaseError } from '../../base/errors.ts'
import { bsonType } from '../../bson/type.ts'
import { documentFields, documentOf, isNumber, readInt32, readString, type Value } from '../../bson/value.ts'
import { wholeNumberAt } from '../../bson/whole-number.ts'
import type { Collation } from '../../collation/collation.ts'
import { metadataUnavailable } from '../../expression/available-metadata.ts'
import { checkFieldPath, type Path, parsePath } from '../path.ts'

export interface SortPart {
  readonly path: Path
  readonly descending: boolean
}

export interface Sort {
  /** Empty when `natural` is set or nothing was asked for. */
  readonly parts: readonly SortPart[]
  /** `{$natural: ±1}`: the order of insertion, or against it. */
  readonly natural: 1 | -1 | undefined
  /** How strings compare; undefined: by their bytes. */
  readonly collation: Collation | undefined
  /** As it was given, for explain. */
  readonly document: Uint8Array
}

const partsMax = 32

/** Where the metadata of a name lies in the documents that are sorted; undefined: nowhere. */
type MetadataPath = (name: string) => Path | undefined

const nowhere: MetadataPath = (name) => {
  if (name === 'score') throw metadataUnavailable(name)
  return undefined
}

/**
 * `metadata`: where it lies; it is sorted by descending, and what lies nowhere orders nothing. Throws 15974 (no number and no document), 15975 (neither 1 nor -1), 13103 (too many keys), the path errors of
 * `checkFieldPath`, and what `checkMeta` throws.
 */
export function parseSort(bytes: Uint8Array, start = 0, collation?: Collation, metadata = nowhere): Sort {
  const parts: SortPart[] = []
  let natural: 1 | -1 | undefined
  for (const field of documentFields(bytes, start)) {
    if (field.name === '$natural') natural = directionOf(field.name, field)
    else {
      const part = sortPart(field.name, field, metadata)
      if (part !== undefined) parts.push(part)
    }
  }
  if (natural !== undefined && parts.length > 0) {
    throw new DatabaseError('BadValue', "Cannot include '$natural' in compound sort")
  }
  if (parts.length > partsMax) throw new DatabaseError(13103, 'too many compound keys')
  return { parts, natural, collation, document: documentOf(wholeDocument(bytes, start)) }
}

/** Undefined for what no document has, so that it orders nothing. */
function sortPart(name: string, value: Value, metadata: MetadataPath): SortPart | undefined {
  if (value.type === bsonType.document) {
    const [first, second] = documentFields(value.bytes, value.start)
    if (second !== undefined)
      throw new DatabaseError('FailedToParse', `Cannot have additional keys in a $meta sort: ${name}`)
    if (first?.name === '$meta') {
      const path = metadata(checkMeta(first))
      return path && { path, descending: true }
    }
    throw new DatabaseError(17312, '$meta is the only expression supported by $sort right now')
  }
  const direction = directionOf(name, value)
  checkFieldPath(name)
  return { path: parsePath(name), descending: direction < 0 }
}

/** The name of the metadata. Errors: 31138 for what is none to sort by, 40218 for what only a search gives. */
function checkMeta(value: Value): string {
  const meta = value.type === bsonType.string ? readString(value.bytes, value.start) : ''
  if (meta === 'textScore' || meta === 'geoNearDistance') {
    throw metadataUnavailable(meta)
  }
  if (!sortable.has(meta)) throw new DatabaseError(31138, `Illegal $meta sort: ${meta}`)
  return meta
}

const sortable: ReadonlySet<string> = new Set(['randVal', 'score', 'searchScore', 'vectorSearchScore'])

function directionOf(name: string, value: Value): 1 | -1 {
  if (!isNumber(value.type)) throw new DatabaseError(15974, `Illegal key in $sort specification: ${name}`)
  const direction = wholeNumberAt(value.type, value.bytes, value.start)
  if (direction !== 1 && direction !== -1) {
    throw new DatabaseError(15975, '$sort key ordering must be 1 (for ascending) or -1 (for descending)')
  }
  return direction
}

function wholeDocument(bytes: Uint8Array, start: number): Value {
  return { type: bsonType.document, bytes, start, end: start + readInt32(bytes, start) }
}
