/**
 * Groups documents by the value of an expression, by hashing the keys of these values.
 *
 * When the groups need more memory than there is, no further group is begun: documents of unseen keys go to files, one of
 * several by the hash of their key, and the groups of each file are made when those before them have been given. A file whose
 * groups are too many again is divided by further bits of the hash.
 */
import { DatabaseError } from '../base/errors.ts'
import { encodeKey, KeyWriter } from '../bson/key.ts'
import { bsonType } from '../bson/type.ts'
import { nullValue, type Value } from '../bson/value.ts'
import { BsonWriter } from '../bson/writer.ts'
import type { Collation } from '../collation/collation.ts'
import type { GivenMetadata } from '../expression/available-metadata.ts'
import { ExpressionCompiler } from '../expression/compile.ts'
import type { EvaluationContext } from '../expression/context.ts'
import { type Evaluate, type Expression, missing } from '../expression/expression.ts'
import type { MetadataOf } from '../expression/metadata.ts'
import { isBrief } from '../expression/weight.ts'
import { findByShape } from '../query/shaped-fields.ts'
import type { Accumulation, ParsedAccumulator } from './accumulators/accumulator.ts'
import { CarriedMetadata } from './carried-metadata.ts'
import { HeldValues } from './held-values.ts'
import { hashOf, KeyTable } from './key-table.ts'
import { passedOn } from './passed-on.ts'
import { repeat, repeatable } from './repeatable.ts'
import { SpillFile } from './spill-file.ts'
import { type FieldSource, memoryExceeded, type PipelineRun, type Stage, type Step, step } from './stage.ts'

export interface GroupField {
  readonly name: string
  readonly accumulator: ParsedAccumulator
  /** The accumulator's name, with the `$`. */
  readonly operator: string
}

export interface Grouping {
  readonly id: Expression
  readonly fields: readonly GroupField[]
  /** Metadata of its documents, which its expressions may name. */
  readonly carried: readonly GivenMetadata[]
  /** Another stage follows, which takes some types as others (see `passedOn`). */
  readonly passesOn?: boolean
}

/** After how many documents the accumulators' memory is added up anew. */
const memoryCheckInterval = 1024
/** Files that the documents of unseen keys are divided among, as bits of the hash. */
const partitionBits = 4
const levelsMax = 6

/** After so many documents it pays to make code for finding their fields. */
const hotAfterDocuments = 4096

interface Partition {
  readonly file: SpillFile
  /** How often its documents have been divided. */
  readonly level: number
}

/** Whether the fields it reads are enough for it, and evaluating them takes next to no time. */
function isBriefByField({ id, fields }: Grouping): boolean {
  if (!isBrief(id)) return false
  return fields.every(({ accumulator: { expression, initial, reads } }) => {
    return reads === undefined && isBrief(expression) && (initial === undefined || isBrief(initial))
  })
}

/** Takes all of its input, then gives one document a group, in the order in which the groups came up. */
export class GroupStage implements Stage {
  readonly #input: Stage
  readonly #run: PipelineRun
  readonly #collation: Collation | undefined
  readonly #context: EvaluationContext
  readonly #id: Evaluate
  readonly #values: readonly Evaluate[]
  /** By field: `n` of `$firstN` and kin, against the group's `_id`. */
  readonly #initials: readonly (Evaluate | undefined)[]
  readonly #initialContext: EvaluationContext
  readonly #hasInitials: boolean
  readonly #accumulators: readonly ParsedAccumulator[]
  readonly #names: readonly string[]
  readonly #passesOn: boolean
  /** By field: it makes an array of values. */
  readonly #gathers: readonly boolean[]
  /** The input, when it gives one field instead of documents, and that field's slot. */
  readonly #field: FieldSource | undefined
  #fieldSlot = 0
  readonly #key = new KeyWriter()
  #table = new KeyTable()
  /** By group: the first value of its key. */
  #ids = new HeldValues()
  /** By group, then field: group * number of fields + field. */
  #states: Accumulation[] = []
  /** Memory of the accumulators: what the last whole round of adding up gave, and the round that is under way. */
  #stateBytes = 0
  #roundBytes = 0
  #untilMemoryCheck = memoryCheckInterval
  #checkedState = 0
  /** Of the documents being taken in, by hash; undefined: all groups have room so far. */
  #spill: (SpillFile | undefined)[] | undefined
  #usedAtSpill = 0
  #level = 0
  /** Still to be grouped. */
  readonly #waiting: Partition[] = []
  #source: SpillFile | undefined
  /** Documents are spilled with what is known of them. */
  readonly #carried: CarriedMetadata | undefined
  /** Its current document is to be taken in again. */
  #sourceIsDue = false
  /** Of the current document: how many of the group's fields have taken it in. */
  #taken = 0
  #filled = false
  #untilHot = hotAfterDocuments
  #emitted = 0
  spilledBytes = 0
  readonly #writer = new BsonWriter()
  bytes: Uint8Array
  start = 0
  end = 0

