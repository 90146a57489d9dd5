/**
 * Keys of documents with arrays on the indexed paths.
 *
 * All paths are followed together from a document until they end or meet an array. If one does, every element of that array gives
 * keys of its own, with the paths that lead through it followed on in the element; paths that end in the array have the element
 * as their value. A second array beside the first is refused; one inside it is gone through in turn.
 */
import { DatabaseError } from '../base/errors.ts'
import { encodeKey } from '../bson/key.ts'
import { bsonType } from '../bson/type.ts'
import { ElementWalker, findField } from '../bson/walk.ts'
import { type Collation, holdsString } from '../collation/collation.ts'
import type { PathPlan } from './extract.ts'
import type { KeySet } from './key-set.ts'
import { typeCode, typeCodeOf } from './type-code.ts'

/** How far one path has been followed. */
interface Reached {
  /** Its value is known: `type` and `at` (-1: none), whether it is missing. */
  readonly done: boolean
  readonly type: number
  readonly at: number
  readonly missing: boolean
  /** Parts of the path used up. */
  readonly depth: number
  /** What stands at the position that the next part names in the array just entered. */
  readonly position: Reached | undefined
}

const absent: Reached = { done: true, type: bsonType.null, at: -1, missing: true, depth: 0, position: undefined }

/** For the length of one call: see extract.ts. */
const walker = new ElementWalker()

export class ArrayKeys {
  readonly #paths: readonly PathPlan[]
  readonly #sparse: boolean
  readonly #collation: Collation | undefined

  constructor(paths: readonly PathPlan[], sparse: boolean, collation: Collation | undefined) {
    this.#paths = paths
    this.#sparse = sparse
    this.#collation = collation
  }

  extract(document: Uint8Array, start: number, into: KeySet): void {
    const begin: Reached = { ...absent, done: false, missing: false }
    this.#walk(
      document,
      start,
      this.#paths.map(() => begin),
      into,
    )
  }

  /** `start`: the document in which the paths not yet done go on; -1: there is none. */
  #walk(bytes: Uint8Array, start: number, states: readonly Reached[], into: KeySet): void {
    let array = -1
    let arrayPart = -1
    const reached = states.map((state, f) => {
      if (state.done) return state
      const next = this.#follow(bytes, start, state, f)
      if (next.done || next.type !== bsonType.array) return { ...next, done: true }
      if (array >= 0 && next.at !== array) this.#refuseParallel(arrayPart, f)
      array = next.at
      arrayPart = f
      return next
    })
    if (array < 0) {
      this.#emit(bytes, reached, into)
      return
    }
    const entered = reached.map((state, f) => (state.done ? state : this.#enter(bytes, array, state, f, into)))
    const elements = new ElementWalker().reset(bytes, array)
    let empty = true
    while (elements.next()) {
      empty = false
      const { type, valueStart } = elements
      this.#walk(
        bytes,
        type === bsonType.document ? valueStart : -1,
        entered.map((state, f) => (this.#endsHere(state, f) ? elementValue(type, valueStart, state) : state)),
        into,
      )
    }
    if (!empty) return
    const none = entered.map((state, f) =>
      this.#endsHere(state, f) ? { ...absent, type: bsonType.undefined, missing: false } : state,
    )
    this.#walk(bytes, -1, none, into)
  }

  #endsHere(state: Reached, f: number): boolean {
    return !state.done && state.depth === this.#paths[f]!.parts.length
  }

  /** Follows a path through documents to its end or to an array. */
  #follow(bytes: Uint8Array, start: number, state: Reached, f: number): Reached {
    const { parts } = this.#paths[f]!
    if (start < 0 || !findField(walker, bytes, start, parts[state.depth]!)) return state.position ?? absent
    if (state.position !== undefined) {
      throw new DatabaseError(
        16746,
        `Ambiguous field name found in array (do not use numeric field names in embedded elements in an array), field: '${this.#paths[f]!.path.split('.')[state.depth]}' for array: ${this.#paths[f]!.path}`,
      )
    }
    return this.#descend(bytes, walker.type, walker.valueStart, state.depth + 1, f)
  }

  /** From a value with `depth` parts used up. */
  #descend(bytes: Uint8Array, type: number, at: number, depth: number, f: number): Reached {
    const { parts } = this.#paths[f]!
    while (depth < parts.length && type !== bsonType.array) {
      if (type !== bsonType.document || !findField(walker, bytes, at, parts[depth]!)) return absent
      type = walker.type
      at = walker.valueStart
      depth++
    }
    return { done: false, type, at, missing: false, depth, position: undefined }
  }

  /** A path enters the array: notes that it does, and what a numeric part finds there. */
  #enter(bytes: Uint8Array, array: number, state: Reached, f: number, into: KeySet): Reached {
    const { parts, positions } = this.#paths[f]!
    into.markArray(f, state.depth - 1)
    const position = state.depth < parts.length ? positions[state.depth]! : -1
    if (position < 0) return state
    const walker = new ElementWalker().reset(bytes, array)
    for (let i = 0; walker.next(); i++) {
      if (i !== position) continue
      const found = this.#descend(bytes, walker.type, walker.valueStart, state.depth + 1, f)
      // An array that a position leads to at once is a value as it stands.
      const nested = walker.type === bsonType.array && found.depth === parts.length
      return { ...state, position: nested ? { ...found, done: true } : found }
    }
    return state
  }

  #emit(bytes: Uint8Array, states: readonly Reached[], into: KeySet): void {
    if (this.#sparse && states.every(({ missing }) => missing)) return
    const { writer } = into
    const from = writer.length
    const base = into.count * into.partCount
    let lost = 0
    states.forEach(({ type, at, missing }, f) => {
      const collated = this.#collation !== undefined && !missing && at >= 0 && holdsString(type, bytes, at)
      const encode = collated ? this.#collation!.encodeKey : encodeKey
      encode(writer, type, bytes, Math.max(at, 0), this.#paths[f]!.descending)
      const code = missing ? typeCode.missing : at < 0 || collated ? typeCode.lost : typeCodeOf(type, bytes, at)
      into.types[base + f] = type
      into.valueStarts[base + f] = at
      into.codes[base + f] = code
      lost |= code
    })
    into.starts[into.count] = from
    into.ends[into.count] = writer.length
    into.lost[into.count] = lost
    into.count++
  }

  #refuseParallel(a: number, b: number): never {
    const last = (f: number): string => this.#paths[f]!.path.split('.').at(-1)!
    throw new DatabaseError('CannotIndexParallelArrays', `cannot index parallel arrays [${last(b)}] [${last(a)}]`)
  }
}

function elementValue(type: number, at: number, state: Reached): Reached {
  return { ...state, done: true, type, at, missing: false }
}
