/** What explain says of a search: the plan, and what carrying it out took. */
import { type RawDocument, rawDocument } from '../bson/build.ts'
import type { Value } from '../bson/value.ts'
import type { PlanNode } from '../query/plan.ts'
import { describePlan } from '../query/plan-describe.ts'
import type { Projection } from '../query/projection/tree.ts'
import { stagesWithCounts } from './explain-stages.ts'
import type { Operation } from './instance.ts'
import { Pace } from './pace.ts'
import { ReadView } from './read-view.ts'
import { Search, type SearchWindow } from './search.ts'
import { expressionOptions } from './variables.ts'

export type Verbosity = 'queryPlanner' | 'executionStats' | 'allPlansExecution'

/** The fields of explain's reply before the command and the server are named. */
export type Explanation = Readonly<Record<string, unknown>>

export interface ExplainedSearch {
  readonly filter: Uint8Array
  readonly sort: Uint8Array | undefined
  readonly hint: Value | undefined
  readonly projection?: Projection | undefined
}

interface Execution {
  returned: number
  matched: number
  skip: number
  keysExamined: number
  docsExamined: number
  timeMs: number
}

/** `outer`: the stage that a write puts around the plan, such as UPDATE. */
export function explainSearch(
  operation: Operation,
  collectionName: string,
  what: ExplainedSearch,
  window: SearchWindow,
  verbosity: Verbosity,
  outer?: string,
): Explanation | Promise<Explanation> {
  const { engine } = operation.instance
  const collection = engine.collection(operation.databaseName, collectionName)
  const search = new Search(what.filter, what.sort, what.hint, expressionOptions(operation))
  const view = new ReadView(engine)
  const described = {
    skip: window.skip,
    limit: window.limit,
    projection: what.projection,
    filterDocument: what.filter,
  }
  const choice = collection === undefined ? undefined : search.choice(collection, view.at, window)
  const shown = (node: PlanNode): Explanation => {
    const inner = describePlan(node, described)
    return outer === undefined ? inner : { stage: outer, inputStage: inner }
  }
  const none = { stage: 'EOF' }
  const winningPlan =
    choice !== undefined ? shown(choice.winner) : outer === undefined ? none : { stage: outer, inputStage: none }
  const planner = {
    explainVersion: '1',
    queryPlanner: {
      namespace: `${operation.databaseName}.${collectionName}`,
      parsedQuery: parsedQuery(what.filter),
      indexFilterSet: false,
      optimizationTimeMillis: 0,
      maxIndexedOrSolutionsReached: false,
      maxIndexedAndSolutionsReached: false,
      maxScansToExplodeReached: false,
      prunedSimilarIndexes: false,
      winningPlan,
      rejectedPlans: choice === undefined ? [] : choice.rejected.map(shown),
    },
  }
  if (verbosity === 'queryPlanner') return planner
  const execution: Execution = {
    returned: 0,
    matched: 0,
    skip: window.skip ?? 0,
    keysExamined: 0,
    docsExamined: 0,
    timeMs: 0,
  }
  const finish = (): Explanation => ({ ...planner, executionStats: statistics(execution, winningPlan, verbosity) })
  if (collection === undefined) return finish()
  const rows = search.open(new Pace(operation), collection, view.at, window)
  const work = async (): Promise<Explanation> => {
    try {
      for (;;) {
        while (rows.next()) execution.returned++
        if (!rows.paused) break
        view.keep()
        rows.save()
        await operation.pause()
      }
      execution.keysExamined = rows.rows.keysExamined
      execution.docsExamined = rows.rows.docsExamined
      execution.matched = rows.rows.work.matched
      execution.timeMs = Math.round(operation.instance.world.clock.monotonicMs() - operation.startedMs)
      return finish()
    } finally {
      rows.close()
      view.release()
    }
  }
  return work()
}

function parsedQuery(filter: Uint8Array): RawDocument {
  return rawDocument(filter)
}

function statistics(execution: Execution, winningPlan: Explanation, verbosity: Verbosity): Explanation {
  return {
    executionSuccess: true,
    nReturned: execution.returned,
    executionTimeMillis: execution.timeMs,
    totalKeysExamined: execution.keysExamined,
    totalDocsExamined: execution.docsExamined,
    executionStages: stagesWithCounts(winningPlan, execution),
    ...(verbosity === 'allPlansExecution' ? { allPlansExecution: [] } : {}),
  }
}