  constructor(input: Stage, run: PipelineRun, grouping: Grouping) {
    this.#run = run
    this.#collation = run.collation
    const compiler = new ExpressionCompiler()
    this.#id = compiler.compile(grouping.id)
    this.#values = grouping.fields.map(({ accumulator }) => compiler.compile(accumulator.expression))
    const { field } = input
    // Documents can come again, a field alone cannot.
    const takesField = field !== undefined && isBriefByField(grouping)
    this.#input = takesField ? input : repeatable(input, run)
    this.#context = run.context(compiler)
    this.#carried = grouping.carried.length === 0 ? undefined : new CarriedMetadata(grouping.carried)
    this.#context.metadata = (name) =>
      this.#source === undefined ? this.#input.metadata?.(name) : this.#carried?.get(name)
    if (!takesField) run.allowDetours(this.#context, () => this.#repeat())
    const initialCompiler = new ExpressionCompiler()
    this.#initials = grouping.fields.map(({ accumulator: { initial } }) => initial && initialCompiler.compile(initial))
    this.#hasInitials = this.#initials.some((initial) => initial !== undefined)
    this.#initialContext = run.context(initialCompiler)
    if (!takesField) run.allowDetours(this.#initialContext, () => this.#repeat())
    this.#accumulators = grouping.fields.map(({ accumulator }) => accumulator)
    this.#names = grouping.fields.map(({ name }) => name)
    this.#passesOn = grouping.passesOn === true
    this.#gathers = grouping.fields.map(({ operator }) => operator === '$push' || operator === '$addToSet')
    this.bytes = input.bytes
    if (!takesField) return
    this.#fieldSlot = this.#context.slotOf(field.fieldName)
    if (this.#fieldSlot < 0) return
    this.#field = field
    field.giveField()
  }

  /** The document that is being taken in comes again. */
  #repeat(): void {
    if (this.#source !== undefined) this.#sourceIsDue = true
    else repeat(this.#input, this.#run)
  }

  step(): Step {
    for (;;) {
      if (!this.#filled) {
        const answer = this.#takeAll()
        if (answer === step.pause) return answer
        this.#filled = true
        this.#closeSpill()
      }
      if (this.#emitted < this.#ids.count) {
        this.#emit(this.#emitted++)
        return step.row
      }
      if (!this.#beginPartition()) return step.end
    }
  }

  /** Errors: 4848401 and 4848403 for divisions by zero, as `$group` calls them. */
  #takeAll(): Step {
    try {
      return this.#source === undefined ? this.#fill() : this.#refill(this.#source)
    } catch (error) {
      if (error instanceof DatabaseError && error.message === "can't $divide by zero") {
        throw new DatabaseError(4848401, error.message)
      }
      if (error instanceof DatabaseError && error.message === "can't $mod by zero") {
        throw new DatabaseError(4848403, error.message)
      }
      throw error
    }
  }

  #fill(): Step {
    const input = this.#input
    const field = this.#field
    const slot = this.#fieldSlot
    for (;;) {
      const answer = input.step()
      if (answer !== step.row) return answer
      if (this.#untilHot > 0 && --this.#untilHot === 0 && field === undefined) findByShape(this.#context.fields, input)
      if (field === undefined) this.#context.reset(input.bytes, input.start, input.end)
      else this.#context.resetField(slot, field.fieldType, field.fieldBytes, field.fieldStart, field.fieldEnd)
      if (this.#add()) continue
      field?.makeDocument()
      this.#spillDocument(input.bytes, input.start, input.end, (name) => input.metadata?.(name))
    }
  }

  #refill(source: SpillFile): Step {
    while (this.#sourceIsDue || source.next()) {
      this.#sourceIsDue = false
      const { bytes, start, end } = this.#unpacked(source)
      this.#context.reset(bytes, start, end)
      if (!this.#add()) this.#spillDocument(bytes, start, end, (name) => this.#carried?.get(name))
      if (this.#run.turnIsOver()) return step.pause
    }
    source.close()
    this.#source = undefined
    return step.end
  }

  /** Adds the context's document; false when it must be spilled, under the key that has been made. */
  #add(): boolean {
    const context = this.#context
    const key = this.#key
    let id = this.#id(context)
    if (id === missing) id = nullValue
    key.reset()
    if (this.#collation === undefined) encodeKey(key, id.type, id.bytes, id.start)
    else this.#collation.encodeKey(key, id.type, id.bytes, id.start)
    let group: number
    if (this.#spill === undefined) {
      // What has to wait for a value does so before the group is there.
      const isNew = this.#hasInitials && this.#table.find(key.bytes, key.length) < 0
      const opened = isNew ? this.#opened(id) : undefined
      group = this.#table.numberOf(key.bytes, key.length)
      if (group === this.#ids.count) {
        this.#ids.push(this.#passesOn ? passedOn(id) : id)
        if (opened === undefined)
          for (const accumulator of this.#accumulators) this.#states.push(accumulator.open(undefined))
        else for (const state of opened) this.#states.push(state)
      }
    } else {
      group = this.#table.find(key.bytes, key.length)
      if (group < 0) return false
    }
    const values = this.#values
    const count = values.length
    const states = this.#states
    const first = group * count
    for (let i = this.#taken; i < count; i++) {
      // What has been added stays when the rest has to wait for a value.
      this.#taken = i
      states[first + i]!.add(values[i]!(context), context)
    }
    this.#taken = 0
    if (--this.#untilMemoryCheck === 0) this.#checkMemory()
    return true
  }

  #spillDocument(bytes: Uint8Array, start: number, end: number, metadata: MetadataOf): void {
    const file = this.#spillFile(hashOf(this.#key.bytes, this.#key.length))
    const packed = this.#carried?.pack(bytes, start, end, metadata)
    if (packed === undefined) file.append(bytes, start, end)
    else file.append(packed.bytes, 0, packed.length)
  }

  #unpacked(source: SpillFile): Pick<SpillFile, 'bytes' | 'start' | 'end'> {
    const document = this.#carried?.unpack(source.bytes, source.start, source.end)
    return document === undefined ? source : { bytes: document.bytes, start: 0, end: document.length }
  }

  #opened(id: Value): Accumulation[] {
    return this.#accumulators.map((accumulator, i) => accumulator.open(this.#initial(i, id)))
  }

  #initial(field: number, id: Value): Value | undefined {
    const evaluate = this.#initials[field]
    if (evaluate === undefined) return undefined
    if (id.type === bsonType.document) this.#initialContext.reset(id.bytes, id.start, id.end)
    else this.#initialContext.reset(emptyDocument, 0, emptyDocument.length)
    return evaluate(this.#initialContext)
  }

  /**
   * Adding up all states would cost much with many groups, so a part of them is added up at a time.
   */
  #checkMemory(): void {
    this.#untilMemoryCheck = memoryCheckInterval
    const states = this.#states
    const until = Math.min(states.length, this.#checkedState + memoryCheckInterval)
    for (let i = this.#checkedState; i < until; i++) this.#roundBytes += states[i]!.usedBytes
    this.#stateBytes = Math.max(this.#stateBytes, this.#roundBytes)
    this.#checkedState = until
    if (until === states.length) {
      this.#stateBytes = this.#roundBytes
      this.#roundBytes = 0
      this.#checkedState = 0
    }
    const used = this.#table.usedBytes + this.#ids.usedBytes + this.#stateBytes
    const limit = this.#run.memoryLimitBytes
    if (used <= limit) return
    if (!this.#run.allowDiskUse) throw memoryExceeded('$group')
    // What single groups hold cannot go to disk.
    if (this.#spill !== undefined && used > this.#usedAtSpill + limit) {
      throw new DatabaseError(146, `The groups of $group hold ${used} bytes, more than they may`)
    }
    if (this.#spill !== undefined) return
    this.#spill = []
    this.#usedAtSpill = used
  }

  #spillFile(hash: number): SpillFile {
    const spill = this.#spill!
    const number = (hash >>> (32 - partitionBits * (this.#level + 1))) & ((1 << partitionBits) - 1)
    let file = spill[number]
    if (file === undefined) {
      file = new SpillFile(this.#run.host.temporaryFile())
      spill[number] = file
    }
    return file
  }

  #closeSpill(): void {
    for (const file of this.#spill ?? []) {
      if (file === undefined) continue
      this.spilledBytes += file.sizeBytes
      this.#waiting.push({ file, level: this.#level + 1 })
    }
    this.#spill = undefined
  }

  /** Takes up the documents of the next file; false when there is none. */
  #beginPartition(): boolean {
    const next = this.#waiting.pop()
    if (next === undefined) return false
    this.#source = next.file
    this.#level = Math.min(next.level, levelsMax)
    this.#table = new KeyTable()
    this.#ids = new HeldValues()
    this.#states = []
    this.#stateBytes = 0
    this.#roundBytes = 0
    this.#checkedState = 0
    this.#emitted = 0
    this.#filled = false
    return true
  }

  #emit(group: number): void {
    const writer = this.#writer
    const names = this.#names
    writer.reset()
    writer.beginDocument()
    this.#ids.write(group, '_id', writer)
    for (let i = 0; i < names.length; i++) {
      const value = this.#states[group * names.length + i]!.result()
      writer.value(names[i]!, this.#passesOn ? passedOn(value, this.#gathers[i]) : value)
    }
    writer.end()
    this.bytes = writer.bytes
    this.end = writer.length
  }

  close(): void {
    this.#source?.close()
    for (const file of this.#spill ?? []) file?.close()
    for (const { file } of this.#waiting) file.close()
    this.#waiting.length = 0
    this.#input.close()
  }
}

const emptyDocument = new Uint8Array([5, 0, 0, 0, 0])
