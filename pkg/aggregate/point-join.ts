/**
 * A join of documents that have one plain value at the local path with those that an index of the foreign path has for it: the result is
 * written as the documents are found.
 */
import { buildArray } from '../bson/build.ts'
import { writeInt32 } from '../bson/little-endian.ts'
import { bsonType } from '../bson/type.ts'
import { utf8Bytes } from '../bson/utf8.ts'
import { BsonWriter, indexName } from '../bson/writer.ts'
import { findElement, type Path } from '../query/path.ts'
import type { PointLookup } from '../query/point-lookup.ts'
import { NarrowWriter } from './narrow-writer.ts'
import type { NeededFields } from './needed-fields.ts'
import { PointBatch } from './point-batch.ts'
import { type PipelineRun, type Stage, type Step, step } from './stage.ts'
import type { Unwinding } from './unwinding.ts'

export interface PointJoinTarget {
  /** A top-level field. */
  readonly as: string
  /** Without an index: one document for each that is found. */
  readonly unwinding: Unwinding | undefined
  readonly needed: NeededFields | undefined
  readonly givesField: boolean
}

export class PointJoin {
  readonly #lookup: PointLookup
  /** The local documents. */
  readonly locals: PointBatch
  readonly #run: PipelineRun
  readonly #as: string
  readonly #asBytes: Uint8Array
  readonly #unwinding: Unwinding | undefined
  /** What is read of local documents; undefined: all. */
  readonly #local: NarrowWriter | undefined
  /** Whether foreign documents are read, or only how many there are. */
  readonly #reads: boolean
  /** Holds the document after `next` answered `row`. */
  readonly writer = new BsonWriter()
  /** Whether `next` is to be asked for documents of the local one. */
  joining = false
  /** The array alone is asked for, not a document with it. */
  readonly givesField: boolean
  arrayBytes: Uint8Array = noBytes
  /** Exclusive; it begins at 0. */
  arrayEnd = 0
  #count = 0
  /** Where what is written for the local document ends, and where the array begins. */
  #localEnd = 0
  #arrayStart = 0

  /** `needed`: the fields that will be read of its documents; undefined: all. */
  constructor(
    input: Stage,
    localPath: Path,
    lookup: PointLookup,
    run: PipelineRun,
    { as, unwinding, needed, givesField }: PointJoinTarget,
  ) {
    this.#lookup = lookup
    this.#run = run
    this.givesField = givesField
    this.#as = as
    this.#asBytes = utf8Bytes(as)
    this.#unwinding = unwinding
    this.#local = needed && new NarrowWriter([...needed.keys()].filter((name) => name !== as))
    this.#reads = needed === undefined || needed.get(as) === 'value' || (unwinding !== undefined && needed.has(as))
    this.locals = new PointBatch(input, lookup, localPath, run, { keepsLocals: !givesField, reads: this.#reads })
    run.track(lookup)
  }

  /** Takes up the local document; false when it must be joined in another way. */
  begin(): boolean {
    const { locals } = this
    if (!locals.hasKey) return false
    const { bytes, start } = locals
    // The array would have to be written in the place of what is there.
    if (this.#local === undefined && findElement(bytes, start, this.#asBytes) >= 0) return false
    this.#count = 0
    this.joining = true
    if (this.givesField && !this.#reads) return true
    const writer = this.#begin()
    if (this.givesField) return true
    if (this.#local === undefined) writer.raw(bytes, start + 4, documentEnd(bytes, start) - 1)
    else this.#local.write(bytes, start, writer)
    this.#localEnd = writer.length
    if (this.#unwinding === undefined) {
      writer.head(bsonType.array, this.#as)
      this.#arrayStart = writer.length
      writer.ensure(4)
      writer.length += 4
    }
    return true
  }

  /** A document or array; its length is filled in at the end. */
  #begin(): BsonWriter {
    const writer = this.writer.reset()
    writer.ensure(4)
    writer.length = 4
    return writer
  }

  next(): Step {
    return this.#unwinding === undefined ? this.#gather() : this.#unwind(this.#unwinding)
  }

  #gather(): Step {
    const lookup = this.#lookup
    const { locals, writer } = this
    while (locals.next()) {
      const position = this.#count++
      if (this.#reads) writer.document(indexName(position), lookup.bytes, lookup.start, lookup.end)
      if (this.#run.turnIsOver()) return step.pause
    }
    this.joining = false
    if (this.givesField) {
      this.#endField()
      return step.row
    }
    if (!this.#reads) this.#writeNulls()
    this.#end(this.#arrayStart)
    this.#end(0)
    return step.row
  }

  #endField(): void {
    const known = this.#reads ? undefined : nullArrays[this.#count]
    if (known === undefined) {
      if (!this.#reads) {
        this.#begin()
        this.#writeNulls()
      }
      this.#end(0)
    }
    this.arrayBytes = known ?? this.writer.bytes
    this.arrayEnd = known?.length ?? this.writer.length
  }

  /** As many elements as were found, when nobody reads what they are. */
  #writeNulls(): void {
    for (let i = 0; i < this.#count; i++) this.writer.null(indexName(i))
  }

  #unwind({ keepEmpty }: Unwinding): Step {
    const lookup = this.#lookup
    const { locals, writer } = this
    writer.length = this.#localEnd
    if (locals.next()) {
      this.#count++
      if (this.#reads) writer.document(this.#as, lookup.bytes, lookup.start, lookup.end)
    } else {
      this.joining = false
      if (this.#count > 0 || !keepEmpty) return step.end
    }
    this.#end(0)
    return step.row
  }

  /** Ends the document or array that begins at `start`. */
  #end(start: number): void {
    const { writer } = this
    writer.ensure(1)
    writer.bytes[writer.length++] = 0
    writeInt32(writer.bytes, start, writer.length - start)
  }

  close(): void {
    this.#run.untrack(this.#lookup)
    this.#lookup.close()
  }
}

const noBytes = new Uint8Array(0)

/** The arrays of 0, 1, 2... nulls. */
const nullArrays: readonly Uint8Array[] = Array.from({ length: 16 }, (_, count) => buildArray(Array(count).fill(null)))

function documentEnd(bytes: Uint8Array, start: number): number {
  return start + (bytes[start]! | (bytes[start + 1]! << 8) | (bytes[start + 2]! << 16) | (bytes[start + 3]! << 24))
}
