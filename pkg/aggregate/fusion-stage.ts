/**
 * Reciprocal rank fusion: documents that several pipelines rank, each by the sum of weight / (60 + rank) over the pipelines that find it,
 * the highest first, equal ones by `_id`.
 *
 * A document's rank is that of its sort key among those of the pipeline's last `$sort`: equal keys have equal ranks, and the ranks after
 * them are as if they had not. Documents that something else has ordered are ranked by their places.
 */
import { compareBytes, encodeKey, KeyWriter } from '../bson/key.ts'
import { documentValue, doubleValue, getField, nullValue, type Value } from '../bson/value.ts'
import { BsonWriter } from '../bson/writer.ts'
import { compileSort, type SortKeyOf } from '../query/sort/key.ts'
import { parseSort } from '../query/sort/parse.ts'
import type { Sorter } from '../query/sort/sorter.ts'
import { HeldDocuments } from './held-documents.ts'
import type { Namespace } from './host.ts'
import { KeyTable } from './key-table.ts'
import type { Pipeline } from './parse.ts'
import type { Rows } from './rows.ts'
import { memoryExceeded, type PipelineRun, type Stage, type Step, step } from './stage.ts'
import { PassingStage } from './stages/passing.ts'

export interface Ranking {
  readonly name: string
  readonly weight: number
  readonly pipeline: Pipeline
}

export interface Fusion {
  readonly from: Namespace
  readonly rankings: readonly Ranking[]
  /** `{$meta: 'scoreDetails'}` is asked for. */
  readonly hasDetails: boolean
}

/** How little the first ranks differ. */
const rankConstant = 60

export class FusionStage extends PassingStage {
  readonly #run: PipelineRun
  readonly #fusion: Fusion
  readonly #documents: HeldDocuments
  /** By `_id`: the documents' numbers. */
  readonly #ids = new KeyTable()
  readonly #scores: number[] = []
  /** By document, then ranking, when details are asked for: the rank; 0: not found by it. */
  readonly #ranks: number[] = []
  readonly #sorter: Sorter
  readonly #key = new KeyWriter()
  /** The ranking that is being taken in. */
  #ranking = 0
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
  }

  get spilledBytes(): number {
    return this.#documents.spilledBytes + this.#sorter.spilledBytes
  }

  step(): Step {
    while (this.#ranking < this.#fusion.rankings.length) {
      if (!this.#take(this.#fusion.rankings[this.#ranking]!)) return step.pause
      this.#ranking++
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
  #take(ranking: Ranking): boolean {
    this.#rows ??= this.#open(ranking)
    const rows = this.#rows
    while (rows.next()) {
      this.#add(this.#rankOf(rows), ranking.weight, rows)
      if (this.#run.turnIsOver()) return false
    }
    if (rows.paused === true) return false
    this.#release()
    return true
  }

  #open({ pipeline }: Ranking): Rows {
    const run = this.#run.inner()
    const rows = run.host.open(this.#fusion.from, pipeline, run)
    this.#run.track(rows)
    const last = pipeline.findLast(({ name }) => ordering.has(name))?.pushdown
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
  #add(rank: number, weight: number, { bytes, start, end }: Rows): void {
    const id = getField(bytes, '_id', start) ?? nullValue
    encodeKey(this.#key.reset(), id.type, id.bytes, id.start)
    const { count } = this.#ids
    const number = this.#ids.numberOf(this.#key.bytes, this.#key.length)
    if (number === count) {
      if (!this.#documents.add(bytes, start, end)) throw memoryExceeded('$rankFusion')
      this.#scores.push(0)
    }
    const share = weight * (1 / (rankConstant + rank))
    this.#scores[number] = this.#scores[number]! + share
    if (this.#fusion.hasDetails) this.#ranks[number * this.#fusion.rankings.length + this.#ranking] = rank
  }

  #order(number: number): void {
    const documents = this.#documents
    documents.show(number)
    const score = doubleValue(this.#scores[number]!)
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
    const { rankings } = this.#fusion
    const writer = new BsonWriter()
    writer.beginDocument()
    writer.value('value', doubleValue(this.#scores[this.#current]!))
    writer.string(
      'description',
      'value output by reciprocal rank fusion algorithm, computed as sum of (weight * (1 / (60 + rank))) across input pipelines from which this document is output, from:',
    )
    writer.beginArray('details')
    rankings.forEach(({ name, weight }, i) => {
      const rank = this.#ranks[this.#current * rankings.length + i]
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
