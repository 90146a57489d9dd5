/** Updates by a pipeline: stages that each make one document of one, from what is there to what shall be. */
import { parsePipeline } from '../aggregate/parse.ts'
import { openStages } from '../aggregate/run.ts'
import { PipelineRun, type Stage, step } from '../aggregate/stage.ts'
import { DatabaseError } from '../base/errors.ts'
import { timestampOf } from '../base/timestamp.ts'
import { bsonType } from '../bson/type.ts'
import { documentFields, documentOf, readInt32, timestampValue, type Value } from '../bson/value.ts'
import { type BegunLet, scopeWithLet } from '../expression/command-let.ts'
import { Scope } from '../expression/scope.ts'
import type { UpdateResult } from '../query/update/apply.ts'
import { applyReplacement } from '../query/update/replace.ts'
import type { Operation } from './operation.ts'
import { expressionOptions } from './variables.ts'

const allowed: ReadonlySet<string> = new Set([
  '$addFields',
  '$project',
  '$replaceRoot',
  '$replaceWith',
  '$set',
  '$unset',
])

export class PipelineUpdate {
  readonly kind = 'pipeline'
  readonly #pipeline: Uint8Array
  readonly #constants: Uint8Array | undefined
  /** Of the constants. */
  readonly #begun: BegunLet = []
  #apply: ((bytes: Uint8Array, start: number) => Uint8Array) | undefined

  /** `value`: a BSON array. Errors: InvalidOptions for a stage that no update can have, TypeMismatch for no stage at all. */
  constructor(value: Value, constants?: Uint8Array) {
    this.#constants = constants
    this.#pipeline = documentOf(value)
    for (const stage of documentFields(this.#pipeline)) {
      if (stage.type !== bsonType.document)
        throw new DatabaseError('TypeMismatch', `Each element of the 'pipeline' array must be an object`)
      const [named] = documentFields(stage.bytes, stage.start)
      if (named?.name.startsWith('$') === true && !allowed.has(named.name))
        throw new DatabaseError('InvalidOptions', `${named.name} is not allowed to be used within an update`)
    }
    // What is wrong in itself is told before anything is looked for; variables are known only when it runs.
  }

  /** The document at `start` as the update makes it; its `_id` stays. Errors: those of the stages, ImmutableField. */
  apply(operation: Operation, bytes: Uint8Array, start: number): UpdateResult {
    return applyReplacement(this.made(operation, bytes, start), bytes, start)
  }

  /** What the stages make of the document at `start`. */
  made(operation: Operation, bytes: Uint8Array, start: number): Uint8Array {
    this.#apply ??= open(operation, this.#pipeline, this.#constants, this.#begun)
    return this.#apply(bytes, start)
  }

  /** Throws what is wrong with the stages, whatever they would meet. */
  check(operation: Operation): void {
    this.#apply ??= open(operation, this.#pipeline, this.#constants, this.#begun)
  }
}

function open(
  operation: Operation,
  pipeline: Uint8Array,
  constants: Uint8Array | undefined,
  begun: BegunLet,
): (bytes: Uint8Array, start: number) => Uint8Array {
  const options = expressionOptions(operation)
  const { world, replicaSet } = operation.instance
  const nowMs = options.nowMs ?? world.clock.nowMs()
  const known = options.scope ?? Scope.outermost()
  // Writes have a time in the log, also without a cluster.
  const writeTime = timestampValue(timestampOf(Math.floor(nowMs / 1000), 1))
  const outer = replicaSet === undefined ? known.withClusterTime(writeTime) : known
  const scope = constants === undefined ? outer : scopeWithLet(outer, constants, 0, begun)
  const plans = parsePipeline(pipeline, 0, { nowMs, scope })
  const input = new OneDocument()
  const stage = openStages(
    plans,
    input,
    new PipelineRun({
      nowMs,
      collation: operation.collation,
      // Whoever changes documents waits for it and begins again.
      waitFor: (obstacle) => {
        throw obstacle
      },
      restarts: true,
    }),
  )
  return (bytes, start) => {
    input.bytes = bytes
    input.start = start
    input.end = start + readInt32(bytes, start)
    stage.step()
    return stage.bytes.slice(stage.start, stage.end)
  }
}

/** Gives the document that lies in it, as often as it is asked: every stage after it makes one of one. */
class OneDocument implements Stage {
  bytes: Uint8Array = new Uint8Array(0)
  start = 0
  end = 0

  step(): typeof step.row {
    return step.row
  }

  close(): void {
    // It holds nothing.
  }
}
