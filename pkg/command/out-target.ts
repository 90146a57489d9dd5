/** Where `$out` writes: a collection beside the one that is meant, which takes its place in one write unit. */

import type { CollectionReplacement, Namespace } from '../aggregate/host.ts'
import { inPlace } from '../base/detour.ts'
import { DatabaseError } from '../base/errors.ts'
import { namespaceLengthMax } from '../base/limits.ts'
import { buildDocument } from '../bson/build.ts'
import { objectIdHex } from '../bson/objectid.ts'
import type { Collection } from '../engine/collection.ts'
import { traitsOf } from './collection-traits.ts'
import { checkDatabaseName } from './namespace.ts'
import type { Pace } from './pace.ts'
import type { ReadView } from './read-view.ts'
import { checkSameTimeseries, createTimeseries, timeseriesOptions } from './timeseries.ts'
import { timeseriesOption } from './timeseries-options.ts'
import { outputName } from './unfinished-output.ts'
import { checkNewCollection, insertOne } from './write-insert.ts'

export class OutTarget implements CollectionReplacement {
  readonly #pace: Pace
  readonly #view: ReadView
  readonly #target: Namespace
  /** The time-series option as it is kept, of the command or of what is there. */
  readonly #timeseries: Uint8Array | undefined
  #temporary: Collection | undefined

  /** Errors: 17152 for a capped target, CommandNotSupportedOnView for a view, 7268700 and 7406103 for another kind of time series. */
  constructor(pace: Pace, view: ReadView, target: Namespace, timeseries: Uint8Array | undefined) {
    this.#pace = pace
    this.#view = view
    this.#target = target
    pace.operation.beginWriting()
    pace.operation.instance.writeBlock.refuse(target.database, 'aggregate')
    checkDatabaseName(target.database)
    const { engine } = pace.operation.instance
    const existing = engine.collection(target.database, target.collection)
    const option = timeseries === undefined ? undefined : timeseriesOption(timeseries, true)
    if (existing === undefined) this.#checkName()
    else this.#checkExisting(existing, option)
    this.#timeseries = option ?? (existing === undefined ? undefined : traitsOf(existing).timeseries?.option)
  }

  #checkName(): void {
    const { database, collection } = this.#target
    if (new TextEncoder().encode(`${database}.${collection}`).length > namespaceLengthMax) {
      throw new DatabaseError('IllegalOperation', `The name of the target of $out is too long: ${collection}`)
    }
    checkNewCollection(this.#pace.operation, this.#target)
  }

  #checkExisting(existing: Collection, timeseries: Uint8Array | undefined): void {
    const traits = traitsOf(existing)
    if (timeseries !== undefined && traits.timeseries === undefined) {
      throw new DatabaseError(
        7268700,
        `Cannot create a time-series collection from a non time-series collection: ${existing.namespace}`,
      )
    }
    if (timeseries !== undefined) checkSameTimeseries(existing, timeseries)
    if (traits.view !== undefined) {
      throw new DatabaseError(
        'CommandNotSupportedOnView',
        `${existing.namespace} is a view and cannot be the target of $out`,
      )
    }
    if (traits.capped !== undefined) {
      throw new DatabaseError(17152, `namespace '${existing.namespace}' is capped so it can't be used for $out`)
    }
  }

  insert(documents: readonly Uint8Array[]): void {
    const { operation } = this.#pace
    this.#view.keep()
    const temporary = this.#ready()
    const target = { database: temporary.database, collection: temporary.name }
    operation.instance.engine.write((unit) => {
      // The pipeline has come past them: none can be inserted again.
      inPlace(() => {
        for (const document of documents) insertOne(operation, unit, target, document)
      })
    })
  }

  /** Errors: QueryPlanKilled when somebody has dropped what was inserted, with its database it may be. */
  #ready(): Collection {
    const temporary = (this.#temporary ??= this.#create())
    if (temporary.dropped) throw new DatabaseError('QueryPlanKilled', `collection dropped: ${temporary.namespace}`)
    return temporary
  }

  #create(): Collection {
    const { engine, objectIds } = this.#pace.operation.instance
    const { database, collection } = this.#target
    const existing = engine.collection(database, collection)
    const name = outputName(objectIdHex(objectIds.next(), 0))
    return engine.write((unit) => {
      if (existing === undefined && this.#timeseries !== undefined)
        return createTimeseries(unit, { database, collection: name }, timeseriesOptions(this.#timeseries))
      const first = existing === undefined || existing.hasIdIndex ? undefined : existing.idIndex.definition.bytes
      const made = unit.createCollection(database, name, existing?.options ?? buildDocument({}), first)
      for (const index of existing?.indexes.slice(1) ?? []) unit.createIndex(made, index.definition.bytes)
      return made
    }).result
  }

  finish(): void {
    const { engine } = this.#pace.operation.instance
    const { database, collection } = this.#target
    this.#view.keep()
    const temporary = this.#ready()
    engine.write((unit) =>
      unit.renameCollection(temporary, database, collection, engine.collection(database, collection)),
    )
    this.#temporary = undefined
  }

  close(): void {
    const temporary = this.#temporary
    if (temporary === undefined) return
    this.#temporary = undefined
    const { operation } = this.#pace
    const { engine, options } = operation.instance
    const drop = (): void => {
      if (!temporary.dropped) engine.write((unit) => unit.dropCollection(temporary))
    }
    // Whatever ended the pipeline is told, and not that. What cannot be dropped, as on a full disk, the next start drops.
    operation.takeBack(drop).catch((error: unknown) => {
      if (!(error instanceof DatabaseError)) options.onInternalError?.(error, operation.command.name)
    })
  }
}
