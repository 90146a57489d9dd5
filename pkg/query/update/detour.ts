/** Updates of documents that take long: what another thread needs to apply one, and what it does with that. */
import { inPlaceNs, KeptOutcomes, type Task } from '../../base/detour.ts'
import type { Timestamp } from '../../base/timestamp.ts'
import { readInt32, type Value } from '../../bson/value.ts'
import { parseCollation } from '../../collation/spec.ts'
import { ownedValue } from '../../expression/owned-value.ts'
import { applyToNew, applyUpdate, type UpdateResult } from './apply.ts'
import { parseUpdateValue } from './parse.ts'
import type { OperatorUpdate, Update, UpdateContext } from './update.ts'

/** An update as it was given, from which it can be parsed again. */
export interface UpdateSource {
  readonly update: Value
  readonly arrayFilters: readonly Uint8Array[]
}

export interface UpdateTask extends Task {
  readonly kind: 'update'
  readonly update: Value
  readonly arrayFilters: readonly Uint8Array[]
  /** A collation's document. */
  readonly collation: Uint8Array | undefined
  readonly filter: Uint8Array | undefined
  readonly nowMs: number
  readonly timestamp: Timestamp
  readonly document: Uint8Array
  /** The document is what an upsert's filter says, and is about to be inserted. */
  readonly inserting: boolean
}

/**
 * An update that is applied in place to documents for which that takes a few milliseconds at most, and throws a `Detour` for others; applied
 * again to the same bytes it has the result.
 */
export class DetouringUpdate {
  readonly update: Update
  readonly #source: UpdateSource
  readonly #results = new KeptOutcomes<UpdateResult>()
  readonly #inserted = new KeptOutcomes<UpdateResult>()

  constructor(update: Update, source: UpdateSource) {
    this.update = update
    this.#source = source
  }

  /** As `applyUpdate`. */
  apply(bytes: Uint8Array, start: number, context: UpdateContext): UpdateResult {
    const { update } = this
    if (update.kind === 'replacement' || !this.#isLong(update, bytes, start))
      return applyUpdate(update, bytes, start, context)
    return this.#results.resultOf(
      bytes,
      start,
      start + readInt32(bytes, start),
      (document) => this.#taskFor(document, context, false),
      () => applyUpdate(update, bytes, start, context),
    )
  }

  /** As `applyToNew`. */
  applyToNew(update: OperatorUpdate, bytes: Uint8Array, context: UpdateContext): Uint8Array {
    if (!this.#isLong(update, bytes, 0)) return applyToNew(update, bytes, context)
    return this.#inserted.resultOf(
      bytes,
      0,
      readInt32(bytes, 0),
      (document) => this.#taskFor(document, context, true),
      () => ({ document: applyToNew(update, bytes, context), changed: true }),
    ).document
  }

  #isLong({ nsPerByte }: OperatorUpdate, bytes: Uint8Array, start: number): boolean {
    if (nsPerByte === 0) return false
    const { update } = this.#source
    return nsPerByte * (readInt32(bytes, start) + update.end - update.start) > inPlaceNs
  }

  #taskFor(document: Uint8Array, context: UpdateContext, inserting: boolean): UpdateTask {
    const { update, arrayFilters } = this.#source
    return {
      kind: 'update',
      update: ownedValue(update),
      arrayFilters: arrayFilters.map((filter) => filter.slice()),
      collation: context.collation?.document,
      filter: context.filter?.slice(),
      nowMs: context.nowMs,
      timestamp: context.timestamp,
      document,
      inserting,
    }
  }
}

/** Does what an `UpdateTask` asks for. Errors: those of `applyUpdate`. */
export function computeUpdate(task: UpdateTask): UpdateResult {
  const collation = task.collation && parseCollation(task.collation)
  const update = parseUpdateValue(task.update, task.arrayFilters, collation)
  const { filter, nowMs, timestamp, document, inserting } = task
  const context: UpdateContext = { nowMs, timestamp, filter, collation }
  if (inserting) return { document: applyToNew(update as OperatorUpdate, document, context), changed: true }
  return applyUpdate(update, document, 0, context)
}
