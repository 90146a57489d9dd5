/**
 * The foreign documents of many local ones, by an index: the keys of a batch of local documents are looked up in their order, so that
 * the index is walked forward instead of from its root for each.
 *
 *   gather     local documents are copied, and the keys of those that have one plain value at the path
 *   find       the keys in order; what each finds is noted as record ids
 *   give       the local documents in the order in which they came
 *
 * The first batch is one document, and each is eight times as large as that before, so that whoever reads a few joins a few.
 */
import type { RecordId } from '../base/ids.ts'
import { sortNumbers } from '../base/sort-numbers.ts'
import { KeyWriter } from '../bson/key.ts'
import { bsonType } from '../bson/type.ts'
import { findElement, type Path } from '../query/path.ts'
import type { PointLookup } from '../query/point-lookup.ts'
import { copyBytes } from '../storage/copy.ts'
import { headOf } from '../storage/page.ts'
import { type PipelineRun, type Stage, type Step, step } from './stage.ts'

/** Bits of a local document's number in its batch. */
const numberBits = 13
const batchMax = 1 << numberBits
const batchBytesMax = 2 * 1024 * 1024
/** Record ids noted for a batch; the keys that are left then are looked up when their turn comes. */
const notedMax = 1 << 18
/** Bytes of a key, after what all have in common, that it is sorted by. */
const headLength = 5

const notNoted = -1
/** Documents that there is room for at first. */
const firstRoom = 64

export class PointBatch {
  readonly #input: Stage
  readonly #lookup: PointLookup
  readonly #path: Path
  readonly #run: PipelineRun
  /** Whether local documents that have a key are read, and the foreign ones, or only how many there are. */
  readonly #keepsLocals: boolean
  readonly #reads: boolean
  #size = 1
  #state: 'gather' | 'find' | 'give' = 'gather'
  #inputEnded = false
  #locals = new Uint8Array(1024)
  #localsLength = 0
  /** Local document i ends here in `#locals`, its key in `#keys`; it begins where the one before ends. */
  #localEnds = new Int32Array(firstRoom)
  #keyEnds = new Int32Array(firstRoom)
  readonly #keys = new KeyWriter(1024)
  #count = 0
  /** Bytes that all keys have in common with the first. */
  #common = -1
  /** head * batchMax + number, ascending. */
  #order = new Float64Array(firstRoom)
  #keyed = 0
  #sorted = 0
  /** Whether an ordered key's documents are being noted. */
  #noting = false
  #noted = new Float64Array(16)
  #notedLength = 0
  /** Of document i: where its record ids begin, and how many there are. */
  #firsts = new Int32Array(firstRoom)
  #counts = new Int32Array(firstRoom)
  #key = new Uint8Array(64)
  #lastHead = -1
  #lastNumber = -1
  #current = -1
  #position = 0
  bytes: Uint8Array = this.#locals
  start = 0
  end = 0

  constructor(
    input: Stage,
    lookup: PointLookup,
    path: Path,
    run: PipelineRun,
    { keepsLocals, reads }: { readonly keepsLocals: boolean; readonly reads: boolean },
  ) {
    this.#input = input
    this.#lookup = lookup
    this.#path = path
    this.#run = run
    this.#keepsLocals = keepsLocals
    this.#reads = reads
  }

