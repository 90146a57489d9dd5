/** What explain says of a search: the plan, and what carrying it out took. */

import type { Timestamp } from '../base/timestamp.ts'
import { type RawDocument, rawDocument } from '../bson/build.ts'
import type { Value } from '../bson/value.ts'
import type { Collection } from '../engine/collection.ts'
import type { PlanTrial } from '../query/execute.ts'
import { noWork, type Work } from '../query/execute-source.ts'
import { describePlan } from '../query/plan-describe.ts'
import type { PlanNode } from '../query/plan-node.ts'
import type { TrialResult } from '../query/plan-trial.ts'
import type { Projection } from '../query/projection/tree.ts'
import { queryShape, shapeHash } from '../query/query-shape.ts'
import { type OuterStage, returnedOf, type StageCounts, stagesWithCounts } from './explain-stages.ts'
import type { Instance } from './instance.ts'
import type { Operation } from './operation.ts'
import { Pace } from './pace.ts'
import { ReadView } from './read-view.ts'
import { Search, type SearchWindow } from './search.ts'
import { expressionOptions } from './variables.ts'

/** Works of a trial between two looks at the clock. */
const trialBudget = 64

export type Verbosity = 'queryPlanner' | 'executionStats' | 'allPlansExecution'

/** The fields of explain's reply before the command and the server are named. */
export type Explanation = Readonly<Record<string, unknown>>

export interface ExplainedSearch {
  readonly filter: Uint8Array
  readonly sort: Uint8Array | undefined
  readonly hint: Value | undefined
  /** As it was given. */
  readonly projectionDocument?: Uint8Array | undefined
  readonly projection?: Projection | undefined
  /** Index keys are shown instead of documents. */
  readonly returnKey?: boolean | undefined
  /** Distinct values of this path are asked for. */
  readonly distinctPath?: string
}

interface Execution {
  returned: number
  skip: number
  work: Readonly<Work>
  timeMs: number
}

