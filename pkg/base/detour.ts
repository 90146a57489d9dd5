/**
 * Work that would keep the thread too long: thrown out of synchronous code by whoever finds that what it is about to compute, or is
 * computing, takes more than some milliseconds. Whoever can wait catches it, has the task done by another thread, lets
 * `keep` have the outcome and begins again; the same code then finds what it needs computed and goes on.
 *
 * RULES
 *  (1) It is thrown before anything has changed, or where it is known how far the work came: as a conflict between transactions is.
 *  (2) A task is a pure function of its message, so that it makes no difference where it is computed.
 *  (3) What is kept counts only for the input that it was computed from, byte by byte: who begins again may find another.
 */
import { DatabaseError, type ErrorDetails } from './errors.ts'

/** A message that can be sent to another thread; `kind` says what computes it. */
export interface Task {
  readonly kind: string
}

export type Outcome<Result = unknown> =
  | { readonly result: Result; readonly error?: undefined }
  | { readonly error: DatabaseError; readonly result?: undefined }

/** An error of the database's as it is sent from thread to thread. */
export interface FailureParts {
  readonly code: number
  readonly message: string
  readonly details: ErrorDetails
  readonly labels: readonly string[]
}

export function partsOf({ code, message, details, labels }: DatabaseError): FailureParts {
  return { code, message, details, labels }
}

export function errorOf({ code, message, details, labels }: FailureParts): DatabaseError {
  return new DatabaseError(code, message, details, labels)
}

export class Detour extends Error {
  readonly task: Task
  /** Takes the outcome, once; not called when there is none because somebody ended the work. */
  readonly keep: (outcome: Outcome) => void

  constructor(task: Task, keep: (outcome: Outcome) => void) {
    super(`${task.kind} is to be computed elsewhere`)
    this.task = task
    this.keep = keep
  }
}

let isInPlace = false

/** Whether a `Detour` may be thrown: somebody waits for it. */
export function mayDetour(): boolean {
  return !isInPlace
}

/** Does `work` here, however long it takes: for what stands in the middle of something that cannot begin again. */
export function inPlace<Result>(work: () => Result): Result {
  const before = isInPlace
  isInPlace = true
  try {
    return work()
  } finally {
    isInPlace = before
  }
}

/**
 * How often work is sent away in vain: what came back was of something that has changed meanwhile. Then it is better done where it is
 * found, however long it takes, than never.
 */
export class Patience {
  #left = patienceMax

  get isOver(): boolean {
    return this.#left === 0
  }

  /** Work is sent away. */
  spend(): void {
    this.#left--
  }

  /** What came back was of use, or the work was done. */
  rewarded(): void {
    this.#left = patienceMax
  }
}

const patienceMax = 5

/** What may be done with one document in the turn of whoever asks, in nanoseconds: estimated. */
export const inPlaceNs = 8e6

interface Kept<Result> {
  readonly input: Uint8Array
  readonly outcome: Outcome<Result>
}

/** Of the outcomes that somebody has waited for, so many are kept until they are asked for. */
const keptMax = 4

/** What is computed of documents elsewhere, each outcome until its document comes again. */
export class KeptOutcomes<Result> {
  readonly #kept: Kept<Result>[] = []
  readonly #patience = new Patience()

  /**
   * What is computed of `bytes[start, end)`, when that has come back; what `here` gives, when it was sent away in vain too often. Otherwise throws
   * a `Detour` with the task, which is for a copy of these bytes.
   */
  resultOf(
    bytes: Uint8Array,
    start: number,
    end: number,
    taskOf: (input: Uint8Array) => Task,
    here: () => Result,
  ): Result {
    const found = this.#kept.findIndex(({ input }) => isSameInput(input, bytes, start, end))
    if (found >= 0) {
      this.#patience.rewarded()
      const [{ outcome }] = this.#kept.splice(found, 1) as [Kept<Result>]
      if (outcome.error !== undefined) throw outcome.error
      return outcome.result
    }
    if (this.#patience.isOver) {
      this.#patience.rewarded()
      return here()
    }
    this.#patience.spend()
    const input = bytes.slice(start, end)
    throw new Detour(taskOf(input), (outcome) => {
      if (this.#kept.length === keptMax) this.#kept.shift()
      this.#kept.push({ input, outcome: outcome as Outcome<Result> })
    })
  }
}

/** What is estimated for a document is next to nothing for one that is not longer. */
export const longDocumentBytes = 64 * 1024

/** Whether `bytes[start, end)` is what `input` is. */
export function isSameInput(input: Uint8Array, bytes: Uint8Array, start: number, end: number): boolean {
  return input.length === end - start && Buffer.compare(input, bytes.subarray(start, end)) === 0
}
