/** Writing a pipeline's documents into a collection: what `$merge` does with each of them. */
import { DatabaseError } from '../base/errors.ts'
import { equalValues } from '../bson/order.ts'
import { bsonType } from '../bson/type.ts'
import { documentOf, getField, nullValue, type Value } from '../bson/value.ts'
import { ElementWalker } from '../bson/walk.ts'
import { BsonWriter } from '../bson/writer.ts'
import { ExpressionCompiler } from '../expression/compile.ts'
import type { EvaluationContext } from '../expression/context.ts'
import { type Evaluate, type Expression, isNullish, missing } from '../expression/expression.ts'
import { WriteConflict } from '../mvcc/write-conflict.ts'
import { copyOf } from './accumulators/accumulator.ts'
import type { FoundDocument, MergeTarget, Namespace } from './host.ts'
import { DocumentRows, type Rows } from './rows.ts'
import { runWithin } from './run.ts'
import { type PipelineRun, type Stage, type StagePlan, type Step, step } from './stage.ts'
import { PassingStage } from './stages/passing.ts'

export type WhenMatched = 'replace' | 'keepExisting' | 'merge' | 'fail' | 'pipeline'
export type WhenNotMatched = 'insert' | 'discard' | 'fail'

export interface Merge {
  readonly into: Namespace
  /** Paths whose values say which document is meant. */
  readonly on: readonly string[]
  readonly whenMatched: WhenMatched
  readonly whenNotMatched: WhenNotMatched
  /** Makes the new document of the old one, for `pipeline`; evaluated against the incoming one are its variables. */
  readonly pipeline: readonly StagePlan[] | undefined
  readonly variables: readonly { readonly slot: number; readonly name: string; readonly expression: Expression }[]
}

/** What a pipeline that changes one document may be made of. */
const updateStages: ReadonlySet<string> = new Set([
  '$addFields',
  '$set',
  '$project',
  '$unset',
  '$replaceRoot',
  '$replaceWith',
  '$fill',
])

/** Documents that are still tried after one has failed. */
const triedAfterFailure = 1000

export class MergeStage extends PassingStage {
  readonly #run: PipelineRun
  readonly #merge: Merge
  readonly #context: EvaluationContext
  readonly #variables: readonly { readonly slot: number; readonly name: string; readonly evaluate: Evaluate }[]
  readonly #target: MergeTarget
  readonly #sparse: boolean
  #failure: DatabaseError | undefined
  /** The document that is being written. */
  #waiting: Uint8Array | undefined
  /** Of the document that it is written over: what the pipeline makes of that. */
  #update: { readonly existing: Uint8Array; readonly rows: Rows; made: Uint8Array | undefined } | undefined
  #tried = 0

