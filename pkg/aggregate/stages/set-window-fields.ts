import { DatabaseError } from '../../base/errors.ts'
import { KeyWriter } from '../../bson/key.ts'
import { bsonType } from '../../bson/type.ts'
import { nullValue, type Value } from '../../bson/value.ts'
import { BsonWriter } from '../../bson/writer.ts'
import { ExpressionCompiler } from '../../expression/compile.ts'
import type { EvaluationContext } from '../../expression/context.ts'
import { type Evaluate, missing } from '../../expression/expression.ts'
import { rootPath } from '../../expression/source.ts'
import { compileSort, type SortKeyOf } from '../../query/sort/key.ts'
import { compileLongSort } from '../../query/sort/long-key.ts'
import type { Sorter } from '../../query/sort/sorter.ts'
import { CarriedMetadata } from '../carried-metadata.ts'
import { FieldSetter } from '../field-setter.ts'
import { NarrowWriter } from '../narrow-writer.ts'
import type { NeededFields } from '../needed-fields.ts'
import { repeat, repeatable, repeatingSortKey } from '../repeatable.ts'
import { type PipelineRun, type Stage, type StageDefinition, type StagePlan, type Step, step } from '../stage.ts'
import { Partition } from '../window/partition.ts'
import type { WindowColumn } from '../window/window-function.ts'
import { fieldsRead, parseWindowing, type Windowing } from '../window/windowing.ts'
import { PassingStage } from './passing.ts'

/** `{$setWindowFields: {partitionBy, sortBy, output: {path: {$function: operand, window}}}}` */
export const setWindowFields: StageDefinition = {
  name: '$setWindowFields',
  parse(operand, { scope }) {
    return planOf(parseWindowing(operand, scope), undefined)
  },
}

function planOf(windowing: Windowing, needed: NeededFields | undefined): StagePlan {
  return {
    name: '$setWindowFields',
    needs: (after) => fieldsRead(windowing, after),
    narrowed: (fields) => planOf(windowing, fields),
    open: (input, run) =>
      windowing.carried.length === 0
        ? new SetWindowFields(input, run, windowing, needed)
        : new SetWindowFields(input, run, windowing, undefined),
  }
}

const noBytes = new Uint8Array(0)

/** Sorts its input by partition and order, then goes through it a partition at a time. */
class SetWindowFields extends PassingStage {
  readonly #run: PipelineRun
  readonly #partitionBy: Evaluate | undefined
  readonly #context: EvaluationContext
  readonly #sortKey: SortKeyOf | undefined
  readonly #sorter: Sorter | undefined
  readonly #key = new KeyWriter()
  readonly #partition: Partition
  readonly #columns: readonly WindowColumn[]
  readonly #setter: FieldSetter | undefined
  /** What is kept of a document when not all of it is read, and what of that is read after this stage. */
  readonly #narrow: NarrowWriter | undefined
  readonly #shown: NarrowWriter | undefined
  /** Of the outputs, which are all read by their name alone. */
  readonly #names: readonly string[]
  readonly #values: Value[]
  readonly #writer = new BsonWriter(256)
  /** Documents are held with what is known of them. */
  readonly #carried: CarriedMetadata | undefined
  #filled = false
  /** The partition's key, and whether the row after it has been taken up. */
  #partitionKey: Uint8Array | undefined
  #waiting = false
  /** The row after those that have been taken up. */
  #nextBytes: Uint8Array = noBytes
  #nextStart = 0
  #nextEnd = 0
  /** It is to be looked at again. */
  #nextIsDue = false
  #gathered = false
  #inputEnded = false
  #at = 0
  /** Columns whose value for the current document is there; below 0: so many are still to be reset for the partition. */
  #column = 0

