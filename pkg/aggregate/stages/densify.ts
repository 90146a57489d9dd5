import { DatabaseError } from '../../base/errors.ts'
import { encodeKey, KeyWriter } from '../../bson/key.ts'
import { addNumbers, multiplyNumbers, wholeNumberOf } from '../../bson/number.ts'
import { compareValues } from '../../bson/order.ts'
import { bsonType, typeAlias } from '../../bson/type.ts'
import {
  dateValue,
  documentFields,
  doubleValue,
  int64Value,
  isNumber,
  nullValue,
  numberOf,
  readInt64Number,
  readString,
  type Value,
} from '../../bson/value.ts'
import { simpleOrder, type ValueOrder } from '../../bson/value-order.ts'
import { ExpressionCompiler } from '../../expression/compile.ts'
import type { EvaluationContext } from '../../expression/context.ts'
import { type Evaluate, isNullish, missing } from '../../expression/expression.ts'
import { splitFieldPath } from '../../expression/field-path.ts'
import type { Sorter } from '../../query/sort/sorter.ts'
import { copyOf } from '../accumulators/accumulator.ts'
import { FieldSetter } from '../field-setter.ts'
import { type PipelineRun, type Stage, type StageDefinition, type Step, step } from '../stage.ts'
import { unitOf } from '../window/frame.ts'
import { addUnits, type TimeUnit } from '../window/time-unit.ts'
import { PassingStage } from './passing.ts'

interface Densifying {
  readonly field: string
  readonly partitionBy: readonly string[]
  readonly distance: Value
  readonly unit: TimeUnit | undefined
  readonly bounds: 'full' | 'partition' | readonly [Value, Value]
}

/** Documents made at most. */
const madeMax = 500_000

/** `{$densify: {field, partitionByFields, range: {step, unit, bounds}}}`: adds documents where a field's values leave gaps. */
export const densify: StageDefinition = {
  name: '$densify',
  parse(operand) {
    const densifying = parseDensifying(operand)
    return { name: '$densify', open: (input, run) => new Densify(input, run, densifying) }
  },
}

function parseDensifying(operand: Value): Densifying {
  if (operand.type !== bsonType.document) {
    throw new DatabaseError(
      5733401,
      `The $densify stage specification must be an object, found ${typeAlias(operand.type)}`,
    )
  }
  const given = new Map<string, Value>()
  for (const part of documentFields(operand.bytes, operand.start)) {
    if (part.name !== 'field' && part.name !== 'partitionByFields' && part.name !== 'range') {
      throw new DatabaseError('UnknownField', `BSON field '$densify.${part.name}' is an unknown field.`)
    }
    given.set(part.name, part)
  }
  const field = given.get('field')
  const range = given.get('range')
  if (field === undefined) throw missingField('field')
  if (range === undefined) throw missingField('range')
  if (field.type !== bsonType.string) throw wrongType('field', field, 'string')
  if (range.type !== bsonType.document) throw wrongType('range', range, 'object')
  const path = readString(field.bytes, field.start)
  splitFieldPath(path)
  const partitionBy = partitionFields(given.get('partitionByFields'))
  for (const each of partitionBy) {
    if (each === path || each.startsWith(`${path}.`) || path.startsWith(`${each}.`)) {
      throw new DatabaseError(8993000, 'BSON field partitionByFields and field must not overlap')
    }
  }
  return { field: path, partitionBy, ...parseRange(range, partitionBy.length > 0) }
}

function missingField(name: string): DatabaseError {
  return new DatabaseError('MissingField', `BSON field '$densify.${name}' is missing but a required field`)
}

function wrongType(name: string, value: Value, expected: string): DatabaseError {
  return new DatabaseError(
    'TypeMismatch',
    `BSON field '$densify.${name}' is the wrong type '${typeAlias(value.type)}', expected type '${expected}'`,
  )
}

function partitionFields(value: Value | undefined): string[] {
  if (value === undefined) return []
  if (value.type !== bsonType.array) throw wrongType('partitionByFields', value, 'array')
  return [...documentFields(value.bytes, value.start)].map((element) => {
    if (element.type !== bsonType.string) throw wrongType('partitionByFields', element, 'string')
    const path = readString(element.bytes, element.start)
    splitFieldPath(path)
    return path
  })
}

