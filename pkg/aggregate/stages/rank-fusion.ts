import { DatabaseError } from '../../base/errors.ts'
import { bsonType, typeAlias } from '../../bson/type.ts'
import { documentFields, isNumber, numberOf, truthy, type Value } from '../../bson/value.ts'
import { FusionStage, type Ranking } from '../fusion-stage.ts'
import type { Pipeline } from '../parse.ts'
import type { StageContext, StageDefinition } from '../stage.ts'

/** What ranks documents, and what may stand beside it. */
const ranking: ReadonlySet<string> = new Set(['$sort', '$search', '$vectorSearch', '$geoNear'])
const selecting: ReadonlySet<string> = new Set([...ranking, '$match', '$limit', '$skip', '$sample'])
const fusing: ReadonlySet<string> = new Set(['$rankFusion', '$scoreFusion'])

/**
 * `{$rankFusion: {input: {pipelines: {name: pipeline}}, combination: {weights: {name: number}}, scoreDetails}}`: the documents that the
 * pipelines find, by how well these rank them. The score is metadata.
 */
export const rankFusion: StageDefinition = {
  name: '$rankFusion',
  first: 10170100,
  parse(operand, context) {
    const given = fieldsOf('$rankFusion', operand, ['input', 'combination', 'scoreDetails'])
    const input = fieldsOf('$rankFusion.input', required(given, 'input'), ['pipelines'])
    const pipelines = required(input, 'pipelines')
    if (pipelines.type !== bsonType.document) throw wrongType('$rankFusion.input.pipelines', pipelines)
    const rankings: Ranking[] = []
    const names = new Set<string>()
    for (const pipeline of documentFields(pipelines.bytes, pipelines.start)) {
      names.add(pipeline.name)
      rankings.push({ name: pipeline.name, weight: 1, pipeline: checkedPipeline(pipeline, context) })
    }
    const combination = given.get('combination')
    if (combination !== undefined) {
      const weights = fieldsOf('$rankFusion.combination', combination, ['weights']).get('weights')
      if (weights !== undefined) {
        const weightOf = checkedWeights(weights, names)
        rankings.forEach((ranking, i) => {
          rankings[i] = { ...ranking, weight: weightOf.get(ranking.name) ?? ranking.weight }
        })
      }
    }
    const details = given.get('scoreDetails')
    const fusion = {
      from: { database: context.database, collection: context.collection ?? '' },
      rankings,
      hasDetails: details?.type === bsonType.boolean && truthy(details),
    }
    return {
      name: '$rankFusion',
      isSource: true,
      reads: [fusion.from],
      open: (input, run) => new FusionStage(input, run, fusion),
    }
  },
}

/** Errors: 10473002 for a fusion within, 9191103 for a stage that changes documents, 9191100 for a pipeline that ranks nothing. */
function checkedPipeline(pipeline: Value, context: StageContext): Pipeline {
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
  return plans
}

/** Errors: 9460301 for more weights than pipelines, 9967500 for one of none, 13118 and 9460300 for what is no number or below 0. */
function checkedWeights(weights: Value, names: ReadonlySet<string>): ReadonlyMap<string, number> {
  const found = new Map<string, number>()
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
    found.set(field.name, weight)
  }
  return found
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
