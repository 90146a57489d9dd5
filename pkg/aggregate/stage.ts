/**
 * Stages: what a pipeline is made of, as pull operators over document bytes.
 *
 * PROTOCOL
 *   A stage is asked for its next document by `step()`, which answers
 *     end    0   there is none, and never will be
 *     row    1   the document lies in `bytes` from `start` to `end` until the next step
 *     pause  2   nothing yet: the turn is used up; whoever drives the pipeline lets others run and steps again
 *   No step works longer than a few milliseconds: a stage that takes many inputs for one output passes on the pause of its
 *   input, and asks `PipelineRun.turnIsOver` where it loops without asking its input.
 *   `close()` may come at any time, once, and closes the input too.
 *
 * A stage is one file: a definition in the table (`stages/table.ts`) that parses its operand to a readonly `StagePlan`, which
 * opens any number of stages.
 */
import { assert } from '../base/assert.ts'
import type { Detour } from '../base/detour.ts'
import { DatabaseError } from '../base/errors.ts'
import type { Value } from '../bson/value.ts'
import { simpleOrder, type ValueOrder } from '../bson/value-order.ts'
import type { Collation } from '../collation/collation.ts'
import type { GivenMetadata } from '../expression/available-metadata.ts'
import type { ExpressionCompiler } from '../expression/compile.ts'
import type { EvaluationContext } from '../expression/context.ts'
import type { Scope } from '../expression/scope.ts'
import type { WriteConflict } from '../mvcc/write-conflict.ts'
import type { GroupEnds } from '../query/plan-groups.ts'
import { Sorter } from '../query/sort/sorter.ts'
import type { ChangeStreamRequest, Namespace, PipelineHost } from './host.ts'
import type { NeededFields } from './needed-fields.ts'
import type { PathEffects } from './path-effects.ts'
import type { StageWatch } from './stage-watch.ts'
import type { Unwinding } from './unwinding.ts'

export const step = { end: 0, row: 1, pause: 2 } as const
export type Step = (typeof step)[keyof typeof step]

/**
 * Documents of which one field is read and nothing else: whoever asks for it gets the value instead of a document around it.
 */
export interface FieldSource {
  readonly fieldName: string
  /** After a step that answered `row`: the field's type, 0 when it is missing, and where its value lies. */
  readonly fieldType: number
  readonly fieldBytes: Uint8Array
  readonly fieldStart: number
  /** Exclusive. */
  readonly fieldEnd: number
  /** From now on a step makes no document but when asked for one. */
  giveField(): void
  /** Makes the document of the last step. */
  makeDocument(): void
}

export interface Stage {
  /** Of a stage that knows that one of its fields alone is read. */
  readonly field?: FieldSource | undefined
  readonly bytes: Uint8Array
  readonly start: number
  /** Exclusive. */
  readonly end: number
  /** Of a stage that may go to disk: how much it has written there. */
  readonly spilledBytes?: number | undefined
  step(): Step
  /** What is known of the current document besides its fields, by the names of `$meta`; undefined: nothing of any. */
  metadata?(name: string): Value | undefined
  close(): void
}

export interface StagePlan {
  /** With the `$`, as written. */
  readonly name: string
  /** What the query planner can take over when the stage stands at the head of a pipeline. */
  readonly pushdown?: Pushdown
  /** It reads no input: its documents come from elsewhere. */
  readonly isSource?: boolean
  /** It is a `$changeStream`, whose events whoever runs the pipeline brings. */
  readonly changeStream?: ChangeStreamRequest
  /** It is a `$changeStreamSplitLargeEvent`, which whoever runs the pipeline does. */
  readonly splitsEvents?: boolean
  /** It writes what it takes: it stands last. */
  readonly writes?: boolean
  /** What it does to paths, for moving filters before it; undefined: nothing may be moved before it. */
  readonly effects?: PathEffects
  /** It groups documents, and these of each group are enough for it; undefined: no others than all are. */
  readonly groupEnds?: GroupEnds | undefined
  /** One document out for each one in, in their order. */
  readonly oneToOne?: boolean
  /** Metadata that its documents have. */
  readonly gives?: readonly GivenMetadata[]
  /** Its documents are not those of its input: they have no metadata but what it gives. */
  readonly makesDocuments?: boolean
  /** It is an `$unwind`. */
  readonly unwinding?: Unwinding
  /** For explain: the stage as it will be run, where it differs from what was written. */
  readonly shown?: Uint8Array
  /** Other collections it reads. */
  readonly reads?: readonly Namespace[]
  open(input: Stage, run: PipelineRun): Stage
  /** The same stage when only its first `count` documents will be read. */
  limited?(count: number): StagePlan
  /** The fields of its input that it reads, when those of `after` will be read of its documents; undefined: all. */
  needs?(after: NeededFields | undefined): NeededFields | undefined
  /** The same stage when only these fields of its documents will be read: it may leave out others. */
  narrowed?(fields: NeededFields): StagePlan
  /** The same stage when another comes after it. */
  followed?(): StagePlan
  /** This stage and the one that follows as one, where that is better. */
  fused?(next: StagePlan): StagePlan | undefined
  /** For explain: what the stage would be written as. */
  readonly operand?: Value
}

