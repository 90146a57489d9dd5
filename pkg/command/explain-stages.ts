/** Explain's stages with what carrying them out took. */
import type { Stage } from '../query/plan-describe.ts'

export interface StageCounts {
  /** Rows of the whole query. */
  readonly returned: number
  /** Rows before sort, skip and limit. */
  readonly matched: number
  readonly skip: number
  readonly keysExamined: number
  readonly docsExamined: number
  readonly timeMs: number
}

/** The stage and those below it, each with its counts. Of several scans under one OR only the OR has any. */
export function stagesWithCounts(stage: Stage, counts: StageCounts): Stage {
  const { inputStage, inputStages, ...own } = stage as { inputStage?: Stage; inputStages?: readonly Stage[] }
  const described: Record<string, unknown> = { ...own, ...countsOf(String(stage['stage']), counts) }
  if (inputStage !== undefined) described['inputStage'] = stagesWithCounts(inputStage, counts)
  if (inputStages !== undefined) described['inputStages'] = inputStages
  return described
}

function countsOf(name: string, counts: StageCounts): Record<string, unknown> {
  const { keysExamined, docsExamined, matched } = counts
  switch (name) {
    case 'IXSCAN':
      return { ...progress(keysExamined, keysExamined, counts), keysExamined, seeks: 1, dupsTested: 0, dupsDropped: 0 }
    case 'COUNT_SCAN':
      return { ...progress(matched, keysExamined, counts), keysExamined }
    case 'FETCH':
      return { ...progress(matched, docsExamined, counts), docsExamined, alreadyHasObj: 0 }
    case 'COLLSCAN':
      return { ...progress(matched, docsExamined, counts), docsExamined }
    case 'IDHACK':
      return { ...progress(matched, docsExamined, counts), keysExamined, docsExamined }
    case 'OR':
    case 'SUBPLAN':
      return { ...progress(matched, docsExamined, counts), docsExamined }
    case 'SORT':
      return {
        ...progress(Math.min(matched, counts.returned + counts.skip), matched, counts),
        totalDataSizeSorted: 0,
        usedDisk: false,
      }
    default:
      return progress(counts.returned, counts.returned, counts)
  }
}

/** `steps`: entries or rows looked at. */
function progress(returned: number, steps: number, { timeMs }: StageCounts): Record<string, unknown> {
  return {
    nReturned: returned,
    executionTimeMillisEstimate: timeMs,
    works: steps + 1,
    advanced: returned,
    needTime: Math.max(0, steps - returned),
    needYield: 0,
    saveState: 0,
    restoreState: 0,
    isEOF: 1,
  }
}
