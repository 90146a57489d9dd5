import { DatabaseError } from '../../base/errors.ts'
import { decimal128Bytes } from '../../bson/decimal128.ts'
import { KeyWriter } from '../../bson/key.ts'
import { wholeInt64Of } from '../../bson/number.ts'
import { bsonType, typeAlias } from '../../bson/type.ts'
import {
  decimal128Value,
  documentFields,
  doubleValue,
  int32Value,
  int64Value,
  isNumber,
  nullValue,
  numberOf,
  readString,
  type Value,
} from '../../bson/value.ts'
import { BsonWriter } from '../../bson/writer.ts'
import type { GivenMetadata } from '../../expression/available-metadata.ts'
import { ExpressionCompiler } from '../../expression/compile.ts'
import type { EvaluationContext } from '../../expression/context.ts'
import { type Evaluate, type Expression, missing } from '../../expression/expression.ts'
import { shownType } from '../../expression/operators/shown-type.ts'
import { parseExpression } from '../../expression/parse.ts'
import type { Scope } from '../../expression/scope.ts'
import type { Sorter } from '../../query/sort/sorter.ts'
import { type Accumulation, copyOf } from '../accumulators/accumulator.ts'
import { sum } from '../accumulators/sum.ts'
import { CarriedMetadata, givenMetadata } from '../carried-metadata.ts'
import type { GroupField } from '../grouping.ts'
import { repeat, repeatable } from '../repeatable.ts'
import { type PipelineRun, type Stage, type StageDefinition, type Step, step } from '../stage.ts'
import { decimalOfNeighbour, doubleOf, type Granularity, granularities } from './granularity.ts'
import { parseFields } from './group.ts'
import { PassingStage } from './passing.ts'

interface Bucketing {
  readonly groupBy: Expression
  readonly buckets: number
  readonly granularity: { readonly name: string; readonly rounding: Granularity } | undefined
  readonly fields: readonly GroupField[]
  /** Metadata of its documents, which its expressions may name. */
  readonly carried: readonly GivenMetadata[]
}

/** `{$bucketAuto: {groupBy, buckets, output?, granularity?}}`: groups of about equal size along the order of a value. */
export const bucketAuto: StageDefinition = {
  name: '$bucketAuto',
  parse(operand, { scope }) {
    const bucketing = parseBucketing(operand, scope)
    return { name: '$bucketAuto', makesDocuments: true, open: (input, run) => new BucketAuto(input, run, bucketing) }
  },
}

function parseBucketing(operand: Value, scope: Scope): Bucketing {
  if (operand.type !== bsonType.document) {
    throw new DatabaseError(
      40240,
      `The argument to $bucketAuto must be an object, but found type: ${typeAlias(operand.type)}.`,
    )
  }
  let groupBy: Expression | undefined
  let buckets: number | undefined
  let granularity: Bucketing['granularity']
  let fields: GroupField[] = []
  for (const field of documentFields(operand.bytes, operand.start)) {
    switch (field.name) {
      case 'groupBy':
        groupBy = groupByOf(field, scope)
        break
      case 'buckets':
        buckets = bucketCountOf(field)
        break
      case 'output':
        if (field.type !== bsonType.document) {
          throw new DatabaseError(
            40244,
            `The $bucketAuto 'output' field must be an object, but found type: ${typeAlias(field.type)}.`,
          )
        }
        fields = parseFields(field, scope)
        break
      case 'granularity':
        granularity = granularityOf(field)
        break
      default:
        throw new DatabaseError(40245, `Unrecognized option to $bucketAuto: ${field.name}.`)
    }
  }
  if (groupBy === undefined || buckets === undefined) {
    throw new DatabaseError(40246, "$bucketAuto requires 'groupBy' and 'buckets' to be specified.")
  }
  if (fields.length === 0)
    fields = [{ name: 'count', accumulator: sum.parse(int32Value(1), scope), operator: sum.name }]
  return { groupBy, buckets, granularity, fields, carried: givenMetadata(scope) }
}

function groupByOf(value: Value, scope: Scope): Expression {
  const isExpression =
    value.type === bsonType.document ||
    (value.type === bsonType.string && readString(value.bytes, value.start).startsWith('$'))
  if (!isExpression) {
    throw new DatabaseError(
      40239,
      "The $bucketAuto 'groupBy' field must be defined as a $-prefixed path or an expression object",
    )
  }
  return parseExpression(value, scope)
}

function bucketCountOf(value: Value): number {
  if (!isNumber(value.type)) {
    throw new DatabaseError(
      40241,
      `The $bucketAuto 'buckets' field must be a numeric value, but found type: ${typeAlias(value.type)}.`,
    )
  }
  const whole = wholeInt64Of(value)
  if (whole === undefined || whole > 0x7fffffffn || whole < -0x80000000n) {
    throw new DatabaseError(40242, "The $bucketAuto 'buckets' field must be representable as a 32-bit integer")
  }
  if (whole <= 0n) throw new DatabaseError(40243, "The $bucketAuto 'buckets' field must be greater than 0")
  return Number(whole)
}