export type Pushdown =
  | { readonly kind: 'filter'; readonly document: Uint8Array; readonly scope: Scope }
  | { readonly kind: 'sort'; readonly document: Uint8Array }
  | { readonly kind: 'skip'; readonly count: number }
  | { readonly kind: 'limit'; readonly count: number }

/** Where a pipeline stands. */
export type Place = 'command' | 'facet' | 'lookup' | 'graphLookup' | 'unionWith' | 'view' | 'merge' | 'rankFusion'

/** What a stage's parser knows of the pipeline that it belongs to. */
export interface StageContext {
  readonly scope: Scope
  readonly place: Place
  /** The collection that the pipeline reads; `collection` undefined: none. */
  readonly database: string
  readonly collection: string | undefined
  /** Milliseconds since the epoch, for `$$NOW` in filters. */
  readonly nowMs: number
  /** A pipeline inside the stage, which reads `namespace`. `array`: a value of any type; TypeMismatch when it is no array. */
  pipeline(array: Value, inside: InnerPipeline): readonly StagePlan[]
  /** One stage, as if it were written in this one's place. */
  stage(name: string, operand: Value): StagePlan
}

export interface InnerPipeline {
  readonly place: Place
  readonly scope?: Scope
  readonly collection?: string | undefined
  readonly database?: string
}

export interface StageDefinition {
  readonly name: string
  /** Must be the first stage. A number: the code it is refused with elsewhere, 40602 by default. */
  readonly first?: boolean | number
  /** It has several pipelines for its input. */
  readonly hasInputs?: boolean
  /** Must be the last stage: 40601 elsewhere. */
  readonly last?: boolean
  /** The pipeline needs no collection, and must have none; `either`: it may have one. */
  readonly collectionless?: boolean | 'either'
  /** Codes with which it is refused inside other stages and views. */
  readonly refusedIn?: Readonly<Partial<Record<Place, number>>>
  /** `operand`: what stands after the stage's name. Throws `DatabaseError` with MongoDB's codes. */
  parse(operand: Value, context: StageContext): StagePlan
}

/** What a document that takes long counts for: as much as quick ones do between two looks at the clock. */
const longUnits = 1000

/** Memory of one blocking stage before it is refused, or spills, in bytes. */
export const stageMemoryDefaultBytes = 100 * 1024 * 1024

/** Of a stage that may not go to disk. */
export function memoryExceeded(stage: string): DatabaseError {
  return new DatabaseError(
    'QueryExceededMemoryLimitNoDiskUseAllowed',
    `Exceeded memory limit for ${stage}, but didn't allow external sort. Pass allowDiskUse:true to opt in.`,
  )
}

export interface PipelineOptions {
  /** `$$NOW`: milliseconds since the epoch. */
  readonly nowMs: number
  readonly memoryLimitBytes?: number
  /** Blocking stages go to disk beyond their memory; otherwise they are refused. */
  readonly allowDiskUse?: boolean
  /** Counts units of work, such as documents: true when others should run. */
  readonly pause?: ((units?: number) => boolean) | undefined
  /** Has work done elsewhere that is too long for a turn, or waits for other writers: the rows pause for it. undefined: there is nobody to wait. */
  readonly waitFor?: ((obstacle: Detour | WriteConflict) => void) | undefined
  /** After a detour the whole pipeline begins again, with a document that may be another. */
  readonly restarts?: boolean
  readonly host?: PipelineHost | undefined
  /** Values of the scope's variables by slot. */
  readonly variables?: readonly Value[]
  /** Watches the stages of the pipeline itself, not of those inside stages. */
  readonly watch?: StageWatch | undefined
  /** How strings compare; undefined: by their bytes. */
  readonly collation?: Collation | undefined
}

/** What is read from while a pipeline runs: before a yield or a write it lets go of what must not be held meanwhile. */
export interface Saving {
  save(): void
}

/** Of a run and those inside it. */
interface OpenRows {
  readonly all: Set<Saving>
  saving: boolean
}