function parseRange(range: Value, partitioned: boolean): Pick<Densifying, 'distance' | 'unit' | 'bounds'> {
  const given = new Map<string, Value>()
  for (const part of documentFields(range.bytes, range.start)) {
    if (part.name !== 'step' && part.name !== 'unit' && part.name !== 'bounds') {
      throw new DatabaseError('UnknownField', `BSON field '$densify.range.${part.name}' is an unknown field.`)
    }
    given.set(part.name, part)
  }
  const distance = given.get('step')
  const bounds = given.get('bounds')
  if (distance === undefined) throw missingField('range.step')
  if (bounds === undefined) throw missingField('range.bounds')
  if (!isNumber(distance.type)) throw wrongType('range.step', distance, 'number')
  if (!(numberOf(distance) > 0))
    throw new DatabaseError(
      5733401,
      'the step parameter in a range statement must be a strictly positive numeric value',
    )
  const unitValue = given.get('unit')
  const unit = unitValue === undefined ? undefined : unitOf(unitValue)
  if (unit !== undefined && wholeNumberOf(distance) === undefined) {
    throw new DatabaseError(
      6586400,
      'The step parameter in a range statement must be a whole number when densifying a date range',
    )
  }
  if (bounds.type === bsonType.string) {
    const text = readString(bounds.bytes, bounds.start)
    if (text !== 'full' && text !== 'partition') {
      throw new DatabaseError(5946802, "Bounds string must either be 'full' or 'partition'")
    }
    if (text === 'partition' && !partitioned) {
      throw new DatabaseError(
        5733408,
        "one may not specify the bounds as 'partition' without specifying a non-empty array of partitionByFields",
      )
    }
    return { distance, unit, bounds: text }
  }
  const [low, high, third] = bounds.type === bsonType.array ? [...documentFields(bounds.bytes, bounds.start)] : []
  if (low === undefined || high === undefined || third !== undefined) {
    throw new DatabaseError(5733403, 'a bounding array in a range statement must have exactly two elements')
  }
  const dates = low.type === bsonType.date && high.type === bsonType.date
  if (!dates && !(isNumber(low.type) && isNumber(high.type))) {
    throw new DatabaseError(5733402, 'a bounding array must be an ascending array of either two dates or two numbers')
  }
  if (dates !== (unit !== undefined)) {
    throw new DatabaseError(5733501, 'a unit must be given with bounds that are dates, and only then')
  }
  if (compare(low, high) > 0) {
    throw new DatabaseError(5733402, 'the bounds in a range statement must be in ascending order')
  }
  return { distance, unit, bounds: [low, high] }
}

function compare(a: Value, b: Value): number {
  return compareValues(a.type, a.bytes, a.start, b.type, b.bytes, b.start)
}

class Densify extends PassingStage {
  readonly #densifying: Densifying
  readonly #run: PipelineRun
  readonly #order: ValueOrder
  readonly #value: Evaluate
  readonly #partition: readonly Evaluate[]
  readonly #context: EvaluationContext
  readonly #sorter: Sorter
  readonly #key = new KeyWriter()
  readonly #setter: FieldSetter
  #filled = false
  #least: Value | undefined
  #greatest: Value | undefined
  /** The document that the sorter rests on and that has not been given yet. */
  #pending = false
  #ended = false
  #partitionKey: Uint8Array | undefined
  #partitionValues: Value[] = []
  /** Where the steps of the partition begin, and which comes next; undefined: none do. */
  #base: Value | undefined
  #steps = 0
  /** Steps after the last document go up to here. */
  #until: { readonly value: Value; readonly inclusive: boolean } | undefined
  #made = 0

  constructor(input: Stage, run: PipelineRun, densifying: Densifying) {
    super(input)
    this.#densifying = densifying
    this.#run = run
    this.#order = run.order
    const compiler = new ExpressionCompiler()
    const pathOf = (path: string): Evaluate => compiler.compile({ kind: 'path', variable: 0, names: path.split('.') })
    this.#value = pathOf(densifying.field)
    this.#partition = densifying.partitionBy.map(pathOf)
    this.#context = run.context(compiler)
    this.#sorter = run.sorter()
    this.#setter = new FieldSetter([...densifying.partitionBy, densifying.field], run)
  }

