import { DatabaseError } from '../../base/errors.ts'
import { bsonType, typeAlias } from '../../bson/type.ts'
import { documentValue, doubleValue, isNumber, numberOf, truthy, type Value } from '../../bson/value.ts'
import { BsonWriter } from '../../bson/writer.ts'
import { ExpressionCompiler } from '../../expression/compile.ts'
import type { EvaluationContext } from '../../expression/context.ts'
import type { Evaluate, Expression } from '../../expression/expression.ts'
import { parseExpression } from '../../expression/parse.ts'
import { fieldsOf, required, wrongType } from '../fusion-fields.ts'
import { HeldDocuments } from '../held-documents.ts'
import { FieldGathering } from '../needed-fields.ts'
import { type Normalization, parseNormalization, Scale } from '../normalization.ts'
import { keepsAll } from '../path-effects.ts'
import { repeatable, repeatingContext } from '../repeatable.ts'
import { memoryExceeded, type PipelineRun, type Stage, type StageDefinition, type Step, step } from '../stage.ts'
import { PassingStage } from './passing.ts'

interface Scoring {
  readonly expression: Expression
  /** As it was written. */
  readonly operand: Value
  readonly normalization: Normalization
  readonly weight: number
  readonly hasDetails: boolean
}

/**
 * `{$score: {score: expression, normalization, weight: 0 to 1, scoreDetails}}`: the documents with a score, which is metadata: the expression's
 * value, normalized, times the weight. By the least and greatest score it must see all documents first.
 */
export const score: StageDefinition = {
  name: '$score',
  parse(operand, { scope }) {
    const given = fieldsOf('$score', operand, ['score', 'normalization', 'weight', 'scoreDetails'])
    const written = required('$score', given, 'score')
    const normalization = given.get('normalization')
    const details = given.get('scoreDetails')
    if (details !== undefined && details.type !== bsonType.boolean)
      throw wrongType('$score.scoreDetails', details, 'bool')
    const scoring: Scoring = {
      expression: parseExpression(written, scope),
      operand: written,
      normalization: normalization === undefined ? 'none' : parseNormalization('$score.normalization', normalization),
      weight: weightOf(given.get('weight')),
      hasDetails: details !== undefined && truthy(details),
    }
    const waits = scoring.normalization === 'minMaxScaler'
    return {
      name: '$score',
      gives: scoring.hasDetails ? ['score', 'scoreDetails'] : ['score'],
      ...(waits ? {} : { oneToOne: true, effects: keepsAll }),
      needs: (after) => new FieldGathering().others(after).expression(scoring.expression).fields,
      open: (input, run) => (waits ? new ScaledScore(input, run, scoring) : new Score(input, run, scoring)),
    }
  },
}

function weightOf(given: Value | undefined): number {
  if (given === undefined) return 1
  if (!isNumber(given.type)) throw wrongType('$score.weight', given, 'double')
  const weight = numberOf(given)
  if (weight >= 0 && weight <= 1) return weight
  throw new DatabaseError(
    'BadValue',
    `BSON field '$score.weight' value must be >= 0 and <= 1, actual value '${weight}'`,
  )
}

/** What both ways share: a raw score for each document, and what becomes of it. */
abstract class ScoringStage extends PassingStage {
  protected readonly run: PipelineRun
  readonly #scoring: Scoring
  readonly #evaluate: Evaluate
  readonly #context: EvaluationContext
  protected readonly scale: Scale
  /** Of the current document, as computed. */
  protected raw = 0

  constructor(input: Stage, run: PipelineRun, scoring: Scoring) {
    super(repeatable(input, run))
    this.run = run
    this.#scoring = scoring
    const compiler = new ExpressionCompiler()
    this.#evaluate = compiler.compile(scoring.expression)
    this.#context = repeatingContext(compiler, this.input, run)
    this.scale = new Scale(scoring.normalization)
  }

  /** Of the input's document. Errors: TypeMismatch for what is no number. */
  protected compute(): number {
    const { bytes, start, end } = this.input
    this.#context.reset(bytes, start, end)
    const value = this.#evaluate(this.#context)
    if (isNumber(value.type)) return numberOf(value)
    throw new DatabaseError(
      'TypeMismatch',
      `$score only supports numeric types, not ${value.type === 0 ? 'missing' : typeAlias(value.type)}`,
    )
  }

  metadata(name: string): Value | undefined {
    if (name === 'score') return doubleValue(this.#value())
    if (name === 'scoreDetails' && this.#scoring.hasDetails) return this.#details()
    return this.other(name)
  }

  /** Other metadata of the current document. */
  protected abstract other(name: string): Value | undefined

  #value(): number {
    return this.#scoring.weight * this.scale.normalized(this.raw)
  }

  #details(): Value {
    const { normalization, weight, operand } = this.#scoring
    const writer = new BsonWriter()
    writer.beginDocument()
    writer.value('value', doubleValue(this.#value()))
    writer.string('description', 'the score as computed, normalized where that is asked for, times the weight:')
    writer.value('rawScore', doubleValue(this.raw))
    writer.string('normalization', normalization)
    writer.value('weight', doubleValue(weight))
    writer.value('expression', operand)
    writer.beginArray('details')
    writer.end()
    writer.end()
    return documentValue(writer.finish())
  }
}

class Score extends ScoringStage {
  step(): Step {
    const answer = this.input.step()
    if (answer !== step.row) return answer
    this.raw = this.compute()
    this.pass()
    return step.row
  }

  protected other(name: string): Value | undefined {
    return this.input.metadata?.(name)
  }
}

/** Holds all documents until the least and the greatest score are known. */
class ScaledScore extends ScoringStage {
  readonly #documents: HeldDocuments
  readonly #scores: number[] = []
  #filled = false
  #given = 0

  constructor(input: Stage, run: PipelineRun, scoring: Scoring) {
    super(input, run, scoring)
    this.#documents = new HeldDocuments(run)
  }

  get spilledBytes(): number {
    return this.#documents.spilledBytes
  }

  step(): Step {
    if (!this.#filled) {
      const answer = this.#fill()
      if (answer === step.pause) return answer
      this.#filled = true
    }
    if (this.#given === this.#scores.length) return step.end
    if (this.run.turnIsOver()) return step.pause
    this.raw = this.#scores[this.#given]!
    const documents = this.#documents
    documents.show(this.#given++)
    this.show(documents.bytes, documents.start, documents.end)
    return step.row
  }

  /** Errors: QueryExceededMemoryLimitNoDiskUseAllowed. */
  #fill(): Step {
    const { input } = this
    for (;;) {
      const answer = input.step()
      if (answer !== step.row) return answer
      const computed = this.compute()
      if (!this.#documents.add(input.bytes, input.start, input.end)) throw memoryExceeded('$score')
      this.#scores.push(computed)
      this.scale.meet(computed)
    }
  }

  protected other(): undefined {
    return undefined
  }

  override close(): void {
    this.#documents.close()
    super.close()
  }
}
