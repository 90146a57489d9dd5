/** What the stages that fuse pipelines have in common in how they are written. */
import { DatabaseError } from '../base/errors.ts'
import { bsonType, typeAlias } from '../bson/type.ts'
import { documentFields, isNumber, numberOf, truthy, type Value } from '../bson/value.ts'
import type { Pipeline } from './parse.ts'
import type { StageContext } from './stage.ts'

/** The stages themselves: none may be in the input of another. */
const fusing: ReadonlySet<string> = new Set(['$rankFusion', '$scoreFusion'])

/** How a fusion's input is written. */
export interface FusionInput {
  /** The stage's name. */
  readonly name: string
  /** Fields of `input` besides `pipelines`. */
  readonly fields: readonly string[]
  /** What a pipeline may have. */
  readonly stages: ReadonlySet<string>
  /** How another stage is refused, and a fusion. */
  readonly unfit: { readonly code: number; readonly reason: string }
  readonly nestedCode: number
  /** How a pipeline without stages is refused, and a name that comes twice. */
  readonly emptyCode: number
  readonly repeatedCode: number
  /** Throws when a pipeline does not give what is to be fused. */
  check(pipeline: Pipeline): void
}

export interface WrittenFusion {
  readonly input: ReadonlyMap<string, Value>
  /** By name, in their order. */
  readonly pipelines: ReadonlyMap<string, Pipeline>
  readonly combination: Value | undefined
  readonly hasDetails: boolean
}

/**
 * Reads `{input: {pipelines: {name: pipeline}, ...}, combination, scoreDetails}`. Errors: those of `expected`, of malformed fields, of names that no
 * path has (15998, 16410, 16412), BadValue for no pipeline at all.
 */
export function readFusion(expected: FusionInput, operand: Value, context: StageContext): WrittenFusion {
  const { name } = expected
  if (operand.type !== bsonType.document)
    throw new DatabaseError('FailedToParse', `${name} must take a nested object but found: ${typeAlias(operand.type)}`)
  const given = fieldsOf(name, operand, ['input', 'combination', 'scoreDetails'])
  const input = fieldsOf(`${name}.input`, required(name, given, 'input'), ['pipelines', ...expected.fields])
  const written = required(`${name}.input`, input, 'pipelines')
  if (written.type !== bsonType.document) throw wrongType(`${name}.input.pipelines`, written)
  const fields = [...documentFields(written.bytes, written.start)]
  if (fields.length === 0) throw new DatabaseError('BadValue', `${name} should be run with at least one pipeline`)
  fields.forEach(refuseMalformed)
  const details = given.get('scoreDetails')
  if (details !== undefined && details.type !== bsonType.boolean)
    throw wrongType(`${name}.scoreDetails`, details, 'bool')
  const hasDetails = details !== undefined && truthy(details)
  const pipelines = new Map<string, Pipeline>()
  for (const pipeline of fields) {
    const plans = readPipeline(expected, pipeline, context)
    refuseUnfitName(pipeline.name)
    if (pipelines.has(pipeline.name))
      throw new DatabaseError(expected.repeatedCode, `${name} has two pipelines called '${pipeline.name}'`)
    pipelines.set(pipeline.name, plans)
  }
  return { input, pipelines, combination: given.get('combination'), hasDetails }
}

function readPipeline(
  { name, stages, unfit, nestedCode, emptyCode, check }: FusionInput,
  pipeline: Value,
  context: StageContext,
) {
  const first = firstStage(pipeline)
  if (first !== undefined && fusing.has(first))
    throw new DatabaseError(nestedCode, `${first} is not allowed in the input of ${name}`)
  const plans = context.pipeline(pipeline, { place: 'rankFusion' })
  if (plans.length === 0) throw new DatabaseError(emptyCode, `A pipeline in the input of ${name} must have a stage`)
  check(plans)
  for (const plan of plans) {
    if (!stages.has(plan.name))
      throw new DatabaseError(
        unfit.code,
        `${plan.name} is not allowed in a pipeline of ${name}: it must only ${unfit.reason}`,
      )
  }
  return plans
}

/** Errors: TypeMismatch for what is no array of documents. */
function refuseMalformed(pipeline: Value): void {
  const isPipeline =
    pipeline.type === bsonType.array &&
    [...documentFields(pipeline.bytes, pipeline.start)].every(({ type }) => type === bsonType.document)
  if (!isPipeline) throw new DatabaseError('TypeMismatch', 'A pipeline must be an array of objects')
}

function refuseUnfitName(name: string): void {
  if (name === '') throw new DatabaseError(15998, 'FieldPath field names may not be empty strings.')
  if (name.startsWith('$')) throw new DatabaseError(16410, `FieldPath field names may not start with '$': ${name}`)
  if (name.includes('.')) throw new DatabaseError(16412, `FieldPath field names may not contain '.': ${name}`)
}

/** The stage that a pipeline, of whatever type, begins with. */
function firstStage(pipeline: Value): string | undefined {
  if (pipeline.type !== bsonType.array) return undefined
  const [first] = documentFields(pipeline.bytes, pipeline.start)
  const [stage] = first?.type === bsonType.document ? documentFields(first.bytes, first.start) : []
  return stage?.name
}

/** Errors: 9460301 for more weights than pipelines, 9967500 for one of none, 13118 and 9460300 for what is no number or below 0. */
export function checkedWeights(stage: string, weights: Value, names: ReadonlySet<string>): ReadonlyMap<string, number> {
  const found = new Map<string, number>()
  if (weights.type !== bsonType.document) throw wrongType(`${stage}.combination.weights`, weights)
  const fields = [...documentFields(weights.bytes, weights.start)]
  if (fields.length > names.size) {
    throw new DatabaseError(9460301, `${stage} input has fewer pipelines than weights`)
  }
  for (const field of fields) {
    if (!names.has(field.name)) throw new DatabaseError(9967500, `${stage} has no pipeline called '${field.name}'`)
    if (!isNumber(field.type)) {
      throw new DatabaseError(13118, `The weight '${field.name}' is not a number, but ${typeAlias(field.type)}`)
    }
    const weight = numberOf(field)
    if (!(weight >= 0)) throw new DatabaseError(9460300, `The weight '${field.name}' must not be negative: ${weight}`)
    found.set(field.name, weight)
  }
  return found
}

export function fieldsOf(path: string, value: Value, known: readonly string[]): ReadonlyMap<string, Value> {
  if (value.type !== bsonType.document) throw wrongType(path, value)
  const fields = new Map<string, Value>()
  for (const field of documentFields(value.bytes, value.start)) {
    if (!known.includes(field.name)) {
      throw new DatabaseError('UnknownField', `BSON field '${path}.${field.name}' is an unknown field.`)
    }
    fields.set(field.name, field)
  }
  return fields
}

export function required(stage: string, fields: ReadonlyMap<string, Value>, name: string): Value {
  const value = fields.get(name)
  if (value !== undefined) return value
  throw new DatabaseError('MissingField', `BSON field '${stage}.${name}' is missing but a required field`)
}

export function wrongType(path: string, value: Value, expected = 'object'): DatabaseError {
  return new DatabaseError(
    'TypeMismatch',
    `BSON field '${path}' is the wrong type '${typeAlias(value.type)}', expected type '${expected}'`,
  )
}
