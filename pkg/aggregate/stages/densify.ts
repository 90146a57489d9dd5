import { DatabaseError } from '../../base/errors.ts'
import { encodeKey, KeyWriter } from '../../bson/key.ts'
import { addNumbers, wholeNumberOf } from '../../bson/number.ts'
import { compareValues } from '../../bson/order.ts'
import { bsonType, typeAlias } from '../../bson/type.ts'
import {
  dateValue,
  documentFields,
  doubleValue,
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
import { rootPath } from '../../expression/source.ts'
import type { Sorter } from '../../query/sort/sorter.ts'
import { copyOf } from '../accumulators/accumulator.ts'
import { FieldSetter } from '../field-setter.ts'
import { repeat, repeatable } from '../repeatable.ts'
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
      'FailedToParse',
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
  const parsedRange = parseRange(range)
  const partitionBy = partitionFields(given.get('partitionByFields'))
  const path = readString(field.bytes, field.start)
  splitFieldPath(path)
  if (parsedRange.bounds === 'partition' && partitionBy.length === 0) {
    throw new DatabaseError(
      5733408,
      "One cannot specify the bounds as 'partition' without specifying a non-empty array of partitionByFields",
    )
  }
  for (const each of partitionBy) {
    if (each === path || each.startsWith(`${path}.`) || path.startsWith(`${each}.`)) {
      throw new DatabaseError(8993000, 'BSON field partitionByFields and field must not overlap')
    }
  }
  return { field: path, partitionBy, ...parsedRange }
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

function parseRange(range: Value): Pick<Densifying, 'distance' | 'unit' | 'bounds'> {
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
  if (!(isNumber(distance.type) && numberOf(distance) > 0))
    throw new DatabaseError(
      5733401,
      'The step parameter in a range statement must be a strictly positive numeric value',
    )
  const unitValue = given.get('unit')
  if (unitValue !== undefined && wholeNumberOf(distance) === undefined) {
    throw new DatabaseError(
      6586400,
      'The step parameter in a range statement must be a whole number when densifying a date range',
    )
  }
  const unit = unitValue === undefined ? undefined : unitOf(unitValue)
  if (bounds.type === bsonType.string) {
    const text = readString(bounds.bytes, bounds.start)
    if (text !== 'full' && text !== 'partition') {
      throw new DatabaseError(5946802, "Bounds string must either be 'full' or 'partition'")
    }
    return { distance, unit, bounds: text }
  }
  if (bounds.type !== bsonType.array) {
    throw new DatabaseError(
      5733404,
      "The bounds in a range statement must be 'full', 'partition', or an ascending array of two numbers or two dates",
    )
  }
  return { distance, unit, bounds: explicitBounds(bounds, distance, unit) }
}

/** Errors: 5733403, 5733402, 5733409, 5733406, 5876900, 5733405, 5733410 and 5946800 for what does not go together. */
function explicitBounds(bounds: Value, distance: Value, unit: TimeUnit | undefined): readonly [Value, Value] {
  const [low, high, third] = documentFields(bounds.bytes, bounds.start)
  if (low === undefined || high === undefined || third !== undefined)
    throw new DatabaseError(5733403, 'A bounding array in a range statement must have exactly two elements')
  if (compare(low, high) > 0)
    throw new DatabaseError(5733402, 'A bounding array must be an ascending array of either two dates or two numbers')
  if (isNumber(low.type)) {
    if (unit !== undefined) throw new DatabaseError(5733409, 'Numeric bounds may not have unit parameter')
    if (!isNumber(high.type)) throw mixedBounds(5733406)
    if (low.type !== high.type || low.type !== distance.type)
      throw new DatabaseError(5876900, 'Upper bound, lower bound, and step must all have the same type')
  } else if (low.type === bsonType.date) {
    if (high.type !== bsonType.date) throw mixedBounds(5733405)
    if (unit === undefined) throw new DatabaseError(5733410, 'A bounding array of dates must specify a unit')
  } else throw new DatabaseError(5946800, 'Explicit bounds must be numeric or dates')
  return [low, high]
}

function mixedBounds(code: number): DatabaseError {
  return new DatabaseError(code, 'A bounding array must contain either both dates or both numeric types')
}

function compare(a: Value, b: Value): number {
  return compareValues(a.type, a.bytes, a.start, b.type, b.bytes, b.start)
}

/** Documents with the same values of `partitionByFields`. */
interface Partition {
  /** Of the fields that it goes by, from its first document. */
  readonly values: readonly Value[]
  /** The next step: what lies before it has been there or has been made. */
  next: Value
}

/** About what a partition takes beside its key and values. */
const partitionBytes = 200

/**
 * Makes the steps that are missing before each document, and those after the last document of each partition at the end. Each step is
 * that before it and the distance: months and doubles add up as MongoDB's do.
 */
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
  /** The document that the sorter rests on and that has not been given yet; its partition, when it has a value. */
  #pending = false
  #of: Partition | undefined
  /** By their keys, in the order in which they came. */
  readonly #partitions = new Map<string, Partition>()
  #partitionsBytes = 0
  /** Those whose last steps are still to be made, once there are no more documents. */
  #unended: IterableIterator<Partition> | undefined
  #ending: Partition | undefined
  #made = 0
  /** The sorter rests on a document whose partition is not known yet. */
  #isDue = false

  constructor(input: Stage, run: PipelineRun, densifying: Densifying) {
    super(repeatable(input, run))
    this.#densifying = densifying
    this.#run = run
    this.#order = run.order
    const compiler = new ExpressionCompiler()
    const pathOf = (path: string): Evaluate => compiler.compile(rootPath(path.split('.')))
    this.#value = pathOf(densifying.field)
    this.#partition = densifying.partitionBy.map(pathOf)
    this.#context = run.allowDetours(run.context(compiler), () => {
      // What has been sorted is at hand.
      if (!this.#filled) repeat(this.input, run)
    })
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
    if (this.#unended !== undefined) return this.#end()
    if (!this.#pending) {
      if (!this.#isDue && !this.#sorter.next()) {
        this.#beginEnd()
        return this.#end()
      }
      this.#isDue = true
      this.#of = this.#partitionOf()
      this.#isDue = false
      this.#pending = true
    }
    const partition = this.#of
    if (partition !== undefined) {
      const value = this.#currentValue()
      const order = compare(partition.next, value)
      if (order < 0 && this.#isWithin(partition.next)) {
        // Under a collation documents of a partition may differ in what it goes by: that of the next one is taken.
        this.#make(partition, this.#order === simpleOrder ? partition.values : this.#partitionValues())
        return step.row
      }
      if (order === 0) partition.next = this.#after(copyOf(value))
    }
    const { document, documentStart, documentEnd } = this.#sorter
    this.#pending = false
    this.show(document, documentStart, documentEnd)
    return step.row
  }

  /** Where there are no documents there is one partition, unless fields tell which there are. */
  #beginEnd(): void {
    const { bounds } = this.#densifying
    if (this.#partitions.size === 0 && this.#partition.length === 0 && typeof bounds !== 'string')
      this.#partitions.set('', { values: [], next: bounds[0] })
    this.#unended = bounds === 'partition' ? [].values() : this.#partitions.values()
  }

  /** The steps after the last documents. */
  #end(): Step {
    for (;;) {
      const partition = this.#ending
      if (partition !== undefined && this.#isWithin(partition.next)) {
        this.#make(partition, partition.values)
        return step.row
      }
      const { value, done } = this.#unended!.next()
      if (done === true) return step.end
      this.#ending = value
    }
  }

  #fill(): Step {
    const { input } = this
    const key = this.#key
    for (;;) {
      const answer = input.step()
      if (answer !== step.row) return answer
      this.#context.reset(input.bytes, input.start, input.end)
      key.reset()
      // With the bounds of all, partitions are walked side by side.
      if (this.#densifying.bounds !== 'full') this.#writePartitionKey()
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

  /** Of the document that the context is on. */
  #writePartitionKey(): void {
    for (const evaluate of this.#partition) {
      const value = evaluate(this.#context)
      const keyed = value === missing ? nullValue : value
      this.#order.encodeKey(this.#key, keyed.type, keyed.bytes, keyed.start)
    }
  }

  /** That of the pending document; undefined when it has no value. Errors: 6007200. */
  #partitionOf(): Partition | undefined {
    const value = this.#currentValue()
    if (isNullish(value)) return undefined
    this.#key.reset()
    this.#writePartitionKey()
    const key = String.fromCharCode(...this.#key.bytes.subarray(0, this.#key.length))
    const known = this.#partitions.get(key)
    if (known !== undefined) return known
    const { bounds } = this.#densifying
    const next = bounds === 'partition' ? copyOf(value) : bounds === 'full' ? this.#least! : bounds[0]
    const partition = { values: this.#partitionValues(), next }
    this.#partitions.set(key, partition)
    this.#partitionsBytes += partitionBytes + 2 * key.length
    if (this.#partitionsBytes > this.#run.memoryLimitBytes)
      throw new DatabaseError(6007200, `$densify exceeded its memory limit of ${this.#run.memoryLimitBytes} bytes`)
    return partition
  }

  #partitionValues(): Value[] {
    return this.#partition.map((evaluate) => {
      const value = evaluate(this.#context)
      return value === missing ? missing : copyOf(value)
    })
  }

  #currentValue(): Value {
    const { document, documentStart, documentEnd } = this.#sorter
    this.#context.reset(document, documentStart, documentEnd)
    return this.#value(this.#context)
  }

  /** Whether a step is one to make: those up to the greatest value, or below the upper bound. */
  #isWithin(value: Value): boolean {
    const { bounds } = this.#densifying
    if (bounds === 'partition') return true
    return bounds === 'full' ? compare(value, this.#greatest!) <= 0 : compare(value, bounds[1]) < 0
  }

  #after(value: Value): Value {
    const { distance, unit } = this.#densifying
    if (unit !== undefined)
      return dateValue(addUnits(readInt64Number(value.bytes, value.start), numberOf(distance), unit))
    return addNumbers(value, distance) ?? doubleValue(numberOf(value) + numberOf(distance))
  }

  /** Makes a document of the partition's next step. */
  #make(partition: Partition, partitionValues: readonly Value[]): void {
    if (++this.#made > madeMax) {
      throw new DatabaseError(5897900, `Generated ${madeMax} documents in $densify, which is over the limit`)
    }
    const { values } = this.#setter
    partitionValues.forEach((each, i) => {
      values[i] = each
    })
    values[values.length - 1] = partition.next
    partition.next = this.#after(partition.next)
    this.showWritten(this.#setter.set(emptyDocument, 0, emptyDocument.length))
  }

  override close(): void {
    this.#sorter.close()
    super.close()
  }
}

const emptyDocument = new Uint8Array([5, 0, 0, 0, 0])
