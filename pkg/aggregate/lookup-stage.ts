/**
 * Joins: how `$lookup` finds the foreign documents of a local one.
 *
 *   by equality, the foreign path is indexed       seeks in the index for single local values (`point-join.ts`),
 *                                                  else a query by the local values, for each local document
 *   by equality otherwise, and once the queries    a table of all foreign documents by their values, made once;
 *   have cost as much as a table would             beyond its memory its documents go to disk. When they may not, or the
 *                                                  keys alone are too many, a query for each local document after all
 *   by equality and a pipeline that takes all      seeks likewise, the pipeline over what they find
 *   by a pipeline                                  the pipeline for each local document, after a query when there is equality too
 *   by a pipeline that depends on nothing          its documents, made once and kept, on disk beyond their memory
 */
import { bsonType } from '../bson/type.ts'
import { int64Value, nullValue, type Value } from '../bson/value.ts'
import { BsonWriter } from '../bson/writer.ts'
import { ExpressionCompiler } from '../expression/compile.ts'
import type { EvaluationContext } from '../expression/context.ts'
import { type Evaluate, type Expression, missing } from '../expression/expression.ts'
import { ownedMetadata } from '../expression/metadata.ts'
import type { Scope } from '../expression/scope.ts'
import { parseFilter } from '../query/filter/parse.ts'
import type { Path } from '../query/path.ts'
import type { PointLookup } from '../query/point-lookup.ts'
import { copyBytes } from '../storage/copy.ts'
import { copyOf } from './accumulators/accumulator.ts'
import { GatheredArray } from './accumulators/gathered.ts'
import { HeldDocuments, heldRows } from './held-documents.ts'
import type { ForeignCollection, Namespace } from './host.ts'
import { JoinTable } from './join-table.ts'
import { equalityFilter, localValues } from './join-values.ts'
import { type NeededFields, neededOfInput } from './needed-fields.ts'
import { NestedSetter } from './nested-setter.ts'
import { optimise } from './optimise.ts'
import type { Pipeline } from './parse.ts'
import { PointBatch, PointRows } from './point-batch.ts'
import { PointJoin } from './point-join.ts'
import { DocumentRows, type Rows } from './rows.ts'
import { prepared, runPrepared, runWithin } from './run.ts'
import { type FieldSource, type PipelineRun, type Saving, type Stage, type Step, step } from './stage.ts'
import { filterPlan } from './stages/match.ts'
import { PassingStage } from './stages/passing.ts'
import type { Unwinding } from './unwinding.ts'

export interface Lookup {
  /** `collection` empty: the pipeline brings its own documents. */
  readonly from: Namespace
  readonly localPath: Path | undefined
  readonly foreignPath: Path | undefined
  readonly variables: readonly { readonly slot: number; readonly expression: Expression }[]
  /** Of the pipeline. */
  readonly scope: Scope
  readonly hasPipeline: boolean
  readonly pipeline: Pipeline
  readonly as: string
  /** Something is known of its documents besides their fields. */
  readonly carriesMetadata: boolean
  /** The `$unwind` of `as` that follows, done at once. */
  readonly unwinding: Unwinding | undefined
}

interface PipedPoints {
  readonly locals: PointBatch
  readonly lookup: PointLookup
  readonly pipeline: Pipeline
}

/** How many documents can be put into a table in the time of one query, about. */
const queryCost = 8

export class LookupStage extends PassingStage implements FieldSource {
  readonly #run: PipelineRun
  readonly #lookup: Lookup
  readonly #context: EvaluationContext
  readonly #variables: readonly { readonly slot: number; readonly evaluate: Evaluate }[]
  readonly #setter: NestedSetter
  #foreign: ForeignCollection | undefined
  /** How equality finds documents; undefined until the first local document. */
  #way: 'query' | 'table' | undefined
  #queries = 0
  /** The table has turned out too large. */
  #tableless = false
  #table: JoinTable | undefined
  /** Rows that the table is being filled from. */
  #filling: Rows | undefined
  /** What a pipeline that depends on nothing has made; undefined while it is not known, null when it is too much. */
  #kept: HeldDocuments | null | undefined
  /** What it makes for the first time. */
  #keeping: HeldDocuments | undefined
  /** The foreign documents of the current local one. */
  #rows: Rows | undefined
  readonly #array = new GatheredArray()
  #position = 0
  /** The current local document, from 0 to `#localEnd`. */
  #local: Uint8Array = new Uint8Array(256)
  #localEnd = 0
  /** What is known of it, when it carries that. */
  #metadata: ReadonlyMap<string, Value> | undefined
  /** Whether the current local document waits for its foreign ones. */
  #joining = false

