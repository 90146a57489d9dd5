/**
 * The distinct values of a path over rows: an array at the end of the path gives its elements, an array on the way those of each
 * document or array in it, or what stands at a position that the path names. Of equal values the first met stands for all. They
 * come in the order in which they are met.
 */
import { DatabaseError } from '../base/errors.ts'
import { documentSizeMax } from '../base/limits.ts'
import { bsonType } from '../bson/type.ts'
import { type Value, valueAt } from '../bson/value.ts'
import { ValueIndex } from '../bson/value-index.ts'
import { simpleOrder, type ValueOrder } from '../bson/value-order.ts'
import { ElementWalker, valueEnd } from '../bson/walk.ts'
import { ended, paused, type Rows } from './execute.ts'
import { findElement, type Path } from './path.ts'

export class Distinct {
  readonly #rows: Rows
  readonly #values: DistinctValues

  constructor(rows: Rows, path: Path, order?: ValueOrder) {
    this.#rows = rows
    this.#values = new DistinctValues(path, order)
  }

  /** Copies; complete once `advance` returned true. */
  get values(): readonly Value[] {
    return this.#values.values
  }

  /**
   * Whether all rows have been looked at; takes about `budget` steps. Throws 17217 when the values would not fit in a
   * reply.
   */
  advance(budget: number): boolean {
    const rows = this.#rows
    for (let left = budget; left > 0; left--) {
      const progress = rows.advance(left)
      if (progress === ended) return true
      if (progress === paused) return false
      this.#values.add(rows.bytes, rows.start)
    }
    return false
  }
}

const slabSize = 16 * 1024
const sharedBytesMax = 128

/** The distinct values of a path in documents that are given one after the other. */
export class DistinctValues {
  readonly #path: Path
  readonly #seen: ValueIndex
  readonly #found: Value[] = []
  #sizeBytes = 0
  #slab = new Uint8Array(0)
  #slabUsed = 0
  /** Copies. */
  readonly values: Value[] = []

  constructor(path: Path, order: ValueOrder = simpleOrder) {
    this.#path = path
    this.#seen = new ValueIndex(order)
  }

  /** Throws 17217 when the values would not fit in a reply. */
  add(bytes: Uint8Array, start: number): void {
    const found = this.#found
    found.length = 0
    valuesOf(bytes, bsonType.document, start, this.#path, 0, found)
    for (const value of found) this.#add(value)
  }

  #add(value: Value): void {
    if (!this.#seen.add(value.type, value.bytes, value.start)) return
    this.#sizeBytes += value.end - value.start
    if (this.#sizeBytes > documentSizeMax) throw new DatabaseError(17217, 'distinct too big, 16mb cap')
    this.values.push(this.#copyOf(value))
  }

  /** A small one in memory shared with others: there may be many, and a typed array for each costs more than its copy. */
  #copyOf({ type, bytes, start, end }: Value): Value {
    const size = end - start
    if (size > sharedBytesMax) return valueAt(type, bytes.slice(start, end), 0, size)
    if (this.#slabUsed + size > this.#slab.length) {
      this.#slab = new Uint8Array(slabSize)
      this.#slabUsed = 0
    }
    const at = this.#slabUsed
    for (let i = 0; i < size; i++) this.#slab[at + i] = bytes[start + i]!
    this.#slabUsed += size
    return valueAt(type, this.#slab, at, at + size)
  }
}

/** Every value that a path leads to in a document, elements of arrays one by one. */
export function valuesAt(bytes: Uint8Array, start: number, path: Path, into: Value[]): void {
  valuesOf(bytes, bsonType.document, start, path, 0, into)
}

/** Every value that the path, from part `depth` on, leads to in the document or array at `start`. */
function valuesOf(bytes: Uint8Array, type: number, start: number, path: Path, depth: number, into: Value[]): void {
  if (type === bsonType.document || path.parts[depth]!.position >= 0) {
    valuesOfField(bytes, start, path, depth, into)
    return
  }
  const walker = new ElementWalker().reset(bytes, start)
  while (walker.next()) if (isContainer(walker.type)) valuesOfField(bytes, walker.valueStart, path, depth, into)
}

/** As `valuesOf`, where an array is looked into by position, like a document by name. */
function valuesOfField(bytes: Uint8Array, start: number, path: Path, depth: number, into: Value[]): void {
  const name = path.parts[depth]!.bytes
  const element = findElement(bytes, start, name)
  if (element < 0) return
  const type = bytes[element]!
  const at = element + name.length + 2
  if (depth < path.parts.length - 1) {
    if (isContainer(type)) valuesOf(bytes, type, at, path, depth + 1, into)
  } else if (type === bsonType.array) {
    const walker = new ElementWalker().reset(bytes, at)
    while (walker.next()) into.push(walker.value())
  } else into.push(valueAt(type, bytes, at, valueEnd(bytes, type, at)))
}

function isContainer(type: number): boolean {
  return type === bsonType.document || type === bsonType.array
}
