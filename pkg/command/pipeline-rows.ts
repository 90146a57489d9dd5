import type { Pipeline } from '../aggregate/parse.ts'
import type { Rows } from '../aggregate/rows.ts'
import { PipelineRun } from '../aggregate/stage.ts'
import type { StageWatch } from '../aggregate/stage-watch.ts'
import type { Value } from '../bson/value.ts'
import type { Operation } from './operation.ts'
import type { Pace } from './pace.ts'
import { CommandHost } from './pipeline-host.ts'
import type { ReadView } from './read-view.ts'

export interface PipelineSource {
  /** A collection or view; undefined: none. */
  readonly collection: string | undefined
  readonly hint?: Value | undefined
  /** undefined: as the server is set, which is yes. */
  readonly allowDiskUse?: boolean | undefined
}

/** The rows that a pipeline makes of a collection or view of the operation's database, as of `view`. */
export function openRows(
  operation: Operation,
  source: PipelineSource,
  pipeline: Pipeline,
  pace: Pace,
  view: ReadView,
  watch?: StageWatch,
): Rows {
  const host = new CommandHost(pace, view)
  const run = new PipelineRun({
    nowMs: operation.nowMs,
    pause: pace.due,
    waitFor: pace.waitFor,
    allowDiskUse: source.allowDiskUse ?? true,
    host,
    watch,
    collation: operation.collation,
  })
  host.checkViews(pipeline, operation.collation)
  const from = { database: operation.databaseName, collection: source.collection ?? '' }
  return host.open(from, pipeline, run, source.hint)
}