  /** Errors: 51183 when `on` is not what makes documents unique in the target. */
  constructor(input: Stage, run: PipelineRun, merge: Merge) {
    super(input)
    this.#run = run
    this.#merge = merge
    const compiler = new ExpressionCompiler()
    this.#variables = merge.variables.map(({ slot, name, expression }) => ({
      slot,
      name,
      evaluate: compiler.compile(expression),
    }))
    // The document that waits is tried again.
    this.#context = run.allowDetours(run.context(compiler), () => undefined)
    this.#target = run.host.mergeTarget(merge.into)
    const key = this.#target.uniqueKey(merge.on)
    if (key === undefined) {
      throw new DatabaseError(
        51183,
        `Cannot find index to verify that join fields will be unique: ${merge.on.join(', ')}`,
      )
    }
    this.#sparse = key.sparse
  }

  step(): Step {
    const { input } = this
    for (;;) {
      if (this.#waiting === undefined) {
        const answer = input.step()
        if (answer === step.pause) return answer
        if (this.#failure !== undefined && (answer === step.end || ++this.#tried > triedAfterFailure))
          throw this.#failure
        if (answer === step.end) return answer
        // Writing lets go of what the input's bytes lie in.
        this.#waiting = input.bytes.slice(input.start, input.end)
      }
      if (!this.#try(this.#waiting)) return step.pause
      this.#endUpdate()
      this.#waiting = undefined
      if (this.#run.turnIsOver()) return step.pause
    }
  }

  /** As `#write`. One that fails does not keep out those that come with it: its error is told afterwards. */
  #try(document: Uint8Array): boolean {
    try {
      return this.#write(document)
    } catch (error) {
      if (error instanceof WriteConflict) {
        // Others have the document it goes over, the collection, or the right to write.
        this.#run.waitFor(error)
        return false
      }
      if (!(error instanceof DatabaseError)) throw error
      this.#failure ??= error
      return true
    }
  }

  /**
   * False: what shall be written is not known yet. Throws a `Detour` or WriteConflict, too, before it has written anything: the document comes
   * again, and finds the other as it is then.
   */
  #write(document: Uint8Array): boolean {
    const { on, whenMatched, whenNotMatched } = this.#merge
    const filter = this.#filterOf(on, document)
    const found = filter === undefined ? undefined : this.#target.find(filter)
    if (found === undefined) {
      if (whenNotMatched === 'insert') {
        this.#run.save()
        const upserts = whenMatched === 'merge' || whenMatched === 'keepExisting'
        this.#waiting = this.#target.completed(upserts ? withNulls(on, document) : document)
        this.#target.insert(this.#waiting)
      } else if (whenNotMatched === 'fail') {
        throw new DatabaseError(13113, '$merge failed due to a DuplicateKey error or no matching document')
      }
      return true
    }
    if (whenMatched === 'fail') throw duplicateKey(on, document)
    if (whenMatched === 'keepExisting') return true
    const updated =
      whenMatched === 'replace'
        ? document
        : whenMatched === 'merge'
          ? merged(found.document, document)
          : this.#updated(found.document, document)
    if (updated !== undefined) this.#replace(found, updated)
    return updated !== undefined
  }

  /** undefined: the document has no `_id` yet, so that there is none like it. */
  #filterOf(on: readonly string[], document: Uint8Array): Uint8Array | undefined {
    const filter = new BsonWriter(128)
    filter.beginDocument()
    for (const path of on) {
      const value = valueAt(document, path)
      if (value === undefined && path === '_id') return undefined
      if (value?.type === bsonType.array) {
        throw new DatabaseError(51185, `$merge write error: 'on' field '${path}' is an array`)
      }
      if (this.#sparse && isNullish(value ?? missing)) {
        throw new DatabaseError(51132, "$merge write error: 'on' field cannot be missing, null, undefined or an array")
      }
      filter.beginDocument(path)
      filter.value('$eq', value ?? nullValue)
      filter.end()
    }
    filter.end()
    return filter.finish()
  }

  /** Errors: ImmutableField for another `_id`. */
  #replace(found: FoundDocument, document: Uint8Array): void {
    const oldId = getField(found.document, '_id')!
    const newId = getField(document, '_id')
    this.#run.save()
    if (newId === undefined) this.#target.replace(found, withId(oldId, document))
    else if (equalValues(oldId.type, oldId.bytes, oldId.start, newId.type, newId.bytes, newId.start)) {
      this.#target.replace(found, withId(oldId, document))
    } else {
      throw new DatabaseError(
        'ImmutableField',
        "$merge failed to update the matching document: Performing an update on the path '_id' would modify the immutable field '_id'",
      )
    }
  }

  /** What the pipeline makes of `existing`; undefined: its turn is over. */
  #updated(existing: Uint8Array, incoming: Uint8Array): Uint8Array | undefined {
    let update = this.#update
    if (update === undefined || Buffer.compare(update.existing, existing) !== 0) {
      this.#endUpdate()
      update = { existing, rows: this.#openUpdate(existing, incoming), made: undefined }
      this.#update = update
    }
    const { rows, made } = update
    if (made !== undefined) return made
    if (!rows.next() && rows.paused === true) return undefined
    update.made = rows.bytes.slice(rows.start, rows.end)
    return update.made
  }

  #openUpdate(existing: Uint8Array, incoming: Uint8Array): Rows {
    for (const { name } of this.#merge.pipeline!) {
      if (!updateStages.has(name)) {
        throw new DatabaseError('InvalidOptions', `${name} is not allowed to be used within an update`)
      }
    }
    this.#context.reset(incoming, 0, incoming.length)
    const variables = [...this.#run.variables]
    for (const { slot, name, evaluate } of this.#variables) {
      const value = evaluate(this.#context)
      if (value === missing) throw new DatabaseError(17276, `Use of undefined variable: ${name}`)
      variables[slot] = copyOf(value)
    }
    return runWithin(this.#merge.pipeline!, new DocumentRows([existing]), this.#run.inner(variables))
  }

  #endUpdate(): void {
    this.#update?.rows.close()
    this.#update = undefined
  }

  override close(): void {
    this.#endUpdate()
    super.close()
  }
}

