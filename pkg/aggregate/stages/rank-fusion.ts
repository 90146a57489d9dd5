import { DatabaseError } from '../../base/errors.ts'
import { bsonType, typeAlias } from '../../bson/type.ts'
import { documentFields, isNumber, numberOf, type Value } from '../../bson/value.ts'
import type { StageContext, StageDefinition } from '../stage.ts'

/** What ranks documents, and what may stand beside it. */
const ranking: ReadonlySet<string> = new Set(['$sort', '$search', '$vectorSearch', '$geoNear'])
const selecting: ReadonlySet<string> = new Set([...ranking, '$match', '$limit', '$skip', '$sample'])
const fusing: ReadonlySet<string> = new Set(['$rankFusion', '$scoreFusion'])

/**
 * `{$rankFusion: {input: {pipelines: {name: pipeline}}, combination: {weights: {name: number}}, scoreDetails}}`: checked in every
 * part, and then refused: the scores it gives are metadata, which documents do not have here yet.
 */
export const rankFusion: StageDefinition = {
  name: '$rankFusion',
  first: 10170100,
  parse(operand, context) {
    const given = fieldsOf('$rankFusion', operand, ['input', 'combination', 'scoreDetails'])
    const input = fieldsOf('$rankFusion.input', required(given, 'input'), ['pipelines'])
    const pipelines = required(input, 'pipelines')
    if (pipelines.type !== bsonType.document) throw wrongType('$rankFusion.input.pipelines', pipelines)
    const names = new Set<string>()
    for (const pipeline of documentFields(pipelines.bytes, pipelines.start)) {
      names.add(pipeline.name)
      checkPipeline(pipeline, context)
    }
    const combination = given.get('combination')
    if (combination !== undefined) {
      const weights = fieldsOf('$rankFusion.combination', combination, ['weights']).get('weights')
      if (weights !== undefined) checkWeights(weights, names)
    }
    return {
      name: '$rankFusion',
      open() {
        throw new DatabaseError('NotImplemented', '$rankFusion is not supported yet')
      },
    }
  },
}

/** Errors: 10473002 for a fusion within, 9191103 for a stage that changes documents, 9191100 for a pipeline that ranks nothing. */
function checkPipeline(pipeline: Value, context: StageContext): void {
  if (pipeline.type === bsonType.array) {
    const [first] = documentFields(pipeline.bytes, pipeline.start)
    const [stage] = first?.type === bsonType.document ? documentFields(first.bytes, first.start) : []
    if (stage !== undefined && fusing.has(stage.name)) {
      throw new DatabaseError(10473002, `${stage.name} is not allowed in the input of $rankFusion`)
    }
  }
  const plans = context.pipeline(pipeline, { place: 'rankFusion' })
  for (const { name } of plans) {
    if (!selecting.has(name)) {
      throw new DatabaseError(
        9191103,
        `${name} is not allowed in a pipeline of $rankFusion: it must only select documents`,
      )
    }
  }
  if (!plans.some(({ name }) => ranking.has(name))) {
    throw new DatabaseError(9191100, 'All subpipelines of $rankFusion must begin with a ranking stage or have a $sort')
  }
}

/** Errors: 9460301 for more weights than pipelines, 9967500 for one of none, 13118 and 9460300 for what is no number or below 0. */
function checkWeights(weights: Value, names: ReadonlySet<string>): void {
  if (weights.type !== bsonType.document) throw wrongType('$rankFusion.combination.weights', weights)
  const fields = [...documentFields(weights.bytes, weights.start)]
  if (fields.length > names.size) {
    throw new DatabaseError(9460301, '$rankFusion input has fewer pipelines than weights')
  }
  for (const field of fields) {
    if (!names.has(field.name)) throw new DatabaseError(9967500, `$rankFusion has no pipeline called '${field.name}'`)
    if (!isNumber(field.type)) {
      throw new DatabaseError(13118, `The weight '${field.name}' is not a number, but ${typeAlias(field.type)}`)
    }
    const weight = numberOf(field)
    if (!(weight >= 0)) throw new DatabaseError(9460300, `The weight '${field.name}' must not be negative: ${weight}`)
  }
}

function fieldsOf(path: string, value: Value, known: readonly string[]): ReadonlyMap<string, Value> {
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

function required(fields: ReadonlyMap<string, Value>, name: string): Value {
  const value = fields.get(name)
  if (value !== undefined) return value
  throw new DatabaseError('MissingField', `BSON field '$rankFusion.${name}' is missing but a required field`)
}

function wrongType(path: string, value: Value): DatabaseError {
  return new DatabaseError(
    'TypeMismatch',
    `BSON field '${path}' is the wrong type '${typeAlias(value.type)}', expected type 'object'`,
  )
}
