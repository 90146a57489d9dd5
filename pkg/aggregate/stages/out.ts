import { DatabaseError } from '../../base/errors.ts'
import { bsonType, typeAlias } from '../../bson/type.ts'
import { documentFields, documentOf, isNumber, readString, type Value } from '../../bson/value.ts'
import { wholeNumberAt } from '../../bson/whole-number.ts'
import { WriteConflict } from '../../mvcc/write-conflict.ts'
import type { CollectionReplacement, Namespace } from '../host.ts'
import { type PipelineRun, type Stage, type StageContext, type StageDefinition, type Step, step } from '../stage.ts'
import { PassingStage } from './passing.ts'

interface Out {
  readonly target: Namespace
  readonly timeseries: Uint8Array | undefined
}

/** `{$out: collection}` or `{$out: {db, coll, timeseries}}`: replaces a collection. */
export const out: StageDefinition = {
  name: '$out',
  last: true,
  parse(operand, context) {
    const parsed = parseOut(operand, context)
    return { name: '$out', writes: true, open: (input, run) => new OutStage(input, run, parsed) }
  },
}

function parseOut(operand: Value, context: StageContext): Out {
  if (operand.type === bsonType.string) {
    const target = { database: context.database, collection: readString(operand.bytes, operand.start) }
    refuseSpecial(target)
    return { target, timeseries: undefined }
  }
  if (operand.type !== bsonType.document) {
    throw new DatabaseError(
      16990,
      `$out only supports a string or object argument, but found ${typeAlias(operand.type)}`,
    )
  }
  const texts = new Map<string, string>()
  let timeseries: Uint8Array | undefined
  for (const field of documentFields(operand.bytes, operand.start)) {
    const { name } = field
    if (name !== 'db' && name !== 'coll' && name !== 'timeseries') {
      throw new DatabaseError('UnknownField', `BSON field '$out.${name}' is an unknown field.`)
    }
    if (field.type === bsonType.null) continue
    const wanted = name === 'timeseries' ? bsonType.document : bsonType.string
    if (field.type !== wanted) throw wrongType(`$out.${name}`, field, typeAlias(wanted))
    if (name === 'timeseries') {
      checkTimeseries(field)
      timeseries = documentOf(field).slice()
    } else texts.set(name, readString(field.bytes, field.start))
  }
  for (const name of ['coll', 'db']) {
    if (!texts.has(name)) {
      throw new DatabaseError('MissingField', `BSON field '$out.${name}' is missing but a required field`)
    }
  }
  const target = { database: texts.get('db')!, collection: texts.get('coll')! }
  refuseSpecial(target)
  return { target, timeseries }
}

/** Errors: 17385 and 31321 for what belongs to the server itself. */
function refuseSpecial({ database, collection }: Namespace): void {
  if (collection.startsWith('system.')) {
    throw new DatabaseError(17385, `Can't $out to special collection: ${collection}`)
  }
  if (database === 'admin' || database === 'config' || database === 'local') {
    throw new DatabaseError(31321, `Can't $out to internal database: ${database}`)
  }
}

function wrongType(path: string, value: Value, expected: string): DatabaseError {
  return new DatabaseError(
    'TypeMismatch',
    `BSON field '${path}' is the wrong type '${typeAlias(value.type)}', expected type '${expected}'`,
  )
}

const spanMaxSeconds = 31_536_000
const granularities: ReadonlySet<string> = new Set(['seconds', 'minutes', 'hours'])

/** Checks the options of a time-series collection. */
function checkTimeseries(options: Value): void {
  const given = new Map<string, Value>()
  for (const field of documentFields(options.bytes, options.start)) {
    const { name } = field
    if (!timeseriesFields.has(name)) {
      throw new DatabaseError('UnknownField', `BSON field '$out.timeseries.${name}' is an unknown field.`)
    }
    if (field.type === bsonType.null) continue
    if (name.startsWith('bucket')) {
      if (!isNumber(field.type)) throw wrongType(`$out.timeseries.${name}`, field, 'int')
      const seconds = wholeNumberAt(field.type, field.bytes, field.start)
      if (!(seconds >= 1 && seconds <= spanMaxSeconds)) {
        throw new DatabaseError(
          'BadValue',
          `BSON field '${name}' value must be >= 1 and <= ${spanMaxSeconds}, actual value '${seconds}'`,
        )
      }
    } else if (field.type !== bsonType.string) throw wrongType(`$out.timeseries.${name}`, field, 'string')
    given.set(name, field)
  }
  if (!given.has('timeField')) {
    throw new DatabaseError('MissingField', "BSON field '$out.timeseries.timeField' is missing but a required field")
  }
  const granularity = given.get('granularity')
  if (granularity !== undefined && !granularities.has(readString(granularity.bytes, granularity.start))) {
    throw new DatabaseError('BadValue', "Enumeration value for field 'granularity' is not a valid value.")
  }
  const span = given.get('bucketMaxSpanSeconds')
  const rounding = given.get('bucketRoundingSeconds')
  const unequal = secondsOf(span) !== secondsOf(rounding)
  if (unequal || (span !== undefined && granularity !== undefined)) {
    throw new DatabaseError(
      'InvalidOptions',
      'bucketMaxSpanSeconds and bucketRoundingSeconds must be given together, equal, and without granularity',
    )
  }
}

const timeseriesFields: ReadonlySet<string> = new Set([
  'timeField',
  'metaField',
  'granularity',
  'bucketMaxSpanSeconds',
  'bucketRoundingSeconds',
])

const batchMax = 256
const batchBytesMax = 1024 * 1024

class OutStage extends PassingStage {
  readonly #run: PipelineRun
  readonly #out: Out
  #target: CollectionReplacement | undefined
  #inputEnded = false
  #done = false
  /** Documents to be written together. */
  #held: Uint8Array[] = []
  #heldBytes = 0

  constructor(input: Stage, run: PipelineRun, parsed: Out) {
    super(input)
    this.#run = run
    this.#out = parsed
  }

  step(): Step {
    if (this.#done) return step.end
    const { target, timeseries } = this.#out
    const replacement = (this.#target ??= this.#run.host.replaceCollection(target, timeseries))
    const { input } = this
    while (!this.#inputEnded) {
      if (this.#held.length >= batchMax || this.#heldBytes > batchBytesMax) {
        if (!this.#write(replacement) || this.#run.turnIsOver()) return step.pause
      }
      const answer = input.step()
      if (answer === step.pause) return answer
      if (answer === step.end) this.#inputEnded = true
      else {
        this.#held.push(input.bytes.slice(input.start, input.end))
        this.#heldBytes += input.end - input.start
      }
    }
    if (!this.#write(replacement)) return step.pause
    this.#done = true
    return step.end
  }

  /** Writes what is held, and that it is all when it is. False: others have the target, or the right to write; it has to be done again after them. */
  #write(replacement: CollectionReplacement): boolean {
    this.#run.save()
    try {
      if (this.#held.length > 0) replacement.insert(this.#held)
      this.#held = []
      this.#heldBytes = 0
      if (this.#inputEnded) replacement.finish()
      return true
    } catch (error) {
      if (!(error instanceof WriteConflict)) throw error
      this.#run.waitFor(error)
      return false
    }
  }

  override close(): void {
    this.#target?.close()
    super.close()
  }
}

/** Whole seconds, as they will be kept; 0: none are given. */
function secondsOf(value: Value | undefined): number {
  return value === undefined ? 0 : wholeNumberAt(value.type, value.bytes, value.start)
}