  step(): Step {
    if (!this.#filled) {
      const answer = this.#fill()
      if (answer === step.pause) return answer
      this.#filled = true
    }
    // Steps that are made ask no input, and what was sorted is at hand.
    if (this.#run.turnIsOver()) return step.pause
    for (;;) {
      if (!this.#pending && !this.#ended) {
        this.#pending = this.#sorter.next()
        this.#ended = !this.#pending
      }
      if (this.#ended || this.#beginsPartition()) {
        // What is left of the partition before.
        if (this.#emitUntil()) return step.row
        if (this.#ended) return step.end
        this.#beginPartition()
      }
      const value = this.#currentValue()
      if (isNullish(value)) return this.#emitPending()
      if (this.#emitBefore(value)) return step.row
      return this.#emitPending()
    }
  }

  #fill(): Step {
    const { input } = this
    const key = this.#key
    for (;;) {
      const answer = input.step()
      if (answer !== step.row) return answer
      key.reset()
      this.#writePartitionKey(input.bytes, input.start, input.end)
      const value = this.#value(this.#context)
      this.#check(value)
      const sorted = value === missing ? nullValue : value
      encodeKey(key, sorted.type, sorted.bytes, sorted.start)
      this.#sorter.add(key.bytes, key.length, 0, input.bytes, input.start, input.end)
    }
  }

  /** Errors: 5733201 for what is neither number nor date, 6053600 for a number or a date where the other is meant. */
  #check(value: Value): void {
    if (isNullish(value)) return
    const isDate = value.type === bsonType.date
    if (!isDate && !isNumber(value.type)) {
      throw new DatabaseError(5733201, 'Densify field type must be numeric or a date')
    }
    const { unit } = this.#densifying
    if (isDate !== (unit !== undefined)) {
      throw new DatabaseError(6053600, 'Encountered a value of another type than the step of $densify')
    }
    if (this.#least === undefined || compare(value, this.#least) < 0) this.#least = copyOf(value)
    if (this.#greatest === undefined || compare(value, this.#greatest) > 0) this.#greatest = copyOf(value)
  }

  #writePartitionKey(bytes: Uint8Array, start: number, end: number): void {
    this.#context.reset(bytes, start, end)
    for (const evaluate of this.#partition) {
      const value = evaluate(this.#context)
      const keyed = value === missing ? nullValue : value
      this.#order.encodeKey(this.#key, keyed.type, keyed.bytes, keyed.start)
    }
  }

  #beginsPartition(): boolean {
    const { document, documentStart, documentEnd } = this.#sorter
    const key = this.#key.reset()
    this.#writePartitionKey(document, documentStart, documentEnd)
    const before = this.#partitionKey
    if (before?.length !== key.length) return true
    for (let i = 0; i < key.length; i++) if (before[i] !== key.bytes[i]) return true
    return false
  }

  #beginPartition(): void {
    this.#partitionKey = this.#key.bytes.slice(0, this.#key.length)
    this.#takePartitionValues()
    const { bounds } = this.#densifying
    this.#steps = 0
    this.#until = undefined
    if (bounds === 'partition') this.#base = undefined
    else if (bounds === 'full') {
      this.#base = this.#least
      if (this.#greatest !== undefined) this.#until = { value: this.#greatest, inclusive: true }
    } else {
      this.#base = bounds[0]
      this.#until = { value: bounds[1], inclusive: false }
    }
  }

  #takePartitionValues(): void {
    this.#partitionValues = this.#partition.map((evaluate) => {
      const value = evaluate(this.#context)
      return value === missing ? missing : copyOf(value)
    })
  }

  #currentValue(): Value {
    const { document, documentStart, documentEnd } = this.#sorter
    this.#context.reset(document, documentStart, documentEnd)
    return this.#value(this.#context)
  }

  #emitPending(): Step {
    const { document, documentStart, documentEnd } = this.#sorter
    this.#pending = false
    this.show(document, documentStart, documentEnd)
    return step.row
  }

  /** Makes a document for the next step when that lies before `value`. */
  #emitBefore(value: Value): boolean {
    if (this.#base === undefined) {
      this.#base = copyOf(value)
      this.#steps = 0
    }
    const next = this.#stepValue()
    const order = compare(next, value)
    if (order < 0 && this.#isWithin(next)) {
      // Under a collation documents of a partition may differ in what it goes by: that of the next one is taken.
      if (this.#order !== simpleOrder) this.#takePartitionValues()
      this.#make(next)
      return true
    }
    if (order === 0) this.#steps++
    return false
  }

  #emitUntil(): boolean {
    if (this.#base === undefined || this.#until === undefined || this.#partitionKey === undefined) return false
    const next = this.#stepValue()
    if (!this.#isWithin(next)) return false
    this.#make(next)
    return true
  }

  #isWithin(value: Value): boolean {
    if (this.#until === undefined) return true
    const order = compare(value, this.#until.value)
    return this.#until.inclusive ? order <= 0 : order < 0
  }

  #stepValue(): Value {
    const { distance, unit } = this.#densifying
    const base = this.#base!
    if (unit !== undefined) {
      return dateValue(addUnits(readInt64Number(base.bytes, base.start), numberOf(distance) * this.#steps, unit))
    }
    if (this.#steps === 0) return base
    const moved = multiplyNumbers(distance, int64Value(this.#steps))
    const sum = moved && addNumbers(base, narrowed(moved, distance))
    return sum ?? doubleValue(numberOf(base) + numberOf(distance) * this.#steps)
  }

  #make(value: Value): void {
    if (++this.#made > madeMax) {
      throw new DatabaseError(5897900, `Generated ${madeMax} documents in $densify, which is over the limit`)
    }
    this.#steps++
    const { values } = this.#setter
    this.#partitionValues.forEach((each, i) => {
      values[i] = each
    })
    values[values.length - 1] = value
    this.showWritten(this.#setter.set(emptyDocument, 0, emptyDocument.length))
  }

  override close(): void {
    this.#sorter.close()
    super.close()
  }
}

/** A product of int32 and int64 as an int32 where both its factors were meant to be one. */
function narrowed(product: Value, distance: Value): Value {
  if (distance.type !== bsonType.int32 || product.type !== bsonType.int64) return product
  const n = numberOf(product)
  if (n !== (n | 0)) return product
  const bytes = new Uint8Array(4)
  new DataView(bytes.buffer).setInt32(0, n, true)
  return { type: bsonType.int32, bytes, start: 0, end: 4 }
}

const emptyDocument = new Uint8Array([5, 0, 0, 0, 0])
