/**
 * Documents that several pipelines find, each with a score of what these say of it, the highest first, equal ones by `_id`.
 *
 * A document's rank is that of its sort key among those of the pipeline's last `$sort`: equal keys have equal ranks, and the ranks after
 * them are as if they had not. Documents that something else has ordered are ranked by their places.
 */
import { compareBytes, encodeKey, KeyWriter } from '../bson/key.ts'
import { documentValue, doubleValue, getField, nullValue, numberOf, type Value } from '../bson/value.ts'
import { BsonWriter } from '../bson/writer.ts'
import { compileSort, type SortKeyOf } from '../query/sort/key.ts'
import { parseSort } from '../query/sort/parse.ts'
import type { Sorter } from '../query/sort/sorter.ts'
import { HeldDocuments } from './held-documents.ts'
import type { Namespace } from './host.ts'
import { KeyTable } from './key-table.ts'
import type { Pipeline } from './parse.ts'
import type { Rows } from './rows.ts'
import { memoryExceeded, type PipelineRun, type Stage, type StagePlan, type Step, step } from './stage.ts'
import { PassingStage } from './stages/passing.ts'

export interface FusedInput {
  readonly name: string
  readonly weight: number
  readonly pipeline: Pipeline
}

export interface Fusion {
  /** The stage's name. */
  readonly name: string
  readonly from: Namespace
  readonly inputs: readonly FusedInput[]
  /** What counts of a document that an input finds: its rank there or the score it has there. */
  readonly figure: 'rank' | 'score'
  /** `{$meta: 'scoreDetails'}` is asked for. */
  readonly hasDetails: boolean
  open(run: PipelineRun): Combination
}

/** How the figures that the inputs have for a document become its score. */
export interface Combination {
  /** Told of each figure, before any is combined. */
  met?(input: number, figure: number): void
  /** By input; undefined: it did not find the document. */
  scoreOf(figures: readonly (number | undefined)[]): number
  /** Writes the fields of the details that follow the score. */
  describe(figures: readonly (number | undefined)[], writer: BsonWriter): void
}

/** The plan of a stage that fuses what its own pipelines find. */
export function fusionPlan(fusion: Fusion): StagePlan {
  return {
    name: fusion.name,
    isSource: true,
    gives: fusion.hasDetails ? ['score', 'scoreDetails'] : ['score'],
    reads: [fusion.from],
    open: (input, run) => new FusionStage(input, run, fusion),
  }
}

class FusionStage extends PassingStage {
  readonly #run: PipelineRun
  readonly #fusion: Fusion
  readonly #documents: HeldDocuments
  /** By `_id`: the documents' numbers. */
  readonly #ids = new KeyTable()
  readonly #scores: number[] = []
  /** By document, then input. */
  readonly #figures: (number | undefined)[] = []
  readonly #combination: Combination
  readonly #sorter: Sorter
  readonly #key = new KeyWriter()
  /** The input that is being taken in. */
  #taking = 0
  #rows: Rows | undefined
  #sortKey: SortKeyOf | undefined
  readonly #sortKeys = [new KeyWriter(), new KeyWriter()] as const
  #place = 0
  #rank = 0
  #ordered = 0
  #current = -1

  /** `input`: closed unread. */
  constructor(input: Stage, run: PipelineRun, fusion: Fusion) {
    super(input)
    this.#run = run
    this.#fusion = fusion
    this.#documents = new HeldDocuments(run)
    this.#sorter = run.sorter()
    this.#combination = fusion.open(run)
  }

  get spilledBytes(): number {
    return this.#documents.spilledBytes + this.#sorter.spilledBytes
  }

