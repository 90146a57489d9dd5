/** The keys of one document for one index; reused from document to document. */
import { compareBytes, KeyWriter } from '../bson/key.ts'
import { orderOfKeys } from '../bson/key-sort.ts'

/** Fewer are sorted faster by comparing alone. */
const keyedMin = 64

/** A key set as it is sent from thread to thread. */
export interface KeySetParts {
  readonly bytes: Uint8Array
  readonly partCount: number
  readonly count: number
  readonly starts: Int32Array
  readonly ends: Int32Array
  readonly lost: Int32Array
  readonly types: Int32Array
  readonly valueStarts: Int32Array
  readonly codes: Int32Array
  readonly multikey: boolean
  readonly paths: readonly number[]
}

export class KeySet {
  readonly writer = new KeyWriter()
  /** Key i is `writer.bytes[starts[i]..ends[i])`; ascending and distinct after extraction. */
  readonly starts: number[] = []
  readonly ends: number[] = []
  /**
   * Of part f of key i, at [i * partCount + f]: the type of the indexed value, its start in the document (-1: missing or
   * stands for an empty array), and what the key has lost of it (`type-code.ts`).
   */
  readonly types: number[] = []
  readonly valueStarts: number[] = []
  readonly codes: number[] = []
  /** Of key i: the codes of all its parts, or-ed: 0 when none has lost anything. */
  readonly lost: number[] = []
  partCount = 1
  count = 0
  /** Whether an array was met on the way; then `paths` says where. */
  multikey = false
  /** Of each part, bit d: component d of its path led to an array (bit 30 stands for all beyond). */
  readonly paths: number[] = []

  reset(): void {
    this.writer.reset()
    this.count = 0
    if (this.multikey) {
      this.multikey = false
      this.paths.fill(0)
    }
  }

  parts(): KeySetParts {
    const { writer, partCount, count, multikey } = this
    const perKey = (values: readonly number[]) => Int32Array.from(values.slice(0, count))
    const perPart = (values: readonly number[]) => Int32Array.from(values.slice(0, count * partCount))
    return {
      bytes: writer.bytes.slice(0, writer.length),
      partCount,
      count,
      starts: perKey(this.starts),
      ends: perKey(this.ends),
      lost: perKey(this.lost),
      types: perPart(this.types),
      valueStarts: perPart(this.valueStarts),
      codes: perPart(this.codes),
      multikey,
      paths: this.paths.slice(),
    }
  }

  /** Becomes the set that `parts` were taken from. */
  load(parts: KeySetParts): void {
    this.reset()
    this.partCount = parts.partCount
    this.count = parts.count
    this.writer.append(parts.bytes, 0, parts.bytes.length)
    fill(this.starts, parts.starts)
    fill(this.ends, parts.ends)
    fill(this.lost, parts.lost)
    fill(this.types, parts.types)
    fill(this.valueStarts, parts.valueStarts)
    fill(this.codes, parts.codes)
    this.multikey = parts.multikey
    fill(this.paths, parts.paths)
  }

  /** Becomes a set with the keys of `other` and their codes: what entries are made of, and no more. */
  copyEntries({ writer, partCount, count, starts, ends, lost, codes }: KeySet): void {
    this.reset()
    this.partCount = partCount
    this.count = count
    this.writer.append(writer.bytes, 0, writer.length)
    for (let i = 0; i < count; i++) {
      this.starts[i] = starts[i]!
      this.ends[i] = ends[i]!
      this.lost[i] = lost[i]!
    }
    for (let i = 0; i < count * partCount; i++) this.codes[i] = codes[i]!
  }

  markArray(part: number, component: number): void {
    while (this.paths.length < this.partCount) this.paths.push(0)
    this.multikey = true
    this.paths[part]! |= 1 << Math.min(component, 30)
  }

  /**
   * Calls `removed` with the number of each key of `old` that is not among these, and `added` with that of each of these that is not among those of
   * `old` with the same codes. Both are walked once, side by side.
   */
  eachChange(old: KeySet, removed: (i: number) => void, added: (i: number) => void): void {
    const { bytes } = this.writer
    const oldBytes = old.writer.bytes
    let i = 0
    let j = 0
    while (i < this.count && j < old.count) {
      const order = compareBytes(bytes, this.starts[i]!, this.ends[i]!, oldBytes, old.starts[j]!, old.ends[j]!)
      if (order > 0) removed(j)
      else if (order < 0 || !this.#sameCodes(i, old, j)) added(i)
      if (order >= 0) j++
      if (order <= 0) i++
    }
    for (; j < old.count; j++) removed(j)
    for (; i < this.count; i++) added(i)
  }

  /** Whether both sets have the same keys with the same codes. */
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
      if (!this.#sameCodes(i, other, i)) return false
    }
    return true
  }

  /** The keys in order, each once; of equal ones the first stays. */
  sortDistinct(): void {
    const { bytes } = this.writer
    const { partCount } = this
    const { starts, ends } = this
    const order = this.#order()
    const kept = order.filter((at, i) => {
      if (i === 0) return true
      const before = order[i - 1]!
      return compareBytes(bytes, starts[before]!, ends[before]!, bytes, starts[at]!, ends[at]!) !== 0
    })
    reorder(this.starts, kept, 1)
    reorder(this.ends, kept, 1)
    reorder(this.lost, kept, 1)
    reorder(this.types, kept, partCount)
    reorder(this.valueStarts, kept, partCount)
    reorder(this.codes, kept, partCount)
    this.count = kept.length
  }

  /** The keys' numbers in order, equal ones as they come. */
  #order(): number[] {
    const { starts, ends, count } = this
    const { bytes } = this.writer
    if (count >= keyedMin) return [...orderOfKeys(bytes, starts, ends, count)]
    const order = Array.from({ length: count }, (_, i) => i)
    return order.sort((a, b) => compareBytes(bytes, starts[a]!, ends[a]!, bytes, starts[b]!, ends[b]!))
  }

  #sameCodes(i: number, other: KeySet, j: number): boolean {
    if (this.lost[i] !== other.lost[j]) return false
    if (this.lost[i] === 0) return true
    const { partCount } = this
    for (let f = 0; f < partCount; f++) {
      if (this.codes[i * partCount + f] !== other.codes[j * partCount + f]) return false
    }
    return true
  }
}

function fill(array: number[], values: ArrayLike<number>): void {
  for (let i = 0; i < values.length; i++) array[i] = values[i]!
}

function reorder(array: number[], order: readonly number[], stride: number): void {
  const before = array.slice()
  order.forEach((from, to) => {
    for (let f = 0; f < stride; f++) array[to * stride + f] = before[from * stride + f]!
  })
}
