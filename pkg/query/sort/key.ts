/**
 * A document's sort key: bytes whose memcmp order is the order asked for.
 *
 * Missing counts as null. An array counts by the element that comes first in the order asked for (so ascending its
 * least, descending its greatest), an empty one as undefined. With several parts the keys of one array belong together:
 * each element gives one combination, and the combination that comes first counts.
 */

import { DatabaseError } from '../../base/errors.ts'
import { compareBytes, encodeKey, KeyWriter } from '../../bson/key.ts'
import { bsonType } from '../../bson/type.ts'
import { ElementWalker } from '../../bson/walk.ts'
import type { Collation } from '../../collation/collation.ts'
import { findElement, type PathPart } from '../path.ts'
import type { Sort } from './parse.ts'

/** Appends the key of the document at `start`. Throws BadValue (2) when two parts lead into different arrays. */
export type SortKeyOf = (bytes: Uint8Array, start: number, into: KeyWriter) => void

export function compileSort(sort: Sort): SortKeyOf {
  const keys = new SortKeys(sort)
  return (bytes, start, into) => keys.append(bytes, start, into)
}

/** How far a part of the sort has been followed: the value reached, and the path parts used up. */
interface Reached {
  readonly type: number
  readonly at: number
  readonly depth: number
}

class SortKeys {
  readonly #paths: readonly (readonly PathPart[])[]
  readonly #descending: readonly boolean[]
  readonly #collation: Collation | undefined
  /** The least combination so far, and the one being tried. */
  #best = new KeyWriter()
  #tried = new KeyWriter()
  #found = false
  /** Where `#follow` arrived. */
  #type = 0
  #at = 0
  #depth = 0

  constructor(sort: Sort) {
    this.#paths = sort.parts.map(({ path }) => path.parts)
    this.#descending = sort.parts.map(({ descending }) => descending)
    this.#collation = sort.collation
  }

  append(bytes: Uint8Array, start: number, into: KeyWriter): void {
    const from = into.length
    const paths = this.#paths
    for (let i = 0; i < paths.length; i++) {
      this.#follow(bytes, bsonType.document, start, 0, paths[i]!)
      if (this.#type === bsonType.array) {
        into.length = from
        this.#appendLeast(bytes, start, into)
        return
      }
      if (this.#collation === undefined) encodeKey(into, this.#type, bytes, this.#at, this.#descending[i]!)
      else this.#collation.encodeKey(into, this.#type, bytes, this.#at, this.#descending[i]!)
    }
  }

  /** From a value with `depth` parts used up, through documents, to the end of the path or to an array. */
  #follow(bytes: Uint8Array, type: number, at: number, depth: number, parts: readonly PathPart[]): void {
    while (depth < parts.length && type === bsonType.document) {
      const name = parts[depth]!.bytes
      const element = findElement(bytes, at, name)
      depth++
      if (element < 0) {
        type = bsonType.null
        depth = parts.length
      } else {
        type = bytes[element]!
        at = element + name.length + 2
      }
    }
    if (depth < parts.length && type !== bsonType.array) {
      type = bsonType.null
      depth = parts.length
    }
    this.#type = type
    this.#at = at
    this.#depth = depth
  }

  #appendLeast(bytes: Uint8Array, start: number, into: KeyWriter): void {
    this.#found = false
    const root: Reached = { type: bsonType.document, at: start, depth: 0 }
    this.#combine(
      bytes,
      this.#paths.map(() => root),
      this.#paths.map(() => false),
    )
    into.append(this.#best.bytes, 0, this.#best.length)
  }

  /** `final[i]`: an element of an array has been reached with no part left; an array there counts as a value. */
  #combine(bytes: Uint8Array, reached: readonly Reached[], final: readonly boolean[]): void {
    const states = reached.map((state, i) => (final[i] ? state : this.#arrive(bytes, state, this.#paths[i]!)))
    let array = -1
    states.forEach((state, i) => {
      if (final[i] || state.type !== bsonType.array) return
      if (array >= 0 && array !== state.at) {
        throw new DatabaseError('BadValue', 'cannot sort with keys that are parallel arrays')
      }
      array = state.at
    })
    if (array < 0) {
      this.#try(bytes, states)
      return
    }
    const inArray = states.map((state, i) => !final[i] && state.type === bsonType.array)
    const ends = states.map((state, i) => final[i]! || (inArray[i]! && state.depth === this.#paths[i]!.length))
    const walker = new ElementWalker().reset(bytes, array)
    let empty = true
    while (walker.next()) {
      empty = false
      const { type, valueStart: at } = walker
      this.#combine(
        bytes,
        states.map((state, i) => (inArray[i] ? elementOf(type, at, state.depth, ends[i]!) : state)),
        ends,
      )
    }
    if (empty) {
      const none = states.map((state, i) => {
        if (!inArray[i]) return state
        return { type: ends[i] ? bsonType.undefined : bsonType.null, at: 0, depth: this.#paths[i]!.length }
      })
      this.#combine(bytes, none, ends)
    }
  }

  /** Follows the path; through arrays too where a part names a position in one. */
  #arrive(bytes: Uint8Array, state: Reached, parts: readonly PathPart[]): Reached {
    let { type, at, depth } = state
    for (;;) {
      this.#follow(bytes, type, at, depth, parts)
      type = this.#type
      at = this.#at
      depth = this.#depth
      if (type !== bsonType.array || depth === parts.length) return { type, at, depth }
      const position = parts[depth]!.position
      const element = position < 0 ? -1 : findElement(bytes, at, parts[depth]!.bytes)
      if (element < 0) return { type, at, depth }
      type = bytes[element]!
      at = element + parts[depth]!.bytes.length + 2
      depth++
    }
  }

  #try(bytes: Uint8Array, states: readonly Reached[]): void {
    const tried = this.#tried.reset()
    const encode = this.#collation?.encodeKey ?? encodeKey
    states.forEach(({ type, at }, i) => {
      encode(tried, type, bytes, at, this.#descending[i]!)
    })
    const best = this.#best
    if (this.#found && compareBytes(best.bytes, 0, best.length, tried.bytes, 0, tried.length) <= 0) return
    this.#found = true
    this.#best = tried
    this.#tried = best
  }
}

/** An element with parts left must be a document to lead anywhere: an array directly within an array does not. */
function elementOf(type: number, at: number, depth: number, end: boolean): Reached {
  if (!end && type === bsonType.array) return { type: bsonType.null, at: 0, depth }
  return { type, at, depth }
}