  step(): Step {
    while (this.#taking < this.#fusion.inputs.length) {
      if (!this.#take(this.#fusion.inputs[this.#taking]!)) return step.pause
      this.#taking++
    }
    while (this.#ordered < this.#documents.count) {
      this.#order(this.#ordered++)
      if (this.#run.turnIsOver()) return step.pause
    }
    const sorter = this.#sorter
    if (!sorter.next()) return step.end
    this.#current = sorter.tag
    this.#documents.show(this.#current)
    this.show(this.#documents.bytes, this.#documents.start, this.#documents.end)
    return step.row
  }

  /** False: the turn is over. */
  #take(input: FusedInput): boolean {
    this.#rows ??= this.#open(input)
    const rows = this.#rows
    while (rows.next()) {
      this.#add(this.#fusion.figure === 'rank' ? this.#rankOf(rows) : scoreOf(rows), rows)
      if (this.#run.turnIsOver()) return false
    }
    if (rows.paused === true) return false
    this.#release()
    return true
  }

  #open({ pipeline }: FusedInput): Rows {
    const run = this.#run.inner()
    const rows = run.host.open(this.#fusion.from, pipeline, run)
    this.#run.track(rows)
    const last =
      this.#fusion.figure === 'rank' ? pipeline.findLast(({ name }) => ordering.has(name))?.pushdown : undefined
    this.#sortKey = last?.kind === 'sort' ? compileSort(parseSort(last.document, 0, run.collation)) : undefined
    this.#place = 0
    this.#rank = 0
    return rows
  }

  #rankOf({ bytes, start }: Rows): number {
    const place = ++this.#place
    if (this.#sortKey === undefined) return place
    const key = this.#sortKeys[place & 1]!.reset()
    this.#sortKey(bytes, start, key)
    const before = this.#sortKeys[(place - 1) & 1]!
    const isTied = place > 1 && compareBytes(key.bytes, 0, key.length, before.bytes, 0, before.length) === 0
    if (!isTied) this.#rank = place
    return this.#rank
  }

  /** Errors: QueryExceededMemoryLimitNoDiskUseAllowed. */
  #add(figure: number, { bytes, start, end }: Rows): void {
    const id = getField(bytes, '_id', start) ?? nullValue
    encodeKey(this.#key.reset(), id.type, id.bytes, id.start)
    const { count } = this.#ids
    const number = this.#ids.numberOf(this.#key.bytes, this.#key.length)
    const inputs = this.#fusion.inputs.length
    if (number === count) {
      if (!this.#documents.add(bytes, start, end)) throw memoryExceeded(this.#fusion.name)
      for (let i = 0; i < inputs; i++) this.#figures.push(undefined)
    }
    this.#figures[number * inputs + this.#taking] = figure
    this.#combination.met?.(this.#taking, figure)
  }

  #figuresOf(number: number): readonly (number | undefined)[] {
    const inputs = this.#fusion.inputs.length
    return this.#figures.slice(number * inputs, (number + 1) * inputs)
  }

  #order(number: number): void {
    const documents = this.#documents
    documents.show(number)
    const score = doubleValue(this.#combination.scoreOf(this.#figuresOf(number)))
    this.#scores[number] = numberOf(score)
    const id = getField(documents.bytes, '_id', documents.start) ?? nullValue
    const key = this.#key.reset()
    encodeKey(key, score.type, score.bytes, score.start, true)
    encodeKey(key, id.type, id.bytes, id.start)
    this.#sorter.add(key.bytes, key.length, number)
  }

  metadata(name: string): Value | undefined {
    if (name === 'score') return doubleValue(this.#scores[this.#current]!)
    return name === 'scoreDetails' && this.#fusion.hasDetails ? this.#details() : undefined
  }

  #details(): Value {
    const writer = new BsonWriter()
    writer.beginDocument()
    writer.value('value', doubleValue(this.#scores[this.#current]!))
    this.#combination.describe(this.#figuresOf(this.#current), writer)
    writer.end()
    return documentValue(writer.finish())
  }

  #release(): void {
    if (this.#rows === undefined) return
    this.#run.untrack(this.#rows)
    this.#rows.close()
    this.#rows = undefined
  }

  override close(): void {
    this.#release()
    this.#documents.close()
    this.#sorter.close()
    super.close()
  }
}

/** Stages that give documents an order. */
const ordering: ReadonlySet<string> = new Set(['$sort', '$sample', '$geoNear'])

function scoreOf(rows: Rows): number {
  return numberOf(rows.metadata!('score')!)
}
