import { DatabaseError } from '../../base/errors.ts'
import { bsonType, typeAlias } from '../../bson/type.ts'
import { doubleValue, isNumber, numberOf, readString, type Value } from '../../bson/value.ts'
import { ExpressionCompiler } from '../../expression/compile.ts'
import type { Expression } from '../../expression/expression.ts'
import { parseExpression } from '../../expression/parse.ts'
import { refuseUnfitVariableName } from '../../expression/scope.ts'
import { checkedWeights, type FusionInput, fieldsOf, readFusion, required, wrongType } from '../fusion-fields.ts'
import { type Combination, type FusedInput, fusionPlan } from '../fusion-stage.ts'
import { type Normalization, parseNormalization, Scale } from '../normalization.ts'
import type { PipelineRun, StageContext, StageDefinition } from '../stage.ts'

/** What an input may do: it selects documents, and scores them. */
const selecting: ReadonlySet<string> = new Set(['$match', '$sort', '$limit', '$skip', '$sample', '$score'])

/** An expression over the inputs' scores, which are variables. */
interface Custom {
  readonly expression: Expression
  /** As it was written. */
  readonly operand: Value
  /** Of the variables, by input. */
  readonly slots: readonly number[]
}

/**
 * `{$scoreFusion: {input: {pipelines: {name: pipeline}, normalization}, combination: {weights: {name: number}, method, expression},
 * scoreDetails}}`: the documents that the pipelines find, by their scores in these, normalized in each and weighted: the average of them, or what
 * an expression makes of them. A pipeline that does not find a document counts with 0. The score is metadata.
 */
export const scoreFusion: StageDefinition = {
  name: '$scoreFusion',
  first: 10170100,
  hasInputs: true,
  parse(operand, context) {
    const { input, pipelines, combination, hasDetails } = readFusion(written, operand, context)
    const normalization = parseNormalization(
      '$scoreFusion.input.normalization',
      required('$scoreFusion.input', input, 'normalization'),
    )
    const { weights, custom } = parseCombination(combination, [...pipelines.keys()], context)
    const inputs = Array.from(pipelines, ([name, pipeline]) => ({ name, weight: weights.get(name) ?? 1, pipeline }))
    return fusionPlan({
      name: '$scoreFusion',
      from: { database: context.database, collection: context.collection ?? '' },
      inputs,
      figure: 'score',
      hasDetails,
      open: (run) => combinationOf(inputs, normalization, custom, run),
    })
  },
}

/**
 * Errors: 10473003 for a fusion within, 9402503 for an empty pipeline, 9402502 for a stage that changes documents, 9402500 for a pipeline
 * without scores.
 */
const written: FusionInput = {
  name: '$scoreFusion',
  fields: ['normalization'],
  stages: selecting,
  unfit: { code: 9402502, reason: 'select documents and score them' },
  nestedCode: 10473003,
  emptyCode: 9402503,
  repeatedCode: 9402203,
  check(pipeline) {
    if (!pipeline.some(({ name }) => name === '$score'))
      throw new DatabaseError(9402500, 'All subpipelines of $scoreFusion must give their documents a score')
  },
}

/** Errors: 10017300 and 10017301 for what does not go together, and those of `checkedWeights`. */
function parseCombination(
  combination: Value | undefined,
  names: readonly string[],
  { scope }: StageContext,
): { readonly weights: ReadonlyMap<string, number>; readonly custom: Custom | undefined } {
  if (combination === undefined) return { weights: new Map(), custom: undefined }
  const given = fieldsOf('$scoreFusion.combination', combination, ['weights', 'method', 'expression'])
  const written = given.get('weights')
  const weights = written === undefined ? new Map() : checkedWeights('$scoreFusion', written, new Set(names))
  const operand = given.get('expression')
  const method = methodOf(given.get('method'))
  if ((method === 'expression') !== (operand !== undefined))
    throw new DatabaseError(
      10017300,
      "$scoreFusion takes combination.expression with the method 'expression', and with no other",
    )
  if (operand === undefined) return { weights, custom: undefined }
  if (written !== undefined)
    throw new DatabaseError(10017301, '$scoreFusion takes combination.weights or an expression, not both')
  for (const name of names) refuseUnfitVariableName(name)
  const inner = scope.with(names)
  return { weights, custom: { expression: parseExpression(operand, inner.scope), operand, slots: inner.slots } }
}

function methodOf(value: Value | undefined): 'avg' | 'expression' {
  const path = '$scoreFusion.combination.method'
  if (value === undefined) return 'avg'
  if (value.type !== bsonType.string) throw wrongType(path, value, 'string')
  const name = readString(value.bytes, value.start)
  if (name === 'avg' || name === 'expression') return name
  throw new DatabaseError('BadValue', `Enumeration value '${name}' for field '${path}' is not a valid value.`)
}

function combinationOf(
  inputs: readonly FusedInput[],
  normalization: Normalization,
  custom: Custom | undefined,
  run: PipelineRun,
): Combination {
  const scales = inputs.map(() => new Scale(normalization))
  const share = (i: number, score: number | undefined): number =>
    score === undefined ? 0 : inputs[i]!.weight * scales[i]!.normalized(score)
  const combine = custom === undefined ? average : evaluation(custom, run)
  return {
    met: (i, score) => scales[i]!.meet(score),
    scoreOf: (scores) => combine(inputs.map((_, i) => share(i, scores[i]))),
    describe(scores, writer) {
      writer.string('description', 'what the combination makes of the normalized and weighted scores of the inputs:')
      writer.string('normalization', normalization)
      writer.beginDocument('combination')
      writer.string('method', custom === undefined ? 'average' : 'custom expression')
      if (custom !== undefined) writer.value('expression', custom.operand)
      writer.end()
      writer.beginArray('details')
      inputs.forEach(({ name, weight }, i) => {
        writer.beginDocument(String(i))
        writer.string('inputPipelineName', name)
        writer.value('inputPipelineRawScore', doubleValue(scores[i] ?? 0))
        writer.value('weight', doubleValue(weight))
        writer.value('value', doubleValue(share(i, scores[i])))
        writer.beginArray('details')
        writer.end()
        writer.end()
      })
      writer.end()
    },
  }
}

function average(shares: readonly number[]): number {
  return shares.reduce((sum, share) => sum + share, 0) / shares.length
}

/** Errors: TypeMismatch for a result that is no number. */
function evaluation({ expression, slots }: Custom, run: PipelineRun): (shares: readonly number[]) => number {
  const compiler = new ExpressionCompiler()
  const evaluate = compiler.compile(expression)
  const context = run.context(compiler)
  return (shares) => {
    context.reset(emptyDocument, 0, emptyDocument.length)
    slots.forEach((slot, i) => {
      context.variables[slot] = doubleValue(shares[i]!)
    })
    const value = evaluate(context)
    if (isNumber(value.type)) return numberOf(value)
    const type = value.type === 0 ? 'missing' : typeAlias(value.type)
    throw new DatabaseError('TypeMismatch', `The expression of $scoreFusion must give a number, not ${type}`)
  }
}

const emptyDocument = new Uint8Array([5, 0, 0, 0, 0])
