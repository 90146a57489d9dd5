import { DatabaseError } from '../../base/errors.ts'
import { bsonType, typeAlias } from '../../bson/type.ts'
import { documentFields, readString, type Value } from '../../bson/value.ts'
import type { Namespace } from '../host.ts'
import { DocumentRows, type Rows } from '../rows.ts'
import { runWithin } from '../run.ts'
import { type PipelineRun, type Stage, type StageDefinition, type StagePlan, type Step, step } from '../stage.ts'
import { beginsWithDocuments, refuseUnfitCollection } from './lookup.ts'
import { PassingStage } from './passing.ts'

/** `{$unionWith: collection}` or `{$unionWith: {coll, pipeline}}`: the input, then what a pipeline makes of another collection. */
export const unionWith: StageDefinition = {
  name: '$unionWith',
  parse(operand, context) {
    const { collection, pipeline } = optionsOf(operand)
    if (collection === undefined && (pipeline === undefined || !beginsWithDocuments(pipeline))) {
      throw new DatabaseError(
        'FailedToParse',
        '$unionWith stage without explicit collection must have a pipeline with $documents as first stage',
      )
    }
    if (collection !== undefined) refuseUnfitCollection(context.database, collection)
    const namespace = { database: context.database, collection: collection ?? '' }
    const plans = pipeline === undefined ? [] : context.pipeline(pipeline, { place: 'unionWith', collection })
    return {
      name: '$unionWith',
      reads: [namespace, ...plans.flatMap(({ reads }) => reads ?? [])],
      open: (input, run) => new Union(input, run, namespace, plans),
    }
  },
}

function optionsOf(operand: Value): { collection: string | undefined; pipeline: Value | undefined } {
  if (operand.type === bsonType.string) {
    return { collection: readString(operand.bytes, operand.start), pipeline: undefined }
  }
  if (operand.type !== bsonType.document) {
    throw new DatabaseError(
      'FailedToParse',
      `the $unionWith stage specification must be an object or string, but found ${typeAlias(operand.type)}`,
    )
  }
  let collection: string | undefined
  let pipeline: Value | undefined
  for (const field of documentFields(operand.bytes, operand.start)) {
    if (field.name === 'coll') {
      if (field.type !== bsonType.string) {
        throw new DatabaseError(
          'TypeMismatch',
          `BSON field '$unionWith.coll' is the wrong type '${typeAlias(field.type)}', expected type 'string'`,
        )
      }
      collection = readString(field.bytes, field.start)
    } else if (field.name === 'pipeline') pipeline = field
    else throw new DatabaseError('UnknownField', `BSON field '$unionWith.${field.name}' is an unknown field.`)
  }
  if (pipeline !== undefined && pipeline.type !== bsonType.array) {
    throw new DatabaseError('TypeMismatch', "BSON field '$unionWith.pipeline' must be an array")
  }
  return { collection, pipeline }
}

class Union extends PassingStage {
  readonly #run: PipelineRun
  readonly #namespace: Namespace
  readonly #pipeline: readonly StagePlan[]
  #inputEnded = false
  #rows: Rows | undefined

  constructor(input: Stage, run: PipelineRun, namespace: Namespace, pipeline: readonly StagePlan[]) {
    super(input)
    this.#run = run
    this.#namespace = namespace
    this.#pipeline = pipeline
  }

  step(): Step {
    if (!this.#inputEnded) {
      const answer = this.input.step()
      if (answer === step.pause) return answer
      if (answer === step.row) {
        this.pass()
        return answer
      }
      this.#inputEnded = true
    }
    const rows = (this.#rows ??= this.#open())
    if (!rows.next()) return rows.paused === true ? step.pause : step.end
    this.show(rows.bytes, rows.start, rows.end)
    return step.row
  }

  #open(): Rows {
    const run = this.#run.inner()
    const rows =
      this.#namespace.collection === ''
        ? runWithin(this.#pipeline, new DocumentRows([]), run)
        : run.host.open(this.#namespace, this.#pipeline, run)
    this.#run.track(rows)
    return rows
  }

  metadata(name: string): Value | undefined {
    const from = this.#inputEnded ? this.#rows : this.input
    return from?.metadata?.(name)
  }

  override close(): void {
    if (this.#rows !== undefined) {
      this.#run.untrack(this.#rows)
      this.#rows.close()
    }
    super.close()
  }
}