  /** `needed`: the fields that will be read of its documents; undefined: all. */
  constructor(input: Stage, run: PipelineRun, windowing: Windowing, needed: NeededFields | undefined) {
    const { partitionBy, sort, output, carried } = windowing
    const rows = partitionBy === undefined && sort === undefined ? input : repeatable(input, run)
    super(rows)
    this.#run = run
    const partitionCompiler = new ExpressionCompiler()
    this.#partitionBy = partitionBy && partitionCompiler.compile(partitionBy)
    this.#context = run.context(partitionCompiler)
    this.#carried = carried.length === 0 ? undefined : new CarriedMetadata(carried)
    this.#context.metadata = (name) => (this.#filled ? this.#carried?.get(name) : rows.metadata?.(name))
    run.allowDetours(this.#context, () => {
      if (this.#filled) this.#nextIsDue = true
      else repeat(rows, run)
    })
    this.#sortKey = sort && repeatingSortKey(sort, rows, run)
    this.#sorter = partitionBy === undefined && sort === undefined ? undefined : run.sorter()
    const compiler = new ExpressionCompiler()
    const opens = output.map((column) => column.function.compile(compiler))
    const [only, second] = sort?.parts ?? []
    const names = only?.path.parts.map(({ name }) => name) ?? []
    const sortValue = only === undefined || second !== undefined ? undefined : compiler.compile(rootPath(names))
    const sortKey = sort && (run.goesOn ? compileLongSort(sort) : compileSort(sort))
    this.#partition = new Partition(run, run.context(compiler), sortValue, sortKey, carried)
    this.#columns = opens.map((open) => open(this.#partition, run))
    this.#names = output.map(({ path }) => path)
    const read = needed === undefined ? undefined : fieldsRead(windowing, needed)
    this.#narrow = read && new NarrowWriter(read.keys())
    if (needed !== undefined && this.#names.every((name) => !name.includes('.'))) {
      this.#values = this.#names.map(() => missing)
      this.#shown = new NarrowWriter([...needed.keys()].filter((name) => !this.#names.includes(name)))
    } else {
      this.#setter = new FieldSetter(this.#names, run)
      this.#values = this.#setter.values
    }
  }

  get spilledBytes(): number {
    return (this.#sorter?.spilledBytes ?? 0) + this.#partition.spilledBytes
  }

  step(): Step {
    if (this.#sorter !== undefined && !this.#filled) {
      const answer = this.#fill(this.#sorter)
      if (answer === step.pause) return answer
      this.#filled = true
    }
    for (;;) {
      if (!this.#gathered) {
        const answer = this.#gather()
        if (answer !== step.row) return answer
        this.#gathered = true
        this.#at = 0
        this.#column = -this.#columns.length
      }
      if (this.#at < this.#partition.count) return this.#emit()
      this.#partition.reset()
      this.#gathered = false
    }
  }

  #fill(sorter: Sorter): Step {
    const { input } = this
    const key = this.#key
    for (;;) {
      const answer = input.step()
      if (answer !== step.row) return answer
      key.reset()
      this.#writePartitionKey(input.bytes, input.start, input.end)
      if (this.#carried !== undefined) {
        const packed = this.#packed(this.#carried)
        this.#sortKey?.(packed.bytes, 0, key)
        sorter.add(key.bytes, key.length, 0, packed.bytes, 0, packed.length)
        continue
      }
      this.#sortKey?.(input.bytes, input.start, key)
      if (this.#narrow === undefined) sorter.add(key.bytes, key.length, 0, input.bytes, input.start, input.end)
      else {
        const narrowed = this.#narrowed(this.#narrow, input.bytes, input.start)
        sorter.add(key.bytes, key.length, 0, narrowed.bytes, 0, narrowed.length)
      }
    }
  }

  #narrowed(narrow: NarrowWriter, bytes: Uint8Array, start: number): BsonWriter {
    const writer = this.#writer.reset()
    writer.beginDocument()
    narrow.write(bytes, start, writer)
    writer.end()
    return writer
  }

  /** The input's document with what is known of it. */
  #packed(carried: CarriedMetadata): BsonWriter {
    const { bytes, start, end, metadata } = this.input
    return carried.pack(bytes, start, end, (name) => metadata?.call(this.input, name))
  }

