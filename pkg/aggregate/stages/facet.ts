import { DatabaseError } from '../../base/errors.ts'
import { documentSizeMaxInternal } from '../../base/limits.ts'
import { bsonType, typeAlias } from '../../bson/type.ts'
import { documentFields, type Value } from '../../bson/value.ts'
import { BsonWriter } from '../../bson/writer.ts'
import { GatheredArray } from '../accumulators/gathered.ts'
import { openStages } from '../run.ts'
import { type PipelineRun, type Stage, type StageDefinition, type StagePlan, type Step, step } from '../stage.ts'
import { PassingStage } from './passing.ts'

interface Facet {
  readonly name: string
  readonly pipeline: readonly StagePlan[]
}

/** `{$facet: {name: pipeline, ...}}`: one document with what each pipeline makes of the same input. */
export const facet: StageDefinition = {
  name: '$facet',
  refusedIn: { facet: 40600 },
  parse(operand, context) {
    if (operand.type !== bsonType.document) {
      throw new DatabaseError(
        40169,
        `the $facet specification must be a non-empty object, but found: ${typeAlias(operand.type)}`,
      )
    }
    const facets: Facet[] = []
    for (const field of documentFields(operand.bytes, operand.start)) {
      const { name } = field
      if (name === '' || name.startsWith('$') || name.includes('.')) {
        throw new DatabaseError(
          name === '' ? 40352 : name.startsWith('$') ? 16410 : 16412,
          `'${name}' is not a valid name of a $facet`,
        )
      }
      if (field.type !== bsonType.array) {
        throw new DatabaseError(40170, `arguments to $facet must be arrays, ${name} is type ${typeAlias(field.type)}`)
      }
      facets.push({ name, pipeline: context.pipeline(field, { place: 'facet' }) })
    }
    if (facets.length === 0) throw new DatabaseError(40169, 'the $facet specification must be a non-empty object')
    const reads = facets.flatMap(({ pipeline }) => pipeline.flatMap((plan) => plan.reads ?? []))
    return { name: '$facet', reads, makesDocuments: true, open: (input, run) => new FacetStage(input, run, facets) }
  },
}

/** Gives the documents of the input to several pipelines, one document to all before the next. */
class FacetStage extends PassingStage {
  readonly #run: PipelineRun
  readonly #branches: readonly Branch[]
  readonly #writer = new BsonWriter()
  /** The branch that works on what the feeds hold; as many as there are: the next document may come. */
  #working: number
  #inputEnded = false
  #done = false

  constructor(input: Stage, run: PipelineRun, facets: readonly Facet[]) {
    super(input)
    this.#run = run
    this.#branches = facets.map((each) => new Branch(each, input, run))
    this.#working = this.#branches.length
  }

  step(): Step {
    if (this.#done) return step.end
    for (;;) {
      for (; this.#working < this.#branches.length; this.#working++) {
        if (this.#branches[this.#working]!.work() === step.pause) return step.pause
        this.#refuseTooLarge()
      }
      if (this.#inputEnded) break
      const { input } = this
      const answer = input.step()
      if (answer === step.pause) return answer
      this.#inputEnded = answer === step.end
      for (const { feed } of this.#branches) {
        if (answer === step.end) feed.finish()
        else feed.offer(input.bytes, input.start, input.end)
      }
      this.#working = 0
    }
    this.#done = true
    this.#emit()
    return step.row
  }

  #refuseTooLarge(): void {
    let used = 0
    for (const { results } of this.#branches) used += results.usedBytes
    if (used > this.#run.memoryLimitBytes) {
      throw new DatabaseError(4031700, 'document constructed by $facet exceeds its memory limit')
    }
  }

  #emit(): void {
    const writer = this.#writer
    writer.beginDocument()
    for (const { name, results } of this.#branches) writer.value(name, results.value())
    writer.end()
    if (writer.length > documentSizeMaxInternal) {
      throw new DatabaseError('BSONObjectTooLarge', `the document that $facet makes has ${writer.length} bytes`)
    }
    this.showWritten(writer)
  }

  override close(): void {
    for (const { stage } of this.#branches) stage.close()
    super.close()
  }
}

class Branch {
  readonly name: string
  readonly feed: Feed
  readonly stage: Stage
  readonly results = new GatheredArray()
  #ended = false

  constructor({ name, pipeline }: Facet, input: Stage, run: PipelineRun) {
    this.name = name
    this.feed = new Feed(input)
    this.stage = openStages(pipeline, this.feed, run)
  }

  /** Until the feed has nothing more to give (`end`), or the turn is over (`pause`). */
  work(): Step {
    const { stage, feed } = this
    while (!this.#ended) {
      feed.starved = false
      const answer = stage.step()
      if (answer === step.row) {
        const { bytes, start, end } = stage
        this.results.add({ type: bsonType.document, bytes, start, end })
      } else if (answer === step.end) this.#ended = true
      else if (feed.starved) return step.end
      else return step.pause
    }
    return step.end
  }
}

/** Holds one document at a time; asked for more than it has it pauses, and says so. */
class Feed implements Stage {
  readonly #input: Stage
  bytes: Uint8Array = new Uint8Array(0)
  start = 0
  end = 0
  starved = false
  #offered = false
  #ended = false

  /** `input`: rests on the document that was offered last. */
  constructor(input: Stage) {
    this.#input = input
  }

  metadata(name: string): Value | undefined {
    return this.#input.metadata?.(name)
  }

  offer(bytes: Uint8Array, start: number, end: number): void {
    this.bytes = bytes
    this.start = start
    this.end = end
    this.#offered = true
  }

  finish(): void {
    this.#ended = true
  }

  step(): Step {
    if (this.#offered) {
      this.#offered = false
      return step.row
    }
    if (this.#ended) return step.end
    this.starved = true
    return step.pause
  }

  close(): void {
    // The input is the facet's to close.
  }
}
