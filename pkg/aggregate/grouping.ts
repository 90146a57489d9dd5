/** Groups documents by the value of an expression, by hashing the keys of these values. */
import { DatabaseError } from '../base/errors.ts'
import { encodeKey, KeyWriter } from '../bson/key.ts'
import { nullValue, type Value } from '../bson/value.ts'
import { BsonWriter } from '../bson/writer.ts'
import { ExpressionCompiler } from '../expression/compile.ts'
import type { EvaluationContext } from '../expression/context.ts'
import { type Evaluate, type Expression, missing } from '../expression/expression.ts'
import { type Accumulation, type Accumulator, copyOf } from './accumulators/accumulator.ts'
import { KeyTable } from './key-table.ts'
import { type PipelineRun, type Stage, type Step, step } from './stage.ts'

export interface GroupField {
  readonly name: string
  readonly accumulator: Accumulator
  readonly expression: Expression
}

export interface Grouping {
  readonly id: Expression
  readonly fields: readonly GroupField[]
}

/** After how many documents the accumulators' memory is added up anew. */
const memoryCheckInterval = 1024

/** Takes all of its input, then gives one document a group, in the order in which the groups came up. */
export class GroupStage implements Stage {
  readonly #input: Stage
  readonly #run: PipelineRun
  readonly #context: EvaluationContext
  readonly #id: Evaluate
  readonly #values: readonly Evaluate[]
  readonly #accumulators: readonly Accumulator[]
  readonly #names: readonly string[]
  readonly #key = new KeyWriter()
  readonly #table = new KeyTable()
  /** By group: the first value of its key. */
  readonly #ids: Value[] = []
  #idBytes = 0
  /** By group, then field: group * number of fields + field. */
  readonly #states: Accumulation[] = []
  /** Memory of the accumulators: what the last whole round of adding up gave, and the round that is under way. */
  #stateBytes = 0
  #roundBytes = 0
  #untilMemoryCheck = memoryCheckInterval
  #checkedState = 0
  #filled = false
  #emitted = 0
  readonly #writer = new BsonWriter()
  bytes: Uint8Array
  start = 0
  end = 0

  constructor(input: Stage, run: PipelineRun, grouping: Grouping) {
    this.#input = input
    this.#run = run
    const compiler = new ExpressionCompiler()
    this.#id = compiler.compile(grouping.id)
    this.#values = grouping.fields.map(({ expression }) => compiler.compile(expression))
    this.#context = compiler.context(run.nowMs)
    this.#accumulators = grouping.fields.map(({ accumulator }) => accumulator)
    this.#names = grouping.fields.map(({ name }) => name)
    this.bytes = input.bytes
  }

  step(): Step {
    if (!this.#filled) {
      const answer = this.#fill()
      if (answer === step.pause) return answer
      this.#filled = true
    }
    if (this.#emitted === this.#ids.length) return step.end
    this.#emit(this.#emitted++)
    return step.row
  }

  #fill(): Step {
    const input = this.#input
    for (;;) {
      const answer = input.step()
      if (answer !== step.row) return answer
      this.#add(input.bytes, input.start, input.end)
    }
  }

  #add(bytes: Uint8Array, start: number, end: number): void {
    const context = this.#context
    const key = this.#key
    context.reset(bytes, start, end)
    let id = this.#id(context)
    if (id === missing) id = nullValue
    key.reset()
    encodeKey(key, id.type, id.bytes, id.start)
    const group = this.#table.numberOf(key.bytes, key.length)
    if (group === this.#ids.length) this.#open(id)
    const values = this.#values
    const count = values.length
    const states = this.#states
    const first = group * count
    for (let i = 0; i < count; i++) states[first + i]!.add(values[i]!(context))
    if (--this.#untilMemoryCheck === 0) this.#checkMemory()
  }

  #open(id: Value): void {
    this.#ids.push(copyOf(id))
    this.#idBytes += id.end - id.start
    for (const accumulator of this.#accumulators) this.#states.push(accumulator.open())
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
    const used = this.#table.usedBytes + this.#idBytes + this.#ids.length * 64 + this.#stateBytes
    if (used > this.#run.memoryLimitBytes) {
      throw new DatabaseError(
        'QueryExceededMemoryLimitNoDiskUseAllowed',
        `Exceeded memory limit for $group, but didn't allow external sort. Pass allowDiskUse:true to opt in.`,
      )
    }
  }

  #emit(group: number): void {
    const writer = this.#writer
    const names = this.#names
    writer.reset()
    writer.beginDocument()
    writer.value('_id', this.#ids[group]!)
    for (let i = 0; i < names.length; i++) {
      writer.value(names[i]!, this.#states[group * names.length + i]!.result())
    }
    writer.end()
    this.bytes = writer.bytes
    this.end = writer.length
  }

  close(): void {
    this.#input.close()
  }
}
