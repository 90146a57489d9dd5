/**
 * The values that a path leads to in a document, one after the other: an array at the end of the path gives its elements, an array on the way
 * those of each document or array in it, or what stands at a position that the path names.
 */
import { bsonType } from '../bson/type.ts'
import { type Value, valueAt } from '../bson/value.ts'
import { ElementWalker, valueEnd } from '../bson/walk.ts'
import { findElement, type Path, type PathPart } from './path.ts'

export class PathValues {
  readonly #parts: readonly PathPart[]
  /** The arrays that are being walked, one within the other, and how many parts of the path lead to each. */
  readonly #walkers: ElementWalker[] = []
  readonly #depths: number[] = []
  #level = -1
  #isFirst = false
  /** The current value, after `next`. */
  bytes: Uint8Array = noBytes
  type = 0
  start = 0
  end = 0

  constructor({ parts }: Path) {
    this.#parts = parts
  }

  /** Those of the document at `start`. */
  reset(bytes: Uint8Array, start: number): this {
    this.bytes = bytes
    this.#level = -1
    this.#isFirst = this.#follow(start, 0)
    return this
  }

  /** To the next value; false: there is none more. */
  next(): boolean {
    if (this.#isFirst) {
      this.#isFirst = false
      return true
    }
    while (this.#level >= 0) {
      const walker = this.#walkers[this.#level]!
      const depth = this.#depths[this.#level]!
      if (!walker.next()) this.#level--
      else if (depth === this.#parts.length) {
        this.#show(walker.type, walker.valueStart, walker.valueEnd)
        return true
      } else if (isContainer(walker.type) && this.#follow(walker.valueStart, depth)) return true
    }
    return false
  }

  /** From the document or array at `start`, which is looked into by name or position, to a value; false: to none, or to an array, which is walked then. */
  #follow(start: number, depth: number): boolean {
    const { bytes } = this
    const parts = this.#parts
    for (let at = start; ; ) {
      const name = parts[depth]!.bytes
      const element = findElement(bytes, at, name)
      if (element < 0) return false
      const type = bytes[element]!
      at = element + name.length + 2
      depth++
      const isEnd = depth === parts.length
      if (type === bsonType.array && (isEnd || parts[depth]!.position < 0)) {
        this.#walk(at, depth)
        return false
      }
      if (isEnd) {
        this.#show(type, at, valueEnd(bytes, type, at))
        return true
      }
      if (!isContainer(type)) return false
    }
  }

  #walk(start: number, depth: number): void {
    const level = ++this.#level
    this.#walkers[level] ??= new ElementWalker()
    this.#walkers[level].reset(this.bytes, start)
    this.#depths[level] = depth
  }

  #show(type: number, start: number, end: number): void {
    this.type = type
    this.start = start
    this.end = end
  }
}

const noBytes = new Uint8Array(0)

/** Every value that a path leads to in a document. */
export function valuesAt(bytes: Uint8Array, start: number, path: Path): Value[] {
  const values: Value[] = []
  const walk = new PathValues(path).reset(bytes, start)
  while (walk.next()) values.push(valueAt(walk.type, bytes, walk.start, walk.end))
  return values
}

function isContainer(type: number): boolean {
  return type === bsonType.document || type === bsonType.array
}