  /** Seeks, where they find what is asked for; undefined until the first step, null: not here. */
  #points: PointJoin | null | undefined
  /** Seeks whose documents go through the pipeline. */
  #piped: PipedPoints | undefined
  readonly #needed: NeededFields | undefined
  readonly field: FieldSource | undefined
  readonly fieldName: string
  fieldType = 0
  fieldBytes: Uint8Array = new Uint8Array(0)
  fieldStart = 0
  fieldEnd = 0
  #givesField = false
  readonly #fieldWriter = new BsonWriter(256)

  /** `needed`: the fields that will be read of its documents; undefined: all. */
  constructor(input: Stage, run: PipelineRun, lookup: Lookup, needed: NeededFields | undefined) {
    super(input)
    this.#run = run
    this.#lookup = lookup
    this.#needed = needed
    this.fieldName = lookup.as
    if (lookup.unwinding === undefined && needed?.size === 1 && needed.has(lookup.as)) this.field = this
    const compiler = new ExpressionCompiler()
    this.#variables = lookup.variables.map(({ slot, expression }) => ({ slot, evaluate: compiler.compile(expression) }))
    // It has the local document until all of the foreign ones have been found.
    this.#context = run.allowDetours(run.context(compiler), () => undefined)
    this.#context.metadata = (name) => this.metadata(name)
    const { unwinding } = lookup
    const paths = unwinding?.indexPath === undefined ? [lookup.as] : [lookup.as, unwinding.indexPath]
    this.#setter = new NestedSetter(paths)
  }

