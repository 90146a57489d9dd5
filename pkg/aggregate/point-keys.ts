/**
 * The keys of a batch of local documents, looked up in an index in their order, so that it is walked forward instead of from its root for each.
 *
 *   gather     a key for each local document that has one plain value at the path
 *   sort       by the first bytes after what all keys have in common
 *   find       sixteen at a time where they lie in one leaf, else one by one; what each finds is noted as record ids
 */
import type { RecordId } from '../base/ids.ts'
import { sortNumbers } from '../base/sort-numbers.ts'
import { KeyWriter } from '../bson/key.ts'
import { bsonType } from '../bson/type.ts'
import { findElement, type Path } from '../query/path.ts'
import type { PointLookup } from '../query/point-lookup.ts'
import { copyBytes } from '../storage/copy.ts'
import { KeySweep, sweepMax } from '../storage/leaf-sweep.ts'
import { headOf } from '../storage/page.ts'
import type { PipelineRun } from './stage.ts'

/** Bits of a local document's number in its batch. */
const numberBits = 13
export const batchMax = 1 << numberBits
/** Record ids noted for a batch; the keys that are left then are looked up when their turn comes. */
const notedMax = 1 << 18
/** Bytes of a key, after what all have in common, that it is sorted by. */
const headLength = 5

export const notNoted = -1
/** Documents that there is room for at first. */
const firstRoom = 64

export class PointKeys {
  readonly #lookup: PointLookup
  readonly #path: Path
  readonly #run: PipelineRun
  /** Whether it is asked which documents are found, or only how many. */
  readonly #notes: boolean
  readonly #keys = new KeyWriter(1024)
  #count = 0
  /** The key of local document i ends here in `#keys`; it begins where the one before ends. */
  #ends = new Int32Array(firstRoom)
  /** Bytes that all keys have in common with the first. */
  #common = -1
  /** head * batchMax + number, ascending. */
  #order = new Float64Array(firstRoom)
  #keyed = 0
  #sorted = 0
  /** The next keys in their order, of which those before `#swept` have been found; and their entries in `#order`. */
  readonly #sweep = new KeySweep()
  readonly #sweepEntries = new Float64Array(sweepMax)
  #sweepCount = 0
  #swept = 0
  /** Whether the documents of a key are being noted one by one. */
  #noting = false
  #noted = new Float64Array(16)
  #notedLength = 0
  /** No more are noted. */
  #isFull = false
  /** Of document i: where its record ids begin, and how many there are. */
  #firsts = new Int32Array(firstRoom)
  #counts = new Int32Array(firstRoom)
  #key = new Uint8Array(64)
  #lastHead = -1
  #lastNumber = -1

  constructor(lookup: PointLookup, path: Path, run: PipelineRun, notes: boolean) {
    this.#lookup = lookup
    this.#path = path
    this.#run = run
    this.#notes = notes
  }

  /** Forgets all keys; there will be at most `size` documents, `batchMax` at most. */
  reset(size: number): void {
    if (size > this.#order.length) {
      this.#ends = new Int32Array(size)
      this.#order = new Float64Array(size)
      this.#firsts = new Int32Array(size)
      this.#counts = new Int32Array(size)
    }
    this.#count = 0
    this.#keys.reset()
    this.#keyed = 0
    this.#common = -1
    this.#sorted = 0
    this.#sweepCount = 0
    this.#swept = 0
    this.#notedLength = 0
    this.#isFull = false
    this.#lastHead = -1
  }

  /** Bytes of all keys. */
  get length(): number {
    return this.#keys.length
  }

  /** Takes the key of the next document; false: it has not one plain value at the path. */
  add(bytes: Uint8Array, start: number): boolean {
    const i = this.#count++
    const keyStart = this.#keys.length
    this.#counts[i] = 0
    const hasKey = this.#append(bytes, start)
    this.#ends[i] = this.#keys.length
    if (hasKey) this.#shorten(keyStart, this.#keys.length)
    return hasKey
  }

