/** An `$unwind` of a top-level field whose documents are read by a few fields only: they have no others. */

import { readInt32, writeInt32 } from '../bson/little-endian.ts'
import { bsonType } from '../bson/type.ts'
import type { Value } from '../bson/value.ts'
import { ElementWalker, valueEnd } from '../bson/walk.ts'
import { BsonWriter } from '../bson/writer.ts'
import { FieldFinder } from '../query/field-finder.ts'
import { NarrowWriter } from './narrow-writer.ts'
import type { NeededFields } from './needed-fields.ts'
import { type FieldSource, type PipelineRun, type Stage, type Step, step } from './stage.ts'
import type { Unwinding } from './unwinding.ts'

/** An element is a small unit of work. */
const elementsPerLook = 4

export class NarrowUnwind implements Stage, FieldSource {
  readonly #input: Stage
  readonly #run: PipelineRun
  readonly fieldName: string
  readonly field: FieldSource | undefined
  readonly #keepEmpty: boolean
  readonly #isElementRead: boolean
  /** Finds the array; the fields beside it are copied once for all of its elements. */
  readonly #finder: FieldFinder
  readonly #beside: NarrowWriter | undefined
  readonly #writer = new BsonWriter()
  readonly #elements = new ElementWalker()
  #unwinding = false
  #given = 0
  /** What is at work lies in memory of its own. */
  #isKept = false
  #arrayStart = 0
  /** Where the element's type and value go in the document. */
  #typeAt = 0
  #valueAt = 0
  #lastType = 0
  #givesField = false
  fieldType = 0
  fieldBytes: Uint8Array
  fieldStart = 0
  fieldEnd = 0
  bytes: Uint8Array
  start = 0
  end = 0

  constructor(input: Stage, run: PipelineRun, { path, keepEmpty }: Unwinding, needed: NeededFields) {
    this.#input = input
    this.#run = run
    this.fieldName = path
    this.#keepEmpty = keepEmpty
    this.#isElementRead = needed.has(path)
    this.#finder = new FieldFinder(path)
    const beside = [...needed.keys()].filter((name) => name !== path)
    this.#beside = beside.length === 0 ? undefined : new NarrowWriter(beside)
    if (this.#isElementRead && this.#beside === undefined) this.field = this
    this.bytes = input.bytes
    this.fieldBytes = input.bytes
    run.track(this)
  }

  giveField(): void {
    this.#givesField = true
  }

  makeDocument(): void {
    const writer = this.#writer.reset()
    writer.beginDocument()
    if (this.fieldType !== 0) {
      writer.head(this.fieldType, this.fieldName)
      writer.append(this.fieldBytes, this.fieldStart, this.fieldEnd)
    }
    writer.end()
    this.bytes = writer.bytes
    this.start = 0
    this.end = writer.length
  }

  step(): Step {
    for (;;) {
      if (this.#unwinding) {
        if (++this.#given % elementsPerLook === 0 && this.#run.turnIsOver()) return step.pause
        if (this.#nextElement()) return step.row
      }
      const input = this.#input
      const answer = input.step()
      if (answer !== step.row) return answer
      if (this.#begin(input)) return step.row
      if (this.#run.turnIsOver()) return step.pause
    }
  }

  /** Takes up an input; true when it gives a document right away. */
  #begin({ bytes, start, end }: Stage): boolean {
    const finder = this.#finder
    const { type, at } = finder.find(bytes, start) ? finder : nothing
    if (type === bsonType.array) {
      if (!this.#givesField) this.#writeBeside(bytes, start)
      this.#elements.reset(bytes, at)
      this.#arrayStart = at
      this.#isKept = false
      this.#unwinding = true
      if (this.#nextElement()) return true
      if (!this.#keepEmpty) return false
      if (this.#givesField) this.fieldType = 0
      else this.#show(this.#writer.length)
      return true
    }
    const isNullish = type === 0 || type === bsonType.null || type === bsonType.undefined
    if (isNullish && !this.#keepEmpty) return false
    // What is no array counts as an array of itself.
    if (this.#givesField) this.#showField(type, bytes, at, type === 0 ? at : valueEnd(bytes, type, at))
    else {
      this.bytes = bytes
      this.start = start
      this.end = end
    }
    return true
  }

  #showField(type: number, bytes: Uint8Array, start: number, end: number): void {
    this.fieldType = type
    this.fieldBytes = bytes
    this.fieldStart = start
    this.fieldEnd = end
  }

  /** What all documents of an array begin with: up to the element's type and name, which are the same for most elements. */
  #writeBeside(bytes: Uint8Array, start: number): void {
    const writer = this.#writer.reset()
    // The length is filled in when the document is shown.
    writer.ensure(4)
    writer.length = 4
    this.#beside?.write(bytes, start, writer)
    this.#lastType = 0
  }

  #nextElement(): boolean {
    const elements = this.#elements
    if (!elements.next()) {
      this.#unwinding = false
      return false
    }
    if (this.#givesField) {
      this.#showField(elements.type, elements.bytes, elements.valueStart, elements.valueEnd)
      return true
    }
    const writer = this.#writer
    if (!this.#isElementRead) {
      this.#show(writer.length)
      return true
    }
    const { type, valueStart, valueEnd } = elements
    if (this.#lastType === 0) {
      this.#typeAt = writer.length
      writer.head(type, this.fieldName)
      this.#valueAt = writer.length
    } else {
      writer.length = this.#valueAt
      writer.bytes[this.#typeAt] = type
    }
    this.#lastType = type
    writer.append(elements.bytes, valueStart, valueEnd)
    this.#show(writer.length)
    return true
  }

  /** Ends the document at `length`, without the writer's knowing. */
  #show(length: number): void {
    const writer = this.#writer
    writer.ensure(1)
    const { bytes } = writer
    bytes[length] = 0
    writeInt32(bytes, 0, length + 1)
    this.bytes = bytes
    this.start = 0
    this.end = length + 1
  }

  /** The input's bytes may go while others run: the array at work is kept. */
  save(): void {
    if (!this.#unwinding || this.#isKept) return
    this.#isKept = true
    const start = this.#arrayStart
    const own = this.#elements.bytes.slice(start, start + readInt32(this.#elements.bytes, start))
    this.#elements.move(own, -start)
    this.#arrayStart = 0
  }

  metadata(name: string): Value | undefined {
    return this.#input.metadata?.(name)
  }

  close(): void {
    this.#run.untrack(this)
    this.#input.close()
  }
}

const nothing = { type: 0, at: 0 }
