import { DatabaseError } from '../../base/errors.ts'
import { bsonType } from '../../bson/type.ts'
import { documentFields, doubleValue, truthy, type Value } from '../../bson/value.ts'
import { checkedWeights, fieldsOf, firstStage, fusing, required, wrongType } from '../fusion-fields.ts'
import { type Combination, type FusedInput, type Fusion, FusionStage } from '../fusion-stage.ts'
import type { Pipeline } from '../parse.ts'
import type { StageContext, StageDefinition } from '../stage.ts'

/** What ranks documents, and what may stand beside it. */
const ranking: ReadonlySet<string> = new Set(['$sort', '$search', '$vectorSearch', '$geoNear'])
const selecting: ReadonlySet<string> = new Set([...ranking, '$match', '$limit', '$skip', '$sample'])

/** How little the first ranks differ. */
const rankConstant = 60

/**
 * `{$rankFusion: {input: {pipelines: {name: pipeline}}, combination: {weights: {name: number}}, scoreDetails}}`: the documents that the
 * pipelines find, by how well these rank them. The score is metadata.
 */
export const rankFusion: StageDefinition = {
  name: '$rankFusion',
  first: 10170100,
  hasInputs: true,
  parse(operand, context) {
    const given = fieldsOf('$rankFusion', operand, ['input', 'combination', 'scoreDetails'])
    const input = fieldsOf('$rankFusion.input', required('$rankFusion', given, 'input'), ['pipelines'])
    const pipelines = required('$rankFusion', input, 'pipelines')
    if (pipelines.type !== bsonType.document) throw wrongType('$rankFusion.input.pipelines', pipelines)
    const rankings: FusedInput[] = []
    const names = new Set<string>()
    for (const pipeline of documentFields(pipelines.bytes, pipelines.start)) {
      names.add(pipeline.name)
      rankings.push({ name: pipeline.name, weight: 1, pipeline: checkedPipeline(pipeline, context) })
    }
    const combination = given.get('combination')
    if (combination !== undefined) {
      const weights = fieldsOf('$rankFusion.combination', combination, ['weights']).get('weights')
      if (weights !== undefined) {
        const weightOf = checkedWeights('$rankFusion', weights, names)
        rankings.forEach((ranking, i) => {
          rankings[i] = { ...ranking, weight: weightOf.get(ranking.name) ?? ranking.weight }
        })
      }
    }
    const details = given.get('scoreDetails')
    const fusion: Fusion = {
      name: '$rankFusion',
      from: { database: context.database, collection: context.collection ?? '' },
      inputs: rankings,
      figure: 'rank',
      open: () => reciprocal(rankings),
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
  const first = firstStage(pipeline)
  if (first !== undefined && fusing.has(first))
    throw new DatabaseError(10473002, `${first} is not allowed in the input of $rankFusion`)
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

/** Reciprocal rank fusion: the sum of weight / (60 + rank) over the pipelines that find a document. */
function reciprocal(inputs: readonly FusedInput[]): Combination {
  return {
    scoreOf: (ranks) =>
      inputs.reduce((sum, { weight }, i) => {
        const rank = ranks[i]
        return rank === undefined ? sum : sum + weight * (1 / (rankConstant + rank))
      }, 0),
    describe(ranks, writer) {
      writer.string(
        'description',
        'value output by reciprocal rank fusion algorithm, computed as sum of (weight * (1 / (60 + rank))) across input pipelines from which this document is output, from:',
      )
      writer.beginArray('details')
      inputs.forEach(({ name, weight }, i) => {
        const rank = ranks[i]
        writer.beginDocument(String(i))
        writer.string('inputPipelineName', name)
        if (rank === undefined) writer.string('rank', 'NA')
        else {
          writer.int32('rank', rank)
          writer.value('weight', doubleValue(weight))
        }
        writer.beginArray('details')
        writer.end()
        writer.end()
      })
      writer.end()
    },
  }
}
