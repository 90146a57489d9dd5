import { DatabaseError } from '../../base/errors.ts'
import { KeyWriter } from '../../bson/key.ts'
import { wholeInt64Of } from '../../bson/number.ts'
import { bsonType, typeAlias } from '../../bson/type.ts'
import {
  arrayValue,
  documentFields,
  documentOf,
  getField,
  int64Value,
  isNumber,
  nullValue,
  readString,
  type Value,
} from '../../bson/value.ts'
import { ElementWalker } from '../../bson/walk.ts'
import { BsonWriter, indexName } from '../../bson/writer.ts'
import { ExpressionCompiler } from '../../expression/compile.ts'
import type { EvaluationContext } from '../../expression/context.ts'
import { type Evaluate, type Expression, missing } from '../../expression/expression.ts'
import { splitFieldPath } from '../../expression/field-path.ts'
import { ownedMetadata } from '../../expression/metadata.ts'
import { parseExpression } from '../../expression/parse.ts'
import type { Scope } from '../../expression/scope.ts'
import { parseFilter } from '../../query/filter/parse.ts'
import { type Path, parsePath } from '../../query/path.ts'
import { copyOf } from '../accumulators/accumulator.ts'
import { givenMetadata } from '../carried-metadata.ts'
import { HeldDocuments } from '../held-documents.ts'
import type { Namespace } from '../host.ts'
import { equalityFilter, localValues } from '../join-values.ts'
import { KeyTable } from '../key-table.ts'
import { NestedSetter } from '../nested-setter.ts'
import { changes } from '../path-effects.ts'
import type { Rows } from '../rows.ts'
import {
  type PipelineRun,
  type Stage,
  type StageContext,
  type StageDefinition,
  type StagePlan,
  type Step,
  step,
} from '../stage.ts'
import type { Unwinding } from '../unwinding.ts'
import { refuseUnfitCollection } from './lookup.ts'
import { filterPlan } from './match.ts'
import { PassingStage } from './passing.ts'

interface GraphLookup {
  readonly from: Namespace
  readonly startWith: Expression
  readonly connectFrom: Path
  readonly connectTo: string
  readonly as: string
  readonly maxDepth: number
  readonly depthField: string | undefined
  readonly restriction: Uint8Array | undefined
  readonly scope: Scope
  /** Something is known of its documents besides their fields. */
  readonly carriesMetadata: boolean
  /** The `$unwind` of `as` that follows, done at once: what is found need not fit into memory. */
  readonly unwinding: Unwinding | undefined
}

/** Values looked for by one query. */
const frontierMax = 1000

/** `{$graphLookup: {from, startWith, connectFromField, connectToField, as, maxDepth, depthField, restrictSearchWithMatch}}` */
export const graphLookup: StageDefinition = {
  name: '$graphLookup',
  parse(operand, context) {
    const lookup = parseGraphLookup(operand, context)
    return {
      ...planOf(lookup),
      oneToOne: true,
      fused({ unwinding }) {
        if (unwinding === undefined || unwinding.path !== lookup.as) return undefined
        return planOf({ ...lookup, unwinding })
      },
    }
  },
}

function planOf(lookup: GraphLookup): StagePlan {
  const { as, from, unwinding } = lookup
  return {
    name: '$graphLookup',
    effects: changes(unwinding?.indexPath === undefined ? [as] : [as, unwinding.indexPath]),
    reads: [from],
    open: (input, run) => new GraphLookupStage(input, run, lookup),
  }
}