/** One execution of a pipeline: what its stages share. */
export class PipelineRun {
  readonly nowMs: number
  readonly memoryLimitBytes: number
  readonly allowDiskUse: boolean
  readonly variables: readonly Value[]
  readonly collation: Collation | undefined
  readonly #host: PipelineHost | undefined
  readonly #pause: ((units?: number) => boolean) | undefined
  /** A document has taken long since the turn was last asked about. */
  #wasLong = false
  readonly #waitFor: ((obstacle: Detour | WriteConflict) => void) | undefined
  readonly #goesOn: boolean
  readonly #openRows: OpenRows
  #watch: StageWatch | undefined

  /** `outer`: the run that this one is part of. */
  constructor(options: PipelineOptions, outer?: PipelineRun) {
    this.nowMs = options.nowMs
    this.memoryLimitBytes = options.memoryLimitBytes ?? stageMemoryDefaultBytes
    this.allowDiskUse = options.allowDiskUse ?? false
    this.variables = options.variables ?? []
    this.collation = options.collation
    this.#host = options.host
    this.#pause = options.pause
    this.#waitFor = options.waitFor
    this.#goesOn = options.restarts !== true
    this.#watch = options.watch
    this.#openRows = outer === undefined ? { all: new Set(), saving: false } : outer.#openRows
  }

  /** A run of a pipeline inside a stage of this one, with variables of its own. */
  inner(variables: readonly Value[] = this.variables): PipelineRun {
    const { nowMs, memoryLimitBytes, allowDiskUse, collation } = this
    return new PipelineRun(
      {
        nowMs,
        memoryLimitBytes,
        allowDiskUse,
        variables,
        collation,
        host: this.#host,
        pause: this.#pause,
        waitFor: this.#waitFor,
      },
      this,
    )
  }

  /** How values compare. */
  get order(): ValueOrder {
    return this.collation ?? simpleOrder
  }

  /** Who watches the stages, for the first that asks. */
  takeWatch(): StageWatch | undefined {
    const watch = this.#watch
    this.#watch = undefined
    return watch
  }

  get host(): PipelineHost {
    assert(this.#host !== undefined, 'a stage that reads or writes elsewhere has a host')
    return this.#host
  }

  /** The context with the detours that the run allows; `repeat`: see `EvaluationContext.allowDetours`. */
  allowDetours(context: EvaluationContext, repeat: () => void): EvaluationContext {
    if (this.#waitFor !== undefined) context.allowDetours(repeat)
    return context
  }

  /** The pipeline goes on once that is done, or the others have let go; throws it when nobody can wait for it. The stage must answer `pause`. */
  waitFor(obstacle: Detour | WriteConflict): void {
    if (this.#waitFor === undefined) throw obstacle
    this.#waitFor(obstacle)
  }

  /** Whether what was cut off by a detour goes on with the document that it had come to. */
  get goesOn(): boolean {
    return this.#waitFor !== undefined && this.#goesOn
  }

  /** A context for what `compiler` has compiled, with the variables of this run and the metadata of `input`. */
  context(compiler: ExpressionCompiler, input?: Stage): EvaluationContext {
    const host = this.#host
    const context = compiler.context(this.nowMs, host === undefined ? undefined : () => host.random())
    if (input?.metadata !== undefined) context.metadata = (name) => input.metadata!(name)
    context.onLong = () => {
      this.#wasLong = true
    }
    for (let slot = 0; slot < this.variables.length; slot++) {
      const value = this.variables[slot]
      if (value !== undefined) context.variables[slot] = value
    }
    return context
  }

  /** Counts a unit of work; true when the stage must answer `pause`. */
  turnIsOver(): boolean {
    if (this.#pause === undefined) return false
    if (!this.#wasLong) return this.#pause()
    this.#wasLong = false
    return this.#pause(longUnits)
  }

  /** Whether what does not fit into memory may go to temporary files. */
  get mayUseDisk(): boolean {
    return this.allowDiskUse && this.#host !== undefined
  }

  /** Sorts within the run's memory; `limit`: only so many rows will be read. */
  sorter(limit?: number): Sorter {
    const temporaryFile = this.mayUseDisk ? () => this.host.temporaryFile() : undefined
    return new Sorter({ limit, memoryLimitBytes: this.memoryLimitBytes, temporaryFile })
  }

  /** Rows that are read from now on; they are saved with all others. */
  track(rows: Saving): void {
    this.#openRows.all.add(rows)
  }

  untrack(rows: Saving): void {
    this.#openRows.all.delete(rows)
  }

  /** Before a yield or a write. */
  save(): void {
    const rows = this.#openRows
    // Those of a pipeline inside a stage save the run that they are part of.
    if (rows.saving) return
    rows.saving = true
    try {
      for (const each of rows.all) each.save()
    } finally {
      rows.saving = false
    }
  }
}
