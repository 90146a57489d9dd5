/** Sort specifications: `{a: 1, 'b.c': -1}`. */

import { DatabaseError } from '../../base/errors.ts'
import { bsonType } from '../../bson/type.ts'
import { documentFields, documentOf, isNumber, readInt32, readString, type Value } from '../../bson/value.ts'
import { wholeNumberAt } from '../../bson/whole-number.ts'
import type { Collation } from '../../collation/collation.ts'
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

/**
 * Throws 15974 (no number and no document), 15975 (neither 1 nor -1), 13103 (too many keys), the path errors of
 * `checkFieldPath`, and what `checkMeta` throws. A key of metadata is no part.
 */
export function parseSort(bytes: Uint8Array, start = 0, collation?: Collation): Sort {
  const parts: SortPart[] = []
  let natural: 1 | -1 | undefined
  for (const field of documentFields(bytes, start)) {
    if (field.name === '$natural') natural = directionOf(field.name, field)
    else {
      const part = sortPart(field.name, field)
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
function sortPart(name: string, value: Value): SortPart | undefined {
  if (value.type === bsonType.document) {
    const [first, second] = documentFields(value.bytes, value.start)
    if (second !== undefined)
      throw new DatabaseError('FailedToParse', `Cannot have additional keys in a $meta sort: ${name}`)
    if (first?.name === '$meta') {
      checkMeta(first)
      return undefined
    }
    throw new DatabaseError(17312, '$meta is the only expression supported by $sort right now')
  }
  const direction = directionOf(name, value)
  checkFieldPath(name)
  return { path: parsePath(name), descending: direction < 0 }
}

/** Errors: 31138 for what is no metadata to sort by, 40218 for what a stage before would have to give, NotImplemented for scores. */
function checkMeta(value: Value): void {
  const meta = value.type === bsonType.string ? readString(value.bytes, value.start) : ''
  if (meta === 'textScore' || meta === 'geoNearDistance') {
    throw new DatabaseError(40218, `query requires ${meta} metadata, but it is not available`)
  }
  if (meta === 'score') throw new DatabaseError('NotImplemented', `sorting by $meta ${meta} is not supported yet`)
  if (!absentMeta.has(meta)) throw new DatabaseError(31138, `Illegal $meta sort: ${meta}`)
}

/** Metadata that may be asked for where no stage gives it: it is missing of every document alike. */
const absentMeta: ReadonlySet<string> = new Set(['randVal', 'searchScore', 'vectorSearchScore'])

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