function granularityOf(value: Value): NonNullable<Bucketing['granularity']> {
  if (value.type !== bsonType.string) {
    throw new DatabaseError(
      40261,
      `The $bucketAuto 'granularity' field must be a string, but found type: ${typeAlias(value.type)}.`,
    )
  }
  const name = readString(value.bytes, value.start)
  const rounding = granularities.get(name)
  if (rounding === undefined) throw new DatabaseError(40257, `Unknown rounding granularity '${name}'`)
  return { name, rounding }
}

class BucketAuto extends PassingStage {
  readonly #run: PipelineRun
  readonly #bucketing: Bucketing
  readonly #groupBy: Evaluate
  readonly #values: readonly Evaluate[]
  readonly #context: EvaluationContext
  /** By field: `n` of `$firstN` and kin. */
  readonly #initials: readonly (Evaluate | undefined)[]
  readonly #initialContext: EvaluationContext
  /** Documents are sorted with what is known of them. */
  readonly #carried: CarriedMetadata | undefined
  readonly #sorter: Sorter
  readonly #key = new KeyWriter()
  readonly #writer = new BsonWriter()
  #count = 0
  #filled = false
  /** Whether the sorter rests on a document that is in no bucket yet, and the value of that, once it is known. */
  #hasNext = false
  #nextIsKnown = false
  #next: Value = nullValue
  /** Of that document: how many fields of the bucket have taken it in. */
  #taken = 0
  #begun = 0
  /** Of the bucket that is being filled: undefined between two. */
  #bucket: Bucket | undefined
  /** The last bucket's upper boundary, when they are rounded. */
  #boundary: Value | undefined