  get spilledBytes(): number {
    return (this.#table?.spilledBytes ?? 0) + (this.#kept?.spilledBytes ?? 0)
  }

  step(): Step {
    for (;;) {
      if (!this.#joining) {
        if (this.#points === undefined) this.#points = this.#openPoints()
        const points = this.#points
        if (points?.joining === true) {
          const answer = points.next()
          if (answer === step.row) {
            if (points.givesField) this.#showField(bsonType.array, points.arrayBytes, 0, points.arrayEnd)
            else this.showWritten(points.writer)
          }
          if (answer !== step.end) return answer
        }
        const piped = this.#piped
        const input = piped?.locals ?? points?.locals ?? this.input
        const answer = input.step()
        if (answer !== step.row) return answer
        if (points?.begin() === true) continue
        // The input's bytes may go while foreign documents are read: keep them.
        this.#keepLocal(input.bytes, input.start, input.end)
        if (this.#lookup.carriesMetadata) this.#metadata = ownedMetadata((name) => this.input.metadata?.(name))
        this.#array.reset()
        this.#position = 0
        this.#joining = true
        if (piped?.locals.hasKey === true) this.#rows = this.#track(this.#openPiped(piped))
      }
      const answer = this.#join()
      if (answer !== step.end) return answer
    }
  }

  #keepLocal(bytes: Uint8Array, start: number, end: number): void {
    const length = end - start
    if (this.#local.length < length) this.#local = new Uint8Array(length * 2)
    copyBytes(bytes, start, end, this.#local, 0)
    this.#localEnd = length
  }

  #openPoints(): PointJoin | null {
    const { from, localPath, foreignPath, hasPipeline, carriesMetadata } = this.#lookup
    // What joins many at a time keeps documents alone.
    if (localPath === undefined || foreignPath === undefined || carriesMetadata) return null
    const pipeline = hasPipeline ? takingAll(this.#lookup.pipeline) : undefined
    if (hasPipeline ? pipeline === undefined : !isPlain(this.#lookup)) return null
    const lookup = this.#run.host.foreign(from, this.#run.collation)?.points(foreignPath.text)
    if (lookup === undefined) return null
    if (pipeline !== undefined) {
      const locals = new PointBatch(this.input, lookup, localPath, this.#run, { keepsLocals: true, reads: true })
      this.#run.track(lookup)
      this.#piped = { locals, lookup, pipeline }
      return null
    }
    return new PointJoin(this.input, localPath, lookup, this.#run, {
      as: this.#lookup.as,
      unwinding: this.#lookup.unwinding,
      needed: this.#needed,
      givesField: this.#givesField,
    })
  }

  /** What the pipeline makes of the foreign documents of the current local one. */
  #openPiped({ locals, lookup, pipeline }: PipedPoints): Rows {
    return runPrepared(pipeline, new PointRows(locals, lookup), this.#innerRun())
  }

  metadata(name: string): Value | undefined {
    return this.#metadata?.get(name)
  }

  giveField(): void {
    this.#givesField = true
  }

  makeDocument(): void {
    const writer = this.#fieldWriter.reset()
    writer.beginDocument()
    writer.head(this.fieldType, this.fieldName)
    writer.append(this.fieldBytes, this.fieldStart, this.fieldEnd)
    writer.end()
    this.showWritten(writer)
  }

  #showField(type: number, bytes: Uint8Array, start: number, end: number): void {
    this.fieldType = type
    this.fieldBytes = bytes
    this.fieldStart = start
    this.fieldEnd = end
  }

  /** A row, a pause, or `end`: this local document gives nothing more. */
  #join(): Step {
    if (this.#rows === undefined) {
      if (!this.#prepare()) return step.pause
      this.#rows = this.#open()
    }
    const rows = this.#rows
    const { unwinding } = this.#lookup
    while (rows.next()) {
      if (this.#keeping !== undefined) this.#keep(this.#keeping, rows)
      const value: Value = { type: bsonType.document, bytes: rows.bytes, start: rows.start, end: rows.end }
      if (unwinding !== undefined) {
        this.#emit(value, int64Value(this.#position++))
        return step.row
      }
      this.#array.add(value)
      if (this.#run.turnIsOver()) return step.pause
    }
    if (rows.paused === true) return step.pause
    this.#finish(rows)
    if (unwinding === undefined) {
      this.#emit(this.#array.lend(), nullValue)
      return step.row
    }
    if (this.#position > 0 || !unwinding.keepEmpty) return step.end
    this.#emit(missing, nullValue)
    return step.row
  }

  #emit(value: Value, index: Value): void {
    if (this.#givesField) {
      this.#showField(value.type, value.bytes, value.start, value.end)
      return
    }
    const setter = this.#setter
    setter.values[0] = value
    if (setter.values.length > 1) setter.values[1] = index
    this.showWritten(setter.set(this.#local, 0))
  }

  #finish(rows: Rows): void {
    this.#release(rows)
    this.#rows = undefined
    this.#joining = false
    if (this.#keeping === undefined) return
    this.#kept = this.#keeping
    this.#keeping = undefined
  }

  #release(rows: Saving & { close(): void }): void {
    this.#run.untrack(rows)
    rows.close()
  }

  #track(rows: Rows): Rows {
    this.#run.track(rows)
    return rows
  }

  /** Chooses the way and fills the table; false: the turn is over. */
  #prepare(): boolean {
    const { foreignPath, from, hasPipeline } = this.#lookup
    if (foreignPath === undefined) return true
    if (this.#way === undefined) {
      this.#foreign = this.#run.host.foreign(from, this.#run.collation)
      const table = !hasPipeline && this.#foreign !== undefined && !this.#foreign.isIndexed(foreignPath.text)
      this.#way = table ? 'table' : 'query'
      if (table) this.#beginTable(this.#foreign!, foreignPath)
    } else if (this.#way === 'query' && !hasPipeline && !this.#tableless && this.#foreign !== undefined) {
      if (++this.#queries * queryCost > this.#foreign.documentCount) this.#beginTable(this.#foreign, foreignPath)
    }
    const rows = this.#filling
    if (rows === undefined) return true
    const table = this.#table!
    while (rows.next()) {
      if (!table.add(rows.bytes, rows.start, rows.end)) {
        table.close()
        this.#table = undefined
        this.#way = 'query'
        this.#tableless = true
        this.#endFilling(rows)
        return true
      }
    }
    if (rows.paused === true) return false
    this.#endFilling(rows)
    return true
  }

  #beginTable(foreign: ForeignCollection, path: Path): void {
    this.#way = 'table'
    this.#table = new JoinTable(this.#run, path)
    this.#filling = this.#track(foreign.find(emptyDocument))
  }

  #endFilling(rows: Rows): void {
    this.#release(rows)
    this.#filling = undefined
  }

  /** The foreign documents of the local one. */
  #open(): Rows {
    const { localPath, foreignPath, from, pipeline, scope, hasPipeline } = this.#lookup
    const local = this.#local
    if (localPath !== undefined && foreignPath !== undefined) {
      const values = localValues(localPath, local, 0)
      if (this.#table !== undefined) return this.#table.find(values)
      const filter = equalityFilter(foreignPath.text, values)
      if (!hasPipeline && this.#foreign !== undefined) return this.#track(this.#foreign.find(filter))
      const plan = filterPlan(filter, parseFilter(filter, 0, { scope }), scope)
      // What brings its own documents must stand first.
      const whole = pipeline[0]?.isSource === true ? [pipeline[0], plan, ...pipeline.slice(1)] : [plan, ...pipeline]
      return this.#track(this.#run.host.open(from, whole, this.#innerRun()))
    }
    if (this.#variables.length === 0) {
      if (this.#kept) return heldRows(this.#kept)
      if (this.#kept === undefined) this.#keeping = new HeldDocuments(this.#run)
    }
    return this.#track(this.#openPipeline())
  }

  #openPipeline(): Rows {
    const { from, pipeline } = this.#lookup
    const run = this.#innerRun()
    if (from.collection === '') return runWithin(pipeline, new DocumentRows([]), run)
    return this.#run.host.open(from, pipeline, run)
  }

  #innerRun(): PipelineRun {
    if (this.#variables.length === 0) return this.#run.inner()
    this.#context.reset(this.#local, 0, this.#localEnd)
    const variables = [...this.#run.variables]
    for (const { slot, evaluate } of this.#variables) variables[slot] = copyOrMissing(evaluate(this.#context))
    return this.#run.inner(variables)
  }

  #keep(documents: HeldDocuments, rows: Rows): void {
    if (documents.add(rows.bytes, rows.start, rows.end)) return
    documents.close()
    this.#kept = null
    this.#keeping = undefined
  }

  override close(): void {
    if (this.#rows !== undefined) this.#release(this.#rows)
    if (this.#filling !== undefined) this.#release(this.#filling)
    this.#points?.close()
    if (this.#piped !== undefined) this.#release(this.#piped.lookup)
    this.#table?.close()
    this.#kept?.close()
    this.#keeping?.close()
    super.close()
  }
}

/** What it sets is one top-level field. */
function isPlain({ as, unwinding }: Lookup): boolean {
  return !as.includes('.') && unwinding?.indexPath === undefined
}

/**
 * The pipeline, prepared, when all that it does needs every document with a value as it is: a filter, an order or a limit at its head may be
 * served better by another index, and what is only counted by keys.
 */
function takingAll(pipeline: Pipeline): Pipeline | undefined {
  const plans = optimise(pipeline)
  const [first] = plans
  if (first === undefined || first.isSource === true || first.pushdown !== undefined) return undefined
  return neededOfInput(plans)?.size === 0 ? undefined : prepared(plans)
}

function copyOrMissing(value: Value): Value {
  return value === missing ? missing : copyOf(value)
}

const emptyDocument = new Uint8Array([5, 0, 0, 0, 0])