function parseGraphLookup(operand: Value, context: StageContext): GraphLookup {
  if (operand.type !== bsonType.document) {
    throw new DatabaseError(
      'FailedToParse',
      `the $graphLookup stage specification must be an object, but found ${typeAlias(operand.type)}`,
    )
  }
  let startWith: Expression | undefined
  const texts = new Map<string, string>()
  let maxDepth = Number.POSITIVE_INFINITY
  let restriction: Uint8Array | undefined
  for (const field of documentFields(operand.bytes, operand.start)) {
    switch (field.name) {
      case 'startWith':
        startWith = parseExpression(field, context.scope)
        break
      case 'maxDepth':
        maxDepth = depthOf(field)
        break
      case 'restrictSearchWithMatch':
        if (field.type !== bsonType.document) {
          throw new DatabaseError(40185, '$graphLookup argument "restrictSearchWithMatch" must be an object')
        }
        parseFilter(field.bytes, field.start, { scope: context.scope, nowMs: context.nowMs })
        restriction = documentOf(field)
        break
      case 'from':
      case 'as':
      case 'connectFromField':
      case 'connectToField':
      case 'depthField':
        if (field.type !== bsonType.string) {
          throw new DatabaseError(
            field.name === 'from' ? 'FailedToParse' : 40103,
            `expected string as argument for ${field.name}, found: ${typeAlias(field.type)}`,
          )
        }
        texts.set(field.name, readString(field.bytes, field.start))
        break
      default:
        throw new DatabaseError(40104, `Unknown argument to $graphLookup: ${field.name}`)
    }
  }
  const [from, as, connectFrom, connectTo] = ['from', 'as', 'connectFromField', 'connectToField'].map((name) =>
    texts.get(name),
  )
  if (from === undefined) throw new DatabaseError('FailedToParse', "must specify 'from' field for a $graphLookup")
  if (as === undefined || connectFrom === undefined || connectTo === undefined || startWith === undefined) {
    throw new DatabaseError(
      40105,
      "$graphLookup requires 'from', 'as', 'startWith', 'connectFromField', and 'connectToField' to be specified.",
    )
  }
  refuseUnfitCollection(context.database, from)
  for (const path of [as, connectFrom, connectTo]) splitFieldPath(path)
  const depthField = texts.get('depthField')
  if (depthField !== undefined) splitFieldPath(depthField)
  return {
    from: { database: context.database, collection: from },
    startWith,
    connectFrom: parsePath(connectFrom),
    connectTo,
    as,
    maxDepth,
    depthField,
    restriction,
    scope: context.scope,
    carriesMetadata: givenMetadata(context.scope).length > 0,
    unwinding: undefined,
  }
}

function depthOf(value: Value): number {
  if (!isNumber(value.type)) {
    throw new DatabaseError(40100, `maxDepth requires numeric argument, found: ${typeAlias(value.type)}`)
  }
  const whole = wholeInt64Of(value)
  if (whole !== undefined && whole < 0n) {
    throw new DatabaseError(40101, `maxDepth requires a nonnegative argument, found: ${whole}`)
  }
  if (whole === undefined) throw new DatabaseError(40102, 'maxDepth could not be represented as a long long')
  return Number(whole)
}

/** Breadth first: each round looks for the values that the documents of the round before lead to. */
class GraphLookupStage extends PassingStage {
  readonly #run: PipelineRun
  readonly #lookup: GraphLookup
  readonly #startWith: Evaluate
  readonly #context: EvaluationContext
  readonly #setter: NestedSetter
  readonly #key = new KeyWriter()
  #local: Uint8Array | undefined
  /** What is known of it, when that is carried. */
  #metadata: ReadonlyMap<string, Value> | undefined
  #hasBegun = false
  /** `_id`s of the documents found, and values that were looked for. */
  #found = new KeyTable()
  #asked = new KeyTable()
  readonly #results: HeldDocuments
  /** All that the current local document leads to has been found, and so many of it given. */
  #searched = false
  #given = 0
  #depth = 0
  /** To be looked for in this round, and in the next. */
  #frontier: Value[] = []
  #next: Value[] = []
  #rows: Rows | undefined

  constructor(input: Stage, run: PipelineRun, lookup: GraphLookup) {
    super(input)
    this.#run = run
    this.#lookup = lookup
    const compiler = new ExpressionCompiler()
    this.#startWith = compiler.compile(lookup.startWith)
    // The local document is kept until its search has begun.
    this.#context = run.allowDetours(run.context(compiler), () => undefined)
    this.#context.metadata = (name) => this.metadata(name)
    const { as, unwinding } = lookup
    this.#setter = new NestedSetter(unwinding?.indexPath === undefined ? [as] : [as, unwinding.indexPath])
    this.#results = new HeldDocuments(run)
  }

  get spilledBytes(): number {
    return this.#results.spilledBytes
  }

