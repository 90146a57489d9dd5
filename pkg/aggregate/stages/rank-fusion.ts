import { DatabaseError } from '../../base/errors.ts'
import { doubleValue } from '../../bson/value.ts'
import { checkedWeights, type FusionInput, fieldsOf, readFusion, required } from '../fusion-fields.ts'
import { type Combination, type FusedInput, fusionPlan } from '../fusion-stage.ts'
import type { StageDefinition } from '../stage.ts'

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
    const { pipelines, combination, hasDetails } = readFusion(written, operand, context)
    const path = '$rankFusion.combination'
    const weights = combination && required(path, fieldsOf(path, combination, ['weights']), 'weights')
    const weightOf = weights && checkedWeights('$rankFusion', weights, new Set(pipelines.keys()))
    const inputs = Array.from(pipelines, ([name, pipeline]) => ({ name, weight: weightOf?.get(name) ?? 1, pipeline }))
    return fusionPlan({
      name: '$rankFusion',
      from: { database: context.database, collection: context.collection ?? '' },
      inputs,
      figure: 'rank',
      open: () => reciprocal(inputs),
      hasDetails,
    })
  },
}

/** Errors: 10473002 for a fusion within, 9834300 for an empty pipeline, 10614800 for one that scores, 9191103 for a stage that changes documents, 9191100 for a pipeline that ranks nothing. */
const written: FusionInput = {
  name: '$rankFusion',
  fields: [],
  stages: selecting,
  unfit: { code: 9191103, reason: 'select documents' },
  nestedCode: 10473002,
  emptyCode: 9834300,
  repeatedCode: 9921000,
  check(pipeline) {
    if (pipeline.some(({ name }) => name === '$score'))
      throw new DatabaseError(10614800, 'The input pipelines of $rankFusion must not have a $score')
    if (!pipeline.some(({ name }) => ranking.has(name)))
      throw new DatabaseError(
        9191100,
        'All subpipelines of $rankFusion must begin with a ranking stage or have a $sort',
      )
  },
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