export function explainSearch(
  operation: Operation,
  collectionName: string,
  what: ExplainedSearch,
  window: SearchWindow,
  verbosity: Verbosity,
  outer?: OuterStage,
): Explanation | Promise<Explanation> {
  const { instance } = operation
  const { engine } = instance
  const collection = engine.collection(operation.databaseName, collectionName)
  const search = new Search(what.filter, what.sort, what.hint, expressionOptions(operation), what.projectionDocument)
  const described = {
    skip: window.skip,
    limit: window.limit,
    projection: what.projection,
    returnKey: what.returnKey,
    filterDocument: what.filter,
  }
  const shown = (node: PlanNode): Explanation => {
    const inner = describePlan(node, described)
    return outer === undefined ? inner : { stage: outer.stage, inputStage: inner }
  }
  const plannerOf = (plans: PlannerPlans): Explanation => ({
    explainVersion: '1',
    queryPlanner: {
      namespace: `${operation.databaseName}.${collectionName}`,
      parsedQuery: parsedQuery(what.filter),
      indexFilterSet: plans.indexFilterSet,
      queryHash: plans.shapeHash,
      planCacheShapeHash: plans.shapeHash,
      planCacheKey: plans.cacheKey,
      optimizationTimeMillis: 0,
      maxIndexedOrSolutionsReached: false,
      maxIndexedAndSolutionsReached: false,
      maxScansToExplodeReached: false,
      prunedSimilarIndexes: false,
      winningPlan: plans.winningPlan,
      rejectedPlans: plans.rejectedPlans,
    },
  })
  if (collection === undefined) {
    const none = { stage: 'EOF' }
    const hash = shapeHash(queryShape(search.filter, search.sort, search.projection))
    const plans = {
      indexFilterSet: false,
      shapeHash: hash,
      cacheKey: hash,
      winningPlan: outer === undefined ? none : { stage: outer.stage, inputStage: none },
      rejectedPlans: [],
    }
    if (verbosity === 'queryPlanner') return plannerOf(plans)
    const execution = { returned: 0, skip: 0, work: noWork(), timeMs: 0 }
    return {
      ...plannerOf(plans),
      executionStats: statistics({ ...execution, outer }, plans.winningPlan, verbosity, []),
    }
  }
  const view = new ReadView(engine)
  const pace = new Pace(operation)
  const { distinctPath, returnKey, projection } = what
  const sought = { ...window, projection: returnKey === true ? undefined : projection }
  const { trial, near, far, shape, key } = plansFor(search, instance, collection, view.at, sought, distinctPath)
  const elapsedMs = (): number => Math.round(instance.world.clock.monotonicMs() - operation.startedMs)

  const plansOf = (nodes: readonly PlanNode[]): PlannerPlans => ({
    indexFilterSet: search.allows(instance, collection) !== undefined,
    shapeHash: shapeHash(shape),
    cacheKey: shapeHash(key),
    winningPlan: { isCached: false, ...shown(nodes[0]!) },
    rejectedPlans: [...nodes.slice(1), ...far].map(shown),
  })

  /** The candidates, the best first, and how they did. */
  const tryOut = async (): Promise<readonly TrialResult[]> => {
    if (trial === undefined) return []
    while (!operation.untilDetour(() => trial.advance(trialBudget))) {
      if (!operation.due()) continue
      view.keep()
      trial.save()
      await operation.pause()
    }
    return trial.ranking().map(({ result }) => result)
  }

  const execute = async (node: PlanNode): Promise<Execution> => {
    const rows = search.open(pace, collection, view.at, sought, node)
    try {
      let returned = 0
      for (;;) {
        while (rows.next()) returned++
        if (!rows.paused) break
        view.keep()
        rows.save()
        await operation.pause()
      }
      return { returned, skip: window.skip ?? 0, work: rows.rows.work, timeMs: elapsedMs() }
    } finally {
      rows.close()
    }
  }

  const work = async (): Promise<Explanation> => {
    try {
      const results = await tryOut()
      trial?.close()
      const nodes = results.length === 0 ? near : results.map(({ node }) => node)
      const plans = plansOf(nodes)
      if (verbosity === 'queryPlanner') return plannerOf(plans)
      const execution = await execute(nodes[0]!)
      const tried =
        results.length < 2 ? [] : results.map((result) => triedPlan(result, shown(result.node), elapsedMs()))
      return {
        ...plannerOf(plans),
        executionStats: statistics({ ...execution, outer }, plans.winningPlan, verbosity, tried),
      }
    } finally {
      trial?.close()
      view.release()
    }
  }
  if (trial === undefined && verbosity === 'queryPlanner') return plannerOf(plansOf(near))
  return work()
}

function plansFor(
  search: Search,
  instance: Instance,
  collection: Collection,
  at: Timestamp,
  window: SearchWindow,
  distinctPath: string | undefined,
): PlanTrial {
  const node =
    distinctPath === undefined
      ? search.planGroups(instance, collection, at, window)
      : search.planValues(instance, collection, at, distinctPath)
  const plans = search.trial(instance, collection, at, window)
  return node === undefined ? plans : { ...plans, trial: undefined, near: [node], far: [] }
}

interface PlannerPlans {
  readonly indexFilterSet: boolean
  readonly shapeHash: string
  readonly cacheKey: string
  readonly winningPlan: Explanation
  readonly rejectedPlans: readonly Explanation[]
}

/** One candidate of `allPlansExecution`: how far it got in the trial. */
function triedPlan({ advanced, score, work }: TrialResult, plan: Explanation, timeMs: number): Explanation {
  return {
    nReturned: advanced,
    executionTimeMillisEstimate: timeMs,
    totalKeysExamined: work.keysExamined,
    totalDocsExamined: work.docsExamined,
    score,
    executionStages: stagesWithCounts(plan, { returned: advanced, skip: 0, work, timeMs }),
  }
}

function parsedQuery(filter: Uint8Array): RawDocument {
  return rawDocument(filter)
}

function statistics(
  execution: StageCounts,
  winningPlan: Explanation,
  verbosity: Verbosity,
  tried: readonly Explanation[],
): Explanation {
  return {
    executionSuccess: true,
    nReturned: returnedOf(execution),
    executionTimeMillis: execution.timeMs,
    totalKeysExamined: execution.work.keysExamined,
    totalDocsExamined: execution.work.docsExamined,
    executionStages: stagesWithCounts(winningPlan, execution),
    ...(verbosity === 'allPlansExecution' ? { allPlansExecution: tried } : {}),
  }
}
