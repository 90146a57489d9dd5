/** From a decision to rows: of one plan, of one from the cache that is watched, of the one that wins a trial. */
import { noWork, type RowSource, type Work } from './execute-source.ts'
import { CachedRows, SoleRows, TrialRows } from './execute-trial.ts'
import type { QueryOrigin } from './plan-cache.ts'
import type { PlanDecision } from './plan-choose.ts'
import type { PlanNode } from './plan-node.ts'
import type { QuerySource } from './plan-source.ts'
import { Candidate, Trial, type TrialLimits, type TrialResult } from './plan-trial.ts'

/** As MongoDB has them. */
const trialWorks = 10_000
const trialRows = 101
/** A plan from the cache may take so many times the works it took when it was tried. */
const worksGrowthMax = 10

/** Opens a plan whose rows count in `work`. */
export type OpenPlan = (node: PlanNode, work: Work) => RowSource

export interface Choosing {
  readonly source: QuerySource
  readonly open: OpenPlan
  /** Rows asked for at most. */
  readonly rowLimit: number | undefined
  readonly origin: QueryOrigin | undefined
  /** Decides anew, without the cache. */
  readonly decide: () => PlanDecision
}

export function openDecision(choosing: Choosing, decision: PlanDecision, work: Work): RowSource {
  const { open, rowLimit } = choosing
  switch (decision.kind) {
    case 'sole':
      return open(decision.node, work)
    case 'cached': {
      const { node, entry, memory } = decision
      const own = noWork()
      const watch = {
        works: entry.works * worksGrowthMax,
        rows: limitsOf(rowLimit).rows,
        replace: () => {
          memory.cache.deactivate(entry)
          return openDecision(choosing, choosing.decide(), work)
        },
      }
      return new CachedRows(open(node, own), own, watch, work)
    }
    case 'several': {
      const { near, key, memory } = decision
      const note = (results: readonly TrialResult[]): void =>
        memory.cache.decided(choosing.source, key, results, choosing.origin)
      const limits = limitsOf(rowLimit)
      const [first] = near
      if (near.length > 1) return new TrialRows(candidatesOf(near, open), limits, work, note)
      const own = noWork()
      return new SoleRows(first!, open(first!, own), own, limits.rows, work, note)
    }
  }
}

/** The trial that a decision between several asks for. */
export function trialOf(nodes: readonly PlanNode[], open: OpenPlan, rowLimit: number | undefined): Trial {
  return new Trial(candidatesOf(nodes, open), limitsOf(rowLimit))
}

function candidatesOf(nodes: readonly PlanNode[], open: OpenPlan): readonly Candidate[] {
  return nodes.map((node) => {
    const own = noWork()
    return new Candidate(node, open(node, own), own)
  })
}

function limitsOf(rowLimit: number | undefined): TrialLimits {
  return { works: trialWorks, rows: Math.min(trialRows, rowLimit ?? trialRows) }
}