  constructor(input: Stage, run: PipelineRun, bucketing: Bucketing) {
    super(repeatable(input, run))
    this.#run = run
    this.#bucketing = bucketing
    const compiler = new ExpressionCompiler()
    this.#groupBy = compiler.compile(bucketing.groupBy)
    this.#values = bucketing.fields.map(({ accumulator }) => compiler.compile(accumulator.expression))
    this.#context = run.allowDetours(run.context(compiler), () => {
      // The sorter rests on its document as long as that is not done with.
      if (!this.#filled) repeat(this.input, run)
    })
    const { carried } = bucketing
    this.#carried = carried.length === 0 ? undefined : new CarriedMetadata(carried)
    this.#context.metadata = (name) => (this.#filled ? this.#carried?.get(name) : this.input.metadata?.(name))
    const initialCompiler = new ExpressionCompiler()
    this.#initials = bucketing.fields.map(({ accumulator: { initial } }) => initial && initialCompiler.compile(initial))
    this.#initialContext = run.allowDetours(run.context(initialCompiler), () => undefined)
    this.#sorter = run.sorter()
  }

  get spilledBytes(): number {
    return this.#sorter.spilledBytes
  }

  step(): Step {
    if (!this.#filled) {
      const answer = this.#fill()
      if (answer === step.pause) return answer
      this.#filled = true
      this.#advance()
    }
    this.#learnNext()
    if (this.#bucket === undefined) {
      if (!this.#hasNext) return step.end
      this.#bucket = this.#beginBucket()
    }
    while (this.#hasNext && this.#belongs(this.#bucket)) {
      this.#take(this.#bucket)
      if (this.#run.turnIsOver()) return step.pause
      this.#learnNext()
    }
    this.#emit(this.#bucket)
    this.#bucket = undefined
    return step.row
  }

  #fill(): Step {
    const { input } = this
    const key = this.#key
    for (;;) {
      const answer = input.step()
      if (answer !== step.row) return answer
      this.#context.reset(input.bytes, input.start, input.end)
      const value = this.#evaluate()
      this.#refuseUnfit(value)
      this.#run.order.encodeKey(key.reset(), value.type, value.bytes, value.start)
      const { bytes, start, end } = input
      const packed = this.#carried?.pack(bytes, start, end, (name) => input.metadata?.(name))
      if (packed === undefined) this.#sorter.add(key.bytes, key.length, 0, bytes, start, end)
      else this.#sorter.add(key.bytes, key.length, 0, packed.bytes, 0, packed.length)
      this.#count++
    }
  }

  /** The context is on the document that the sorter rests on from now on. */
  #showSorted(): void {
    const { document, documentStart, documentEnd } = this.#sorter
    const unpacked = this.#carried?.unpack(document, documentStart, documentEnd)
    if (unpacked === undefined) this.#context.reset(document, documentStart, documentEnd)
    else this.#context.reset(unpacked.bytes, 0, unpacked.length)
  }

  #evaluate(): Value {
    const value = this.#groupBy(this.#context)
    return value === missing ? nullValue : value
  }

  #refuseUnfit(value: Value): void {
    const { granularity } = this.#bucketing
    if (granularity === undefined) return
    if (!isNumber(value.type)) {
      throw new DatabaseError(
        40258,
        `$bucketAuto can specify a 'granularity' with numeric boundaries only, but found a value with type: ${shownType(value)}`,
      )
    }
    const n = numberOf(value)
    if (Number.isNaN(n)) {
      throw new DatabaseError(
        40259,
        "$bucketAuto can specify a 'granularity' with numeric boundaries only, but found a NaN",
      )
    }
    if (n < 0) {
      throw new DatabaseError(40260, "$bucketAuto can specify a 'granularity' with non-negative numbers only")
    }
    if (n === Number.POSITIVE_INFINITY) {
      throw new DatabaseError(11785400, "$bucketAuto can specify a 'granularity' with finite numbers only")
    }
  }

  #advance(): void {
    this.#hasNext = this.#sorter.next()
    this.#nextIsKnown = false
    this.#taken = 0
  }

  #learnNext(): void {
    if (!this.#hasNext || this.#nextIsKnown) return
    this.#showSorted()
    this.#next = copyOf(this.#evaluate())
    this.#nextIsKnown = true
  }

  #beginBucket(): Bucket {
    const { buckets, fields, granularity } = this.#bucketing
    const context = this.#initialContext
    context.reset(emptyDocument, 0, emptyDocument.length)
    const states = fields.map(({ accumulator }, i) => accumulator.open(this.#initials[i]?.(context)))
    this.#begun++
    const size = Math.max(1, Math.round(this.#count / buckets))
    const least = this.#boundary ?? (granularity === undefined ? this.#next : this.#rounded(this.#next, 'down'))
    return {
      least,
      greatest: this.#next,
      size: this.#begun === buckets ? Number.POSITIVE_INFINITY : size,
      count: 0,
      states,
    }
  }

  /** Whether the next document goes into the bucket: it is not full, or the document's value is below its rounded boundary. */
  #belongs(bucket: Bucket): boolean {
    if (bucket.count < bucket.size) return true
    const { granularity } = this.#bucketing
    const next = this.#next
    const { greatest } = bucket
    if (granularity === undefined || numberOf(greatest) === 0) {
      return this.#run.order.equalValues(
        next.type,
        next.bytes,
        next.start,
        greatest.type,
        greatest.bytes,
        greatest.start,
      )
    }
    return numberOf(next) < doubleOf(granularity.rounding.up(numberOf(greatest)))
  }

  #take(bucket: Bucket): void {
    const context = this.#context
    this.#showSorted()
    const { states } = bucket
    for (let i = this.#taken; i < states.length; i++) {
      // What has been added stays when the rest has to wait for a value.
      this.#taken = i
      states[i]!.add(this.#values[i]!(context), context)
    }
    bucket.count++
    bucket.greatest = this.#next
    this.#advance()
  }

  /** The value's neighbour in the series of the granularity: of a decimal a decimal, a whole power of two stays an integer. 0 stays as it is. */
  #rounded(value: Value, direction: 'up' | 'down'): Value {
    const { name, rounding } = this.#bucketing.granularity!
    const from = numberOf(value)
    if (from === 0) return value
    const neighbour = rounding[direction](from)
    if (value.type === bsonType.decimal128)
      return decimal128Value(decimal128Bytes(decimalOfNeighbour(neighbour, rounding)))
    const n = doubleOf(neighbour)
    const whole = value.type === bsonType.int32 || value.type === bsonType.int64
    if (name !== 'POWERSOF2' || !whole || !Number.isInteger(n)) return doubleValue(n)
    return n <= 0x7fffffff ? int32Value(n) : int64Value(n)
  }

  #emit(bucket: Bucket): void {
    let { greatest } = bucket
    if (this.#bucketing.granularity !== undefined) {
      const isZero = numberOf(greatest) === 0
      if (!isZero) greatest = this.#rounded(greatest, 'up')
      else if (this.#hasNext) greatest = this.#rounded(this.#next, 'down')
      this.#boundary = greatest
    } else if (this.#hasNext) greatest = this.#next
    const writer = this.#writer.reset()
    writer.beginDocument()
    writer.beginDocument('_id')
    writer.value('min', bucket.least)
    writer.value('max', greatest)
    writer.end()
    this.#bucketing.fields.forEach(({ name }, i) => {
      writer.value(name, bucket.states[i]!.result())
    })
    writer.end()
    this.showWritten(writer)
  }

  override close(): void {
    this.#sorter.close()
    super.close()
  }
}

interface Bucket {
  readonly least: Value
  /** Of the values in it. */
  greatest: Value
  /** How many documents it takes before its boundary is looked at. */
  readonly size: number
  count: number
  readonly states: readonly Accumulation[]
}

const emptyDocument = new Uint8Array([5, 0, 0, 0, 0])