  /** To the next local document, whose foreign ones `next` gives when `hasKey`; the others must be joined in another way. */
  step(): Step {
    for (;;) {
      if (this.#state === 'gather') {
        if (this.#gather() === step.pause) return step.pause
        sortNumbers(this.#order, this.#keyed)
        this.#state = 'find'
      }
      if (this.#state === 'find') {
        if (!this.#find()) return step.pause
        this.#state = 'give'
      }
      if (++this.#current < this.#count) {
        this.#show(this.#current)
        return step.row
      }
      if (this.#inputEnded) return step.end
      this.#begin()
    }
  }

  /** Whether the current local document has one plain value at the path. */
  get hasKey(): boolean {
    return this.#keyLength(this.#current) > 0
  }

  /** To the next foreign document of the current local one, which lies in the lookup when documents are read. */
  next(): boolean {
    const current = this.#current
    const count = this.#counts[current]!
    if (count === notNoted) return this.#nextUnnoted()
    while (this.#position < count) {
      const at = this.#firsts[current]! + this.#position++
      if (!this.#reads || this.#lookup.read(this.#noted[at]! as RecordId)) return true
    }
    return false
  }

  #nextUnnoted(): boolean {
    const lookup = this.#lookup
    if (this.#position++ === 0) lookup.seek(this.#key, this.#takeKey(this.#current), false)
    while (lookup.next()) if (!this.#reads || lookup.read(lookup.recordId)) return true
    return false
  }

  #begin(): void {
    this.#state = 'gather'
    this.#size = Math.min(batchMax, this.#size * 8)
    if (this.#size > this.#order.length) {
      this.#localEnds = new Int32Array(this.#size)
      this.#keyEnds = new Int32Array(this.#size)
      this.#order = new Float64Array(this.#size)
      this.#firsts = new Int32Array(this.#size)
      this.#counts = new Int32Array(this.#size)
    }
    this.#count = 0
    this.#localsLength = 0
    this.#keys.reset()
    this.#keyed = 0
    this.#common = -1
    this.#sorted = 0
    this.#notedLength = 0
    this.#lastHead = -1
    this.#current = -1
  }

  #show(i: number): void {
    this.bytes = this.#locals
    this.start = i === 0 ? 0 : this.#localEnds[i - 1]!
    this.end = this.#localEnds[i]!
    this.#position = 0
  }

  #gather(): Step {
    const input = this.#input
    while (this.#count < this.#size && this.#localsLength + this.#keys.length < batchBytesMax) {
      const answer = input.step()
      if (answer === step.pause) return answer
      if (answer === step.end) {
        this.#inputEnded = true
        break
      }
      this.#take(input.bytes, input.start, input.end)
    }
    // The heads, now that it is known what all keys begin with.
    for (let i = 0; i < this.#count; i++) {
      if (this.#keyLength(i) > 0) this.#order[this.#keyed++] = this.#head(i) * batchMax + i
    }
    return step.row
  }

  #take(bytes: Uint8Array, start: number, end: number): void {
    const i = this.#count++
    const keyStart = this.#keys.length
    this.#counts[i] = 0
    const hasKey = this.#appendKey(bytes, start)
    this.#keyEnds[i] = this.#keys.length
    if (hasKey) this.#shorten(keyStart, this.#keys.length)
    if (this.#keepsLocals || !hasKey) this.#copy(bytes, start, end)
    this.#localEnds[i] = this.#localsLength
  }

  #appendKey(bytes: Uint8Array, start: number): boolean {
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

  #copy(bytes: Uint8Array, start: number, end: number): void {
    const needed = this.#localsLength + end - start
    if (needed > this.#locals.length) {
      const grown = new Uint8Array(Math.max(needed, this.#locals.length * 2))
      grown.set(this.#locals.subarray(0, this.#localsLength))
      this.#locals = grown
    }
    copyBytes(bytes, start, end, this.#locals, this.#localsLength)
    this.#localsLength = needed
  }

  #keyLength(i: number): number {
    return this.#keyEnds[i]! - (i === 0 ? 0 : this.#keyEnds[i - 1]!)
  }

  #head(i: number): number {
    const { bytes } = this.#keys
    const at = (i === 0 ? 0 : this.#keyEnds[i - 1]!) + this.#common
    const end = this.#keyEnds[i]!
    if (end - at >= headLength) return headOf(bytes, at, end) * 256 + bytes[at + 4]!
    let head = 0
    for (let b = at; b < at + headLength; b++) head = head * 256 + (b < end ? bytes[b]! : 0)
    return head
  }

  /** Notes what the keys find; false: the turn is over. */
  #find(): boolean {
    const lookup = this.#lookup
    while (this.#sorted < this.#keyed || this.#noting) {
      if (!this.#noting) this.#seek(this.#order[this.#sorted++]!)
      const number = this.#lastNumber
      while (this.#noting) {
        if (!lookup.next()) this.#noting = false
        else {
          this.#counts[number]!++
          if (this.#reads) this.#note(number, lookup.recordId)
          if (this.#run.turnIsOver()) return false
        }
      }
      if (this.#run.turnIsOver()) return false
    }
    return true
  }

  #seek(entry: number): void {
    const head = Math.floor(entry / batchMax)
    const number = entry - head * batchMax
    if (this.#notedLength > notedMax) {
      this.#counts[number] = notNoted
      return
    }
    const length = this.#keyLength(number)
    if (head === this.#lastHead && this.#equalsLast(number, length)) {
      this.#firsts[number] = this.#firsts[this.#lastNumber]!
      this.#counts[number] = this.#counts[this.#lastNumber]!
      return
    }
    this.#firsts[number] = this.#notedLength
    this.#takeKey(number)
    this.#lookup.seek(this.#key, length, head > this.#lastHead && this.#lastHead >= 0)
    this.#noting = true
    this.#lastHead = head
    this.#lastNumber = number
  }

  #equalsLast(number: number, length: number): boolean {
    const last = this.#lastNumber
    if (this.#keyLength(last) !== length) return false
    const { bytes } = this.#keys
    const a = this.#keyEnds[number]! - length
    const b = this.#keyEnds[last]! - length
    let i = this.#common
    while (i < length && bytes[a + i] === bytes[b + i]) i++
    return i === length
  }

  /** Copies a key to where lookups take it from; returns its length. */
  #takeKey(number: number): number {
    const length = this.#keyLength(number)
    if (this.#key.length < length) this.#key = new Uint8Array(length * 2)
    const end = this.#keyEnds[number]!
    copyBytes(this.#keys.bytes, end - length, end, this.#key, 0)
    return length
  }

  #note(number: number, recordId: RecordId): void {
    const first = this.#firsts[number]!
    if (this.#notedLength - first > notedMax) {
      this.#counts[number] = notNoted
      this.#notedLength = first
      this.#noting = false
      return
    }
    if (this.#notedLength === this.#noted.length) {
      const grown = new Float64Array(this.#notedLength * 2)
      grown.set(this.#noted)
      this.#noted = grown
    }
    this.#noted[this.#notedLength++] = recordId
  }
}
