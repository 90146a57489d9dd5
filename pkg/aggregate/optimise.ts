/**
 * Rewrites a pipeline to one that means the same and does less: filters go before what does not change what they look at, limits
 * before what gives one document for each, and stages become one where they can.
 */
import { filterPaths } from './filter-paths.ts'
import type { Pipeline } from './parse.ts'
import type { StagePlan } from './stage.ts'

export function optimise(pipeline: Pipeline): Pipeline {
  return raiseLimits(fuse(raiseFilters(pipeline)))
}

function raiseFilters(pipeline: Pipeline): StagePlan[] {
  const plans: StagePlan[] = []
  for (const plan of pipeline) {
    let at = plans.length
    if (plan.pushdown?.kind === 'filter') {
      const paths = filterPaths(plan.pushdown.document)
      if (paths !== undefined) {
        while (at > 0 && isFreeOf(plans[at - 1]!, paths)) at--
        // Filters keep their order among themselves.
        while (at < plans.length && plans[at]!.pushdown?.kind === 'filter') at++
      }
    }
    plans.splice(at, 0, plan)
  }
  return plans
}

function isFreeOf({ effects }: StagePlan, paths: readonly string[]): boolean {
  return effects !== undefined && paths.every((path) => effects.keeps(path))
}

function fuse(pipeline: Pipeline): StagePlan[] {
  const plans: StagePlan[] = []
  for (const plan of pipeline) {
    const fused = plans.at(-1)?.fused?.(plan)
    if (fused === undefined) plans.push(plan)
    else plans[plans.length - 1] = fused
  }
  return plans
}

function raiseLimits(pipeline: readonly StagePlan[]): StagePlan[] {
  const plans: StagePlan[] = []
  for (const plan of pipeline) {
    let at = plans.length
    const { pushdown } = plan
    if (pushdown?.kind === 'limit' || pushdown?.kind === 'skip') while (plans[at - 1]?.oneToOne === true) at--
    plans.splice(at, 0, plan)
  }
  return plans
}