  step(): Step {
    for (;;) {
      if (this.#local === undefined) {
        const { input } = this
        const answer = input.step()
        if (answer !== step.row) return answer
        this.#local = input.bytes.slice(input.start, input.end)
        if (this.#lookup.carriesMetadata) this.#metadata = ownedMetadata((name) => input.metadata?.(name))
        this.#hasBegun = false
      }
      if (!this.#hasBegun) this.#begin(this.#local)
      while (!this.#searched) {
        if (this.#rows === undefined && !this.#openRound()) this.#searched = true
        else if (!this.#takeRound(this.#rows!)) return step.pause
      }
      if (this.#give(this.#local)) return step.row
    }
  }

  /** Shows the local document with what it leads to; false when there is nothing more to show of it. */
  #give(local: Uint8Array): boolean {
    const { unwinding } = this.#lookup
    const results = this.#results
    if (unwinding === undefined) {
      this.#local = undefined
      this.#emit(local, resultArray(results), nullValue)
      return true
    }
    const at = this.#given++
    if (at < results.count) {
      results.show(at)
      const { bytes, start, end } = results
      this.#emit(local, { type: bsonType.document, bytes, start, end }, int64Value(at))
      return true
    }
    this.#local = undefined
    if (at > 0 || !unwinding.keepEmpty) return false
    this.#emit(local, missing, nullValue)
    return true
  }

  #emit(local: Uint8Array, value: Value, position: Value): void {
    const setter = this.#setter
    setter.values[0] = value
    if (setter.values.length > 1) setter.values[1] = position
    this.showWritten(setter.set(local, 0))
  }

  #begin(local: Uint8Array): void {
    this.#context.reset(local, 0, local.length)
    const start = this.#startWith(this.#context)
    this.#hasBegun = true
    this.#found = new KeyTable()
    this.#asked = new KeyTable()
    this.#results.reset()
    this.#searched = false
    this.#given = 0
    this.#depth = 0
    this.#frontier = []
    this.#next = []
    if (start.type === bsonType.array) {
      const walker = new ElementWalker().reset(start.bytes, start.start)
      while (walker.next()) this.#ask(walker.value(), this.#frontier)
    } else this.#ask(start === missing ? nullValue : start, this.#frontier)
  }

  #ask(value: Value, frontier: Value[]): void {
    this.#run.order.encodeKey(this.#key.reset(), value.type, value.bytes, value.start)
    const { count } = this.#asked
    if (this.#asked.numberOf(this.#key.bytes, this.#key.length) === count) frontier.push(copyOf(value))
  }

  /** Begins the query for the next values; false when there is nothing to look for any more. */
  #openRound(): boolean {
    if (this.#frontier.length === 0) {
      if (this.#next.length === 0 || this.#depth >= this.#lookup.maxDepth) return false
      this.#depth++
      this.#frontier = this.#next
      this.#next = []
    }
    const { from, connectTo, restriction, scope } = this.#lookup
    const filter = equalityFilter(connectTo, this.#frontier.splice(0, frontierMax))
    const plans = [filterPlan(filter, parseFilter(filter, 0, { scope }), scope)]
    if (restriction !== undefined) {
      const { variables, nowMs } = this.#run
      plans.push(filterPlan(restriction, parseFilter(restriction, 0, { scope, variables, nowMs }), scope))
    }
    this.#rows = this.#run.host.open(from, plans, this.#run.inner())
    this.#run.track(this.#rows)
    return true
  }

  /** False: the turn is over. */
  #takeRound(rows: Rows): boolean {
    while (rows.next()) {
      this.#take(rows.bytes, rows.start, rows.end)
      if (this.#run.turnIsOver()) return false
    }
    if (rows.paused === true) return false
    this.#endRound()
    return true
  }

  #endRound(): void {
    if (this.#rows === undefined) return
    this.#run.untrack(this.#rows)
    this.#rows.close()
    this.#rows = undefined
  }

  #take(bytes: Uint8Array, start: number, end: number): void {
    const id = getField(bytes, '_id', start) ?? nullValue
    this.#run.order.encodeKey(this.#key.reset(), id.type, id.bytes, id.start)
    const { count } = this.#found
    if (this.#found.numberOf(this.#key.bytes, this.#key.length) !== count) return
    for (const value of localValues(this.#lookup.connectFrom, bytes, start)) {
      if (value !== nullValue) this.#ask(value, this.#next)
    }
    const keyBytes = this.#found.usedBytes + this.#asked.usedBytes
    if (keyBytes > this.#run.memoryLimitBytes || !this.#hold(bytes, start, end)) {
      throw new DatabaseError(40099, '$graphLookup reached maximum memory consumption')
    }
  }

  #hold(bytes: Uint8Array, start: number, end: number): boolean {
    const { depthField } = this.#lookup
    if (depthField === undefined) return this.#results.add(bytes, start, end)
    const setter = new NestedSetter([depthField])
    setter.values[0] = int64Value(this.#depth)
    const written = setter.set(bytes, start)
    return this.#results.add(written.bytes, 0, written.length)
  }

  metadata(name: string): Value | undefined {
    return this.#metadata?.get(name)
  }

  override close(): void {
    this.#endRound()
    this.#results.close()
    super.close()
  }
}

function resultArray(documents: HeldDocuments): Value {
  const writer = new BsonWriter()
  writer.beginDocument()
  for (let i = 0; i < documents.count; i++) {
    documents.show(i)
    writer.document(indexName(i), documents.bytes, documents.start, documents.end)
  }
  writer.end()
  return arrayValue(writer.finish())
}
