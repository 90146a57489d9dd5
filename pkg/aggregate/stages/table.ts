/** Every stage by name. */
import type { StageDefinition } from '../stage.ts'
import { addFields, set } from './add-fields.ts'
import { bucket } from './bucket.ts'
import { bucketAuto } from './bucket-auto.ts'
import { changeStream, changeStreamSplitLargeEvent } from './change-stream.ts'
import { count } from './count.ts'
import { densify } from './densify.ts'
import { documents } from './documents.ts'
import { facet } from './facet.ts'
import { fill } from './fill.ts'
import { graphLookup } from './graph-lookup.ts'
import { group } from './group.ts'
import { limit } from './limit.ts'
import { lookup } from './lookup.ts'
import { match } from './match.ts'
import { merge } from './merge.ts'
import { out } from './out.ts'
import { project } from './project.ts'
import { rankFusion } from './rank-fusion.ts'
import { redact } from './redact.ts'
import { refusedStages } from './refused.ts'
import { replaceRoot, replaceWith } from './replace-root.ts'
import { sample } from './sample.ts'
import { score } from './score.ts'
import { scoreFusion } from './score-fusion.ts'
import { setWindowFields } from './set-window-fields.ts'
import { skip } from './skip.ts'
import { sort } from './sort.ts'
import { sortByCount } from './sort-by-count.ts'
import {
  collStats,
  currentOp,
  indexStats,
  listClusterCatalog,
  listLocalSessions,
  listSessions,
  planCacheStats,
  querySettings,
  queryStats,
} from './system.ts'
import { unionWith } from './union-with.ts'
import { unset } from './unset.ts'
import { unwind } from './unwind.ts'

export const stages: ReadonlyMap<string, StageDefinition> = new Map(
  [
    addFields,
    set,
    bucket,
    bucketAuto,
    changeStream,
    changeStreamSplitLargeEvent,
    count,
    densify,
    documents,
    facet,
    fill,
    graphLookup,
    group,
    limit,
    lookup,
    match,
    merge,
    out,
    project,
    rankFusion,
    redact,
    replaceRoot,
    replaceWith,
    sample,
    score,
    scoreFusion,
    setWindowFields,
    skip,
    sort,
    sortByCount,
    unionWith,
    unset,
    unwind,
    collStats,
    currentOp,
    indexStats,
    listClusterCatalog,
    listLocalSessions,
    listSessions,
    planCacheStats,
    querySettings,
    queryStats,
    ...refusedStages,
  ].map((stage) => [stage.name, stage]),
)