/** As the index over the `on` fields would say it, had the document been inserted. */
function duplicateKey(on: readonly string[], document: Uint8Array): DatabaseError {
  const keyValue = Object.fromEntries(on.map((path) => [path, valueAt(document, path) ?? nullValue]))
  return new DatabaseError('DuplicateKey', '$merge with whenMatched: fail found an existing document', {
    keyPattern: Object.fromEntries(on.map((path) => [path, 1])),
    keyValue,
  })
}

function valueAt(document: Uint8Array, path: string): Value | undefined {
  let value: Value | undefined
  let bytes = document
  const names = path.split('.')
  for (let i = 0; i < names.length; i++) {
    value = getField(bytes, names[i]!)
    if (value === undefined || i === names.length - 1 || value.type === bsonType.array) return value
    if (value.type !== bsonType.document) return undefined
    bytes = documentOf(value)
  }
  return value
}

/** The fields of `existing` with those of `incoming` in their place, or after them. */
function merged(existing: Uint8Array, incoming: Uint8Array): Uint8Array {
  const writer = new BsonWriter(existing.length + incoming.length)
  writer.beginDocument()
  const written = new Set<string>()
  const old = new ElementWalker().reset(existing, 0)
  while (old.next()) {
    const name = old.name()
    const value = getField(incoming, name)
    written.add(name)
    if (value === undefined) writer.value(name, old.value())
    else writer.value(name, value)
  }
  const added = new ElementWalker().reset(incoming, 0)
  while (added.next()) if (!written.has(added.name())) writer.value(added.name(), added.value())
  writer.end()
  return writer.finish()
}

/** The document with null, after its `_id`, in the fields of `on` that it does not have: it is found by null from now on. */
function withNulls(on: readonly string[], document: Uint8Array): Uint8Array {
  const absent = on.filter((name) => !name.includes('.') && name !== '_id' && getField(document, name) === undefined)
  if (absent.length === 0) return document
  const writer = new BsonWriter(document.length + 64)
  writer.beginDocument()
  const id = getField(document, '_id')
  if (id !== undefined) writer.value('_id', id)
  for (const name of absent) writer.value(name, nullValue)
  const walker = new ElementWalker().reset(document, 0)
  while (walker.next()) if (walker.name() !== '_id') writer.value(walker.name(), walker.value())
  writer.end()
  return writer.finish()
}

/** The document with `id` first. */
function withId(id: Value, document: Uint8Array): Uint8Array {
  const writer = new BsonWriter(document.length + 32)
  writer.beginDocument()
  writer.value('_id', id)
  const walker = new ElementWalker().reset(document, 0)
  while (walker.next()) if (walker.name() !== '_id') writer.value(walker.name(), walker.value())
  writer.end()
  return writer.finish()
}