  has(i: number): boolean {
    return this.#keyLength(i) > 0
  }

  /** How many documents the key of document i finds, once `find` is done; `notNoted` when they must be sought. */
  countOf(i: number): number {
    return this.#counts[i]!
  }

  recordIdOf(i: number, position: number): RecordId {
    return this.#noted[this.#firsts[i]! + position]! as RecordId
  }

  /** Puts the lookup before the documents of a key that was not noted. */
  seek(i: number): void {
    const length = this.#takeKey(i)
    this.#lookup.seek(this.#key, length, false)
  }

  #append(bytes: Uint8Array, start: number): boolean {
    const { parts } = this.#path
    let at = start
    let type: number = bsonType.document
    for (let i = 0; i < parts.length; i++) {
      if (type !== bsonType.document) return false
      const name = parts[i]!.bytes
      const element = findElement(bytes, at, name)
      if (element < 0) return false
      type = bytes[element]!
      at = element + name.length + 2
    }
    return this.#lookup.appendKey(this.#keys, type, bytes, at)
  }

  /** Shortens what all keys have in common to what the key has of it too. */
  #shorten(start: number, end: number): void {
    if (this.#common < 0) {
      this.#common = end - start
      return
    }
    const { bytes } = this.#keys
    const most = Math.min(this.#common, end - start)
    let same = 0
    while (same < most && bytes[same] === bytes[start + same]) same++
    this.#common = same
  }

  #keyStart(i: number): number {
    return i === 0 ? 0 : this.#ends[i - 1]!
  }

  #keyLength(i: number): number {
    return this.#ends[i]! - this.#keyStart(i)
  }

  #head(i: number): number {
    const { bytes } = this.#keys
    const at = this.#keyStart(i) + this.#common
    const end = this.#ends[i]!
    if (end - at >= headLength) return headOf(bytes, at, end) * 256 + bytes[at + 4]!
    let head = 0
    for (let b = at; b < at + headLength; b++) head = head * 256 + (b < end ? bytes[b]! : 0)
    return head
  }

  /** After the last key. */
  sort(): void {
    for (let i = 0; i < this.#count; i++) {
      if (this.has(i)) this.#order[this.#keyed++] = this.#head(i) * batchMax + i
    }
    sortNumbers(this.#order, this.#keyed)
    this.#sweep.bytes = this.#keys.bytes
  }

  /** Notes what the keys find; false: the turn is over. */
  find(): boolean {
    for (;;) {
      if (this.#noting) {
        if (!this.#noteOn()) return false
      } else if (this.#swept < this.#sweepCount) this.#sweepOn()
      else if (!this.#fillSweep()) {
        if (this.#sorted === this.#keyed) return true
        this.#seek(this.#order[this.#sorted++]!)
      }
      if (this.#run.turnIsOver()) return false
    }
  }

  /** The next keys that are surely in order: those above the last one, each above or the same as the one before. False: there are none. */
  #fillSweep(): boolean {
    const sweep = this.#sweep
    const order = this.#order
    const most = Math.min(sweepMax, this.#keyed - this.#sorted)
    let head = this.#lastHead
    let before = -1
    let count = 0
    this.#swept = 0
    for (; count < most && head >= 0; count++) {
      const entry = order[this.#sorted + count]!
      const entryHead = Math.floor(entry / batchMax)
      const number = entry - entryHead * batchMax
      if (entryHead === head && (before < 0 || !this.#areEqual(number, before))) break
      sweep.starts[count] = this.#keyStart(number)
      sweep.ends[count] = this.#ends[number]!
      this.#sweepEntries[count] = entry
      head = entryHead
      before = number
    }
    this.#sweepCount = count
    this.#sorted += count
    return count > 0
  }

  #sweepOn(): void {
    const lookup = this.#lookup
    const sweep = this.#sweep
    // The lookup may be beyond the first documents of the last key.
    while (this.#swept < this.#sweepCount && this.#repeatsLast(this.#sweepEntries[this.#swept]!)) this.#swept++
    const settled = lookup.sweep(sweep, this.#swept, this.#sweepCount)
    for (let i = this.#swept; i < settled; i++) {
      const entry = this.#sweepEntries[i]!
      const number = entry % batchMax
      const found = sweep.founds[i]!
      this.#lastHead = Math.floor(entry / batchMax)
      this.#lastNumber = number
      if (!this.#notes) this.#counts[number] = found
      else if (this.#isFull || !this.#hasRoom(found)) this.#counts[number] = notNoted
      else {
        this.#firsts[number] = this.#notedLength
        this.#counts[number] = found
        for (let n = 0; n < found; n++) this.#noted[this.#notedLength++] = lookup.sweptRecordId(sweep, i, n)
      }
    }
    this.#swept = settled
    if (settled < this.#sweepCount) this.#seek(this.#sweepEntries[this.#swept++]!)
  }

  #seek(entry: number): void {
    const head = Math.floor(entry / batchMax)
    const number = entry - head * batchMax
    if (this.#repeatsLast(entry)) return
    if (this.#isFull) {
      this.#counts[number] = notNoted
      return
    }
    this.#firsts[number] = this.#notedLength
    const length = this.#takeKey(number)
    this.#lookup.seek(this.#key, length, head > this.#lastHead && this.#lastHead >= 0)
    this.#noting = true
    this.#lastHead = head
    this.#lastNumber = number
  }

  /** Whether the key is the one that was looked up last; then it finds what that has found. */
  #repeatsLast(entry: number): boolean {
    const number = entry % batchMax
    const last = this.#lastNumber
    if (Math.floor(entry / batchMax) !== this.#lastHead || !this.#areEqual(number, last)) return false
    this.#firsts[number] = this.#firsts[last]!
    this.#counts[number] = this.#counts[last]!
    return true
  }

  /** Whether two documents, whose keys have the same head, have the same key. */
  #areEqual(one: number, other: number): boolean {
    const length = this.#keyLength(one)
    if (this.#keyLength(other) !== length) return false
    const { bytes } = this.#keys
    const a = this.#keyStart(one)
    const b = this.#keyStart(other)
    let i = this.#common
    while (i < length && bytes[a + i] === bytes[b + i]) i++
    return i === length
  }

  /** Copies a key to where lookups take it from; returns its length. */
  #takeKey(number: number): number {
    const length = this.#keyLength(number)
    if (this.#key.length < length) this.#key = new Uint8Array(length * 2)
    const end = this.#ends[number]!
    copyBytes(this.#keys.bytes, end - length, end, this.#key, 0)
    return length
  }

  /** False: the turn is over. */
  #noteOn(): boolean {
    const lookup = this.#lookup
    const number = this.#lastNumber
    while (lookup.next()) {
      this.#counts[number]!++
      if (this.#notes && !this.#note(number, lookup.recordId)) break
      if (this.#run.turnIsOver()) return false
    }
    this.#noting = false
    return true
  }

  /** False: there are too many. */
  #note(number: number, recordId: RecordId): boolean {
    if (!this.#hasRoom(1)) {
      this.#counts[number] = notNoted
      this.#notedLength = this.#firsts[number]!
      return false
    }
    this.#noted[this.#notedLength++] = recordId
    return true
  }

  #hasRoom(count: number): boolean {
    const needed = this.#notedLength + count
    if (needed > notedMax) {
      // One key alone may be too much; where others take the room, there is none for those to come.
      this.#isFull = needed - notedMax <= this.#notedLength
      return false
    }
    if (needed > this.#noted.length) {
      const grown = new Float64Array(Math.max(needed, this.#noted.length * 2))
      grown.set(this.#noted)
      this.#noted = grown
    }
    return true
  }
}
