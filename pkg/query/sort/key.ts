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
    const [only, second] = this.#paths
    if (second === undefined) this.#tryAll(bytes, bsonType.document, start, 0, only!)
    else this.#combineAll(bytes, start)
    into.append(this.#best.bytes, 0, this.#best.length)
  }

  /** What a single path leads to from a value with `depth` parts used up: without an object for each element, since there may be very many. */
  #tryAll(bytes: Uint8Array, from: number, start: number, used: number, parts: readonly PathPart[]): void {
    this.#arrive(bytes, from, start, used, parts)
    const depth = this.#depth
    if (this.#type !== bsonType.array) {
      this.#tryOne(bytes, this.#type, this.#at)
      return
    }
    const isEnd = depth === parts.length
    const walker = new ElementWalker().reset(bytes, this.#at)
    let empty = true
    while (walker.next()) {
      empty = false
      const { type, valueStart: at } = walker
      if (isEnd) this.#tryOne(bytes, type, at)
      else if (type === bsonType.document) this.#tryAll(bytes, type, at, depth, parts)
      else this.#tryOne(bytes, bsonType.null, 0)
    }
    if (empty) this.#tryOne(bytes, isEnd ? bsonType.undefined : bsonType.null, 0)
  }

  #tryOne(bytes: Uint8Array, type: number, at: number): void {
    const tried = this.#tried.reset()
    if (this.#collation === undefined) encodeKey(tried, type, bytes, at, this.#descending[0]!)
    else this.#collation.encodeKey(tried, type, bytes, at, this.#descending[0]!)
    this.#keepLeast(tried)
  }

  #combineAll(bytes: Uint8Array, start: number): void {
    const root: Reached = { type: bsonType.document, at: start, depth: 0 }
    this.#combine(
      bytes,
      this.#paths.map(() => root),
      this.#paths.map(() => false),
    )
  }

  /** `final[i]`: an element of an array has been reached with no part left; an array there counts as a value. */
  #combine(bytes: Uint8Array, reached: readonly Reached[], final: readonly boolean[]): void {
    const states = reached.map((state, i) => (final[i] ? state : this.#arrived(bytes, state, this.#paths[i]!)))
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

  #arrived(bytes: Uint8Array, { type, at, depth }: Reached, parts: readonly PathPart[]): Reached {
    this.#arrive(bytes, type, at, depth, parts)
    return { type: this.#type, at: this.#at, depth: this.#depth }
  }

  /** As `#follow`; through arrays too where a part names a position in one. */
  #arrive(bytes: Uint8Array, type: number, at: number, depth: number, parts: readonly PathPart[]): void {
    this.#follow(bytes, type, at, depth, parts)
    while (this.#type === bsonType.array && this.#depth < parts.length) {
      const part = parts[this.#depth]!
      const element = part.position < 0 ? -1 : findElement(bytes, this.#at, part.bytes)
      if (element < 0) return
      this.#follow(bytes, bytes[element]!, element + part.bytes.length + 2, this.#depth + 1, parts)
    }
  }

  #try(bytes: Uint8Array, states: readonly Reached[]): void {
    const tried = this.#tried.reset()
    const encode = this.#collation?.encodeKey ?? encodeKey
    states.forEach(({ type, at }, i) => {
      encode(tried, type, bytes, at, this.#descending[i]!)
    })
    this.#keepLeast(tried)
  }

  #keepLeast(tried: KeyWriter): void {
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
