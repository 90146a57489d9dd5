/** What can be computed in another thread: a function for each kind of task, the same that compute it in place when it is little. */
import type { Task } from '../base/detour.ts'
import { DatabaseError, type ErrorDetails } from '../base/errors.ts'
import type { Answer } from '../io/threads.ts'
import { computeUpdate, type UpdateTask } from '../query/update/detour.ts'

/** As it is sent: an error of the database's is what it is made of. */
export interface TaskAnswer {
  readonly result?: unknown
  readonly failure?: FailureParts
  /** What went wrong that should not have. */
  readonly defect?: string
}

interface FailureParts {
  readonly code: number
  readonly message: string
  readonly details: ErrorDetails
  readonly labels: readonly string[]
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
  if (!(error instanceof DatabaseError)) {
    return { defect: error instanceof Error ? (error.stack ?? error.message) : String(error) }
  }
  const { code, message, details, labels } = error
  return { failure: { code, message, details, labels } }
}

/** The buffers that hold nothing but one of `results`. */
function buffersOf(results: readonly Uint8Array[]): ArrayBuffer[] {
  return results
    .filter(({ buffer, length }) => buffer instanceof ArrayBuffer && buffer.byteLength === length)
    .map(({ buffer }) => buffer as ArrayBuffer)
}
