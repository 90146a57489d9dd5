/** What can be computed in another thread: a function for each kind of task, the same that compute it in place when it is little. */
import { computeRedaction, type RedactTask } from '../aggregate/redaction.ts'
import { Detour, type FailureParts, partsOf, type Task } from '../base/detour.ts'
import { DatabaseError } from '../base/errors.ts'
import { computeExpressions } from '../expression/compute.ts'
import type { ExpressionsTask } from '../expression/expressions-task.ts'
import { computeKeys, type KeysTask } from '../index/keys-task.ts'
import type { Answer } from '../io/threads.ts'
import { computeFilter, type FilterTask } from '../query/filter/long-test.ts'
import { computeExplanation, type ExplanationTask } from '../query/schema/long-explanation.ts'
import { computeSortKey, type SortKeyTask } from '../query/sort/long-key.ts'
import { computeUpdate, type UpdateTask } from '../query/update/detour.ts'

/** As it is sent: an error of the database's is what it is made of. */
export interface TaskAnswer {
  readonly result?: unknown
  readonly failure?: FailureParts
  /** What went wrong that should not have. */
  readonly defect?: string
}

interface Computed {
  readonly result: unknown
  readonly transfer: readonly ArrayBuffer[]
}

const tasks: Readonly<Record<string, (task: never) => Computed>> = {
  update: (task: UpdateTask) => {
    const result = computeUpdate(task)
    return { result, transfer: buffersOf([result.document]) }
  },
  keys: (task: KeysTask) => {
    const result = computeKeys(task)
    return { result, transfer: buffersOf(result.flatMap(({ keys }) => keys?.bytes ?? [])) }
  },
  filter: (task: FilterTask) => ({ result: computeFilter(task), transfer: [] }),
  explanation: (task: ExplanationTask) => {
    const result = computeExplanation(task)
    return { result, transfer: buffersOf([result]) }
  },
  sortKey: (task: SortKeyTask) => {
    const result = computeSortKey(task)
    return { result, transfer: buffersOf([result]) }
  },
  redact: (task: RedactTask) => {
    const result = computeRedaction(task)
    return { result, transfer: result === undefined ? [] : buffersOf([result]) }
  },
  expressions: (task: ExpressionsTask) => {
    const result = computeExpressions(task)
    return { result, transfer: buffersOf(result.flatMap(({ value }) => value?.bytes ?? [])) }
  },
}

/** Computes a task; never throws. */
export function answerTask(message: unknown): Answer {
  const task = message as Task
  try {
    const { result, transfer } = tasks[task.kind]!(task as never)
    return { message: { result } satisfies TaskAnswer, transfer }
  } catch (error) {
    return { message: failureOf(error), transfer: [] }
  }
}

function failureOf(error: unknown): TaskAnswer {
  // From a place where no step is free and nobody waits.
  if (error instanceof Detour)
    return failureOf(new DatabaseError('ExceededTimeLimit', 'Work on one document takes too long'))
  if (!(error instanceof DatabaseError)) {
    return { defect: error instanceof Error ? (error.stack ?? error.message) : String(error) }
  }
  return { failure: partsOf(error) }
}

/** The buffers that hold one of `results`, each, and nothing else. */
function buffersOf(results: readonly Uint8Array[]): ArrayBuffer[] {
  return results
    .filter(({ buffer, length }) => length > 0 && buffer instanceof ArrayBuffer && buffer.byteLength === length)
    .map(({ buffer }) => buffer as ArrayBuffer)
}