  #writePartitionKey(bytes: Uint8Array, start: number, end: number): void {
    if (this.#partitionBy === undefined) return
    this.#context.reset(bytes, start, end)
    let value = this.#partitionBy(this.#context)
    if (value === missing) value = nullValue
    if (value.type === bsonType.array) {
      throw new DatabaseError('TypeMismatch', 'An expression used to partition cannot evaluate to value of type array')
    }
    this.#run.order.encodeKey(this.#key, value.type, value.bytes, value.start)
  }

  /** Takes up the documents of the next partition: `row` when there is one. */
  #gather(): Step {
    if (this.#waiting) {
      this.#take()
      this.#waiting = false
    }
    while (!this.#inputEnded) {
      const answer = this.#next()
      if (answer === step.pause) return answer
      if (answer === step.end) {
        this.#inputEnded = true
        break
      }
      if (this.#beginsPartition() && this.#partition.count > 0) {
        this.#waiting = true
        return step.row
      }
      this.#take()
      if (this.#run.turnIsOver()) return step.pause
    }
    return this.#partition.count > 0 ? step.row : step.end
  }

  /** To the next document in order, which lies where `#nextBytes` says until the one after it is asked for. */
  #next(): Step {
    if (this.#nextIsDue) {
      this.#nextIsDue = false
      return step.row
    }
    const sorter = this.#sorter
    if (sorter !== undefined) {
      if (!sorter.next()) return step.end
      this.#nextBytes = sorter.document
      this.#nextStart = sorter.documentStart
      this.#nextEnd = sorter.documentEnd
      return step.row
    }
    const { input } = this
    const answer = input.step()
    if (answer !== step.row) return answer
    this.#nextBytes = input.bytes
    this.#nextStart = input.start
    this.#nextEnd = input.end
    return step.row
  }

  #take(): void {
    if (this.#sorter === undefined && this.#carried !== undefined) {
      const packed = this.#packed(this.#carried)
      this.#partition.add(packed.bytes, 0, packed.length)
      return
    }
    if (this.#sorter !== undefined || this.#narrow === undefined) {
      this.#partition.add(this.#nextBytes, this.#nextStart, this.#nextEnd)
      return
    }
    const narrowed = this.#narrowed(this.#narrow, this.#nextBytes, this.#nextStart)
    this.#partition.add(narrowed.bytes, 0, narrowed.length)
  }

  /** Only sorted documents are of partitions. */
  #beginsPartition(): boolean {
    if (this.#partitionBy === undefined) return false
    const key = this.#key
    key.reset()
    const unpacked = this.#carried?.unpack(this.#nextBytes, this.#nextStart, this.#nextEnd)
    if (unpacked === undefined) this.#writePartitionKey(this.#nextBytes, this.#nextStart, this.#nextEnd)
    else this.#writePartitionKey(unpacked.bytes, 0, unpacked.length)
    const before = this.#partitionKey
    if (before?.length === key.length) {
      let same = 0
      while (same < key.length && before[same] === key.bytes[same]) same++
      if (same === key.length) return false
    }
    this.#partitionKey = key.bytes.slice(0, key.length)
    return true
  }

  #emit(): Step {
    const columns = this.#columns
    const values = this.#values
    for (; this.#column < 0; this.#column++) columns.at(this.#column)!.reset()
    while (this.#column < columns.length) {
      const value = columns[this.#column]!.valueOf(this.#at)
      if (value === undefined) return step.pause
      values[this.#column++] = value
    }
    this.#column = 0
    this.#partition.show(this.#at++)
    const { bytes, start, end } = this.#partition.context
    this.showWritten(this.#setter === undefined ? this.#written(bytes, start) : this.#setter.set(bytes, start, end))
    return step.row
  }

  /** What is read of the document, then the values. */
  #written(bytes: Uint8Array, start: number): BsonWriter {
    const writer = this.#writer.reset()
    const values = this.#values
    writer.beginDocument()
    this.#shown?.write(bytes, start, writer)
    for (let i = 0; i < values.length; i++) {
      const value = values[i]!
      if (value !== missing) writer.value(this.#names[i]!, value)
    }
    writer.end()
    return writer
  }

  metadata(name: string): Value | undefined {
    return this.#partition.metadata(name)
  }

  override close(): void {
    this.#sorter?.close()
    this.#partition.close()
    super.close()
  }
}
