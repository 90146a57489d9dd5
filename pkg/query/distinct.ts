/**
 * The distinct values of a path over rows (`path-values.ts`). Of equal values the first met stands for all. They come in the order in which
 * they are met.
 */
import { longDocumentBytes } from '../base/detour.ts'
import { DatabaseError } from '../base/errors.ts'
import { documentSizeMax } from '../base/limits.ts'
import { readInt32, type Value, valueAt } from '../bson/value.ts'
import { ValueIndex } from '../bson/value-index.ts'
import { simpleOrder, type ValueOrder } from '../bson/value-order.ts'
import { ended, paused, type Rows } from './execute.ts'
import type { Path } from './path.ts'
import { PathValues } from './path-values.ts'

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
    const values = this.#values
    for (let left = values.goOn(budget); left > 0; ) {
      const progress = rows.advance(left)
      if (progress === ended) return true
      if (progress === paused) return false
      left = values.add(rows.bytes, rows.start, left)
    }
    return false
  }
}

const slabSize = 16 * 1024
const sharedBytesMax = 128

/** The distinct values of a path in documents that are given one after the other. */
export class DistinctValues {
  readonly #walk: PathValues
  /** It has not come to its end: the walk is over a copy of a long document. */
  #isBehind = false
  readonly #seen: ValueIndex
  #sizeBytes = 0
  #slab = new Uint8Array(0)
  #slabUsed = 0
  /** Copies. */
  readonly values: Value[] = []

  constructor(path: Path, order: ValueOrder = simpleOrder) {
    this.#walk = new PathValues(path)
    this.#seen = new ValueIndex(order)
  }

  /**
   * Takes in the values of a document, those of a long one as far as `budget` steps go: the rest is for `goOn`, before another document
   * comes. How many steps are left. Throws 17217 when the values would not fit in a reply.
   */
  add(bytes: Uint8Array, start: number, budget: number): number {
    const walk = this.#walk
    const size = readInt32(bytes, start)
    if (size > longDocumentBytes) {
      walk.reset(bytes.slice(start, start + size), 0)
      this.#isBehind = true
      return this.goOn(budget)
    }
    walk.reset(bytes, start)
    while (walk.next()) this.#add(walk)
    return budget - 1
  }

  /** Goes on with the last document; 0 steps are left unless all of it was taken in. */
  goOn(budget: number): number {
    const walk = this.#walk
    if (!this.#isBehind) return budget
    for (let left = budget; left > 0; left--) {
      if (!walk.next()) {
        this.#isBehind = false
        return left
      }
      this.#add(walk)
    }
    return 0
  }

  #add(value: PathValues): void {
    if (!this.#seen.add(value.type, value.bytes, value.start)) return
    this.#sizeBytes += value.end - value.start
    if (this.#sizeBytes > documentSizeMax) throw new DatabaseError(17217, 'distinct too big, 16mb cap')
    this.values.push(this.#copyOf(value))
  }

  /** A small one in memory shared with others: there may be many, and a typed array for each costs more than its copy. */
  #copyOf({ type, bytes, start, end }: PathValues): Value {
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
