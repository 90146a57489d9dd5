/** Explain's stages with what carrying them out took. */
import type { Work } from '../query/execute-source.ts'
import type { Stage } from '../query/plan-describe.ts'

/** The stage that a write or a count puts around the plan of its search. */
export interface OuterStage {
  readonly stage: 'COUNT' | 'DELETE' | 'UPDATE'
  /** The document is given back, as by findAndModify; otherwise nothing is. */
  readonly returnsDocument?: boolean
  /** A document is inserted when none is found. */
  readonly upsert?: boolean
}

export interface StageCounts {
  /** Rows of the whole query. */
  readonly returned: number
  readonly outer?: OuterStage | undefined
  readonly skip: number
  readonly work: Readonly<Work>
  readonly timeMs: number
}

/** The stage and those below it, each with its counts. `isFetched`: documents are read of what the stage gives. */
export function stagesWithCounts(stage: Stage, counts: StageCounts, isFetched = false): Stage {
  const { inputStage, inputStages, ...own } = stage as { inputStage?: Stage; inputStages?: readonly Stage[] }
  const name = String(stage['stage'])
  const described: Record<string, unknown> = { ...own, ...countsOf(name, counts, isFetched) }
  if (inputStage !== undefined) described['inputStage'] = stagesWithCounts(inputStage, counts, name === 'FETCH')
  if (inputStages !== undefined) {
    described['inputStages'] = inputStages.map((input, i) =>
      stagesWithCounts(input, { ...counts, work: counts.work.inputs[i] ?? counts.work }, isFetched),
    )
  }
  return described
}

function countsOf(name: string, counts: StageCounts, isFetched: boolean): Record<string, unknown> {
  const { keysExamined, docsExamined, matched, seeks, dupsTested, dupsDropped } = counts.work
  const given = isFetched ? docsExamined : matched
  switch (name) {
    case 'IXSCAN':
      return { ...progress(given, keysExamined, counts), keysExamined, seeks, dupsTested, dupsDropped }
    case 'COUNT_SCAN':
      return { ...progress(matched, keysExamined, counts), keysExamined }
    case 'DISTINCT_SCAN':
      return { ...progress(matched, keysExamined, counts), keysExamined, docsExamined }
    case 'FETCH':
      return { ...progress(matched, docsExamined, counts), docsExamined, alreadyHasObj: 0 }
    case 'COLLSCAN':
      return { ...progress(matched, docsExamined, counts), docsExamined }
    case 'IDHACK':
      return { ...progress(matched, docsExamined, counts), keysExamined, docsExamined }
    case 'OR':
    case 'SUBPLAN':
      return { ...progress(matched, docsExamined, counts), dupsTested: matched, dupsDropped: 0 }
    case 'SORT_MERGE':
      return { ...progress(given, keysExamined, counts), dupsTested: given, dupsDropped: 0 }
    case 'SORT':
      return {
        ...progress(Math.min(matched, counts.returned + counts.skip), matched, counts),
        totalDataSizeSorted: 0,
        usedDisk: false,
      }
    case 'COUNT':
      return { ...outerProgress(counts), nCounted: counts.returned, nSkipped: counts.skip }
    case 'DELETE':
      return { ...outerProgress(counts), nWouldDelete: counts.returned }
    // That each document would change is taken for granted, as by MongoDB: nothing is written to find out.
    case 'UPDATE':
      return {
        ...outerProgress(counts),
        nMatched: counts.returned,
        nWouldModify: counts.returned,
        nWouldUpsert: counts.outer?.upsert === true && counts.returned === 0 ? 1 : 0,
      }
    default:
      return progress(counts.returned, counts.returned, counts)
  }
}

function outerProgress(counts: StageCounts): Record<string, unknown> {
  return progress(returnedOf(counts), counts.returned, counts)
}

/** How many rows leave the outermost stage. */
export function returnedOf({ returned, outer }: StageCounts): number {
  return outer === undefined || outer.returnsDocument === true ? returned : 0
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
