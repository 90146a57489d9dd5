/**
 * From a document to its index keys, with MongoDB's rules for one path:
 *  - a missing field is indexed as null;
 *  - an array is indexed by each of its distinct elements, an empty array as undefined, and makes the index multikey;
 *  - a dotted path goes through arrays of documents element by element, and a numeric part also means a position;
 *  - a part that meets a scalar, or an array element that is no document, is missing there.
 */

import { compareBytes, encodeKey, KeyWriter } from '../bson/key.ts'
import { bsonType } from '../bson/type.ts'
import { ElementWalker, findField } from '../bson/walk.ts'

const noBytes = new Uint8Array(0)
const encoder = new TextEncoder()

/** The keys of one document for one index; reused from document to document. */
export class KeySet {
  readonly writer = new KeyWriter()
  /** Key i is `writer.bytes[starts[i]..ends[i])`; ascending and distinct after `extract`. */
  readonly starts: number[] = []
  readonly ends: number[] = []
  /** Where the indexed value of key i lies in the document: its type, and its start (-1: missing or stands for an empty array). */
  readonly types: number[] = []
  readonly valueStarts: number[] = []
  count = 0
  /** Whether an array was met on the way. */
  multikey = false

  reset(): void {
    this.writer.reset()
    this.count = 0
    this.multikey = false
  }

  /** Whether key `i` of `other` is one of these. */
  includes(other: KeySet, i: number): boolean {
    const from = other.starts[i]!
    const to = other.ends[i]!
    for (let j = 0; j < this.count; j++) {
      if (compareBytes(this.writer.bytes, this.starts[j]!, this.ends[j]!, other.writer.bytes, from, to) === 0)
        return true
    }
    return false
  }

  /** Whether both sets have the same keys. */
  equals(other: KeySet): boolean {
    if (this.count !== other.count) return false
    for (let i = 0; i < this.count; i++) {
      const length = this.ends[i]! - this.starts[i]!
      if (length !== other.ends[i]! - other.starts[i]!) return false
      const a = this.writer.bytes
      const b = other.writer.bytes
      const from = this.starts[i]!
      const otherFrom = other.starts[i]!
      for (let j = 0; j < length; j++) if (a[from + j] !== b[otherFrom + j]) return false
    }
    return true
  }
}

/** Extracts the keys of one path; holds the walkers it needs, so that extracting allocates nothing for a plain document. */
export class KeyExtractor {
  readonly #parts: readonly Uint8Array[]
  readonly #positions: readonly number[]
  readonly #descending: boolean
  readonly #walkers: readonly ElementWalker[]

  constructor(path: string, descending: boolean) {
    const parts = path.split('.')
    this.#parts = parts.map((part) => encoder.encode(part))
    this.#positions = parts.map((part) => (/^(0|[1-9][0-9]*)$/.test(part) ? Number(part) : -1))
    this.#descending = descending
    this.#walkers = parts.map(() => new ElementWalker())
  }

  extract(document: Uint8Array, start: number, into: KeySet): void {
    into.reset()
    this.#descend(document, start, 0, into)
    if (into.count > 1) sortDistinct(into)
  }

  /** Looks up part `depth` in the document at `start`. */
  #descend(bytes: Uint8Array, start: number, depth: number, into: KeySet): void {
    const walker = this.#walkers[depth]!
    if (!findField(walker, bytes, start, this.#parts[depth]!)) {
      this.#emit(bsonType.null, noBytes, 0, into)
      return
    }
    this.#value(walker.type, bytes, walker.valueStart, depth + 1, into)
  }

  /** A value was found for the parts before `depth`. */
  #value(type: number, bytes: Uint8Array, start: number, depth: number, into: KeySet): void {
    if (type === bsonType.array) {
      into.multikey = true
      this.#array(bytes, start, depth, into)
    } else if (depth === this.#parts.length) this.#emit(type, bytes, start, into)
    else if (type === bsonType.document) this.#descend(bytes, start, depth, into)
    else this.#emit(bsonType.null, noBytes, 0, into)
  }

  #array(bytes: Uint8Array, start: number, depth: number, into: KeySet): void {
    const last = depth === this.#parts.length
    const position = last ? -1 : this.#positions[depth]!
    const elements = new ElementWalker()
    if (position >= 0) {
      elements.reset(bytes, start)
      for (let i = 0; elements.next(); i++) {
        if (i !== position) continue
        const type = elements.type
        const valueStart = elements.valueStart
        // What a position leads to is a value as it stands: an array there is traversed again.
        this.#value(type, bytes, valueStart, depth + 1, into)
        return
      }
    }
    let count = 0
    elements.reset(bytes, start)
    while (elements.next()) {
      count++
      if (last) this.#emit(elements.type, bytes, elements.valueStart, into)
      else if (elements.type === bsonType.document) this.#descend(bytes, elements.valueStart, depth, into)
      else this.#emit(bsonType.null, noBytes, 0, into)
    }
    if (count === 0) this.#emit(last ? bsonType.undefined : bsonType.null, noBytes, 0, into)
  }

  #emit(type: number, bytes: Uint8Array, start: number, into: KeySet): void {
    const writer = into.writer
    const from = writer.length
    encodeKey(writer, type, bytes, start, this.#descending)
    into.starts[into.count] = from
    into.ends[into.count] = writer.length
    into.types[into.count] = type
    into.valueStarts[into.count] = bytes === noBytes ? -1 : start
    into.count++
  }
}

function sortDistinct(set: KeySet): void {
  const { bytes } = set.writer
  const spans: { start: number; end: number; type: number; valueStart: number }[] = []
  for (let i = 0; i < set.count; i++) {
    spans.push({ start: set.starts[i]!, end: set.ends[i]!, type: set.types[i]!, valueStart: set.valueStarts[i]! })
  }
  spans.sort((a, b) => compareBytes(bytes, a.start, a.end, bytes, b.start, b.end))
  let count = 0
  for (const span of spans) {
    if (
      count > 0 &&
      compareBytes(bytes, set.starts[count - 1]!, set.ends[count - 1]!, bytes, span.start, span.end) === 0
    )
      continue
    set.starts[count] = span.start
    set.ends[count] = span.end
    set.types[count] = span.type
    set.valueStarts[count] = span.valueStart
    count++
  }
  set.count = count
}
