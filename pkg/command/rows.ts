/** Documents that come one after the other, from wherever: what a cursor reads. */
import type { Rows } from '../aggregate/rows.ts'
import type { Pace } from './pace.ts'

/** What rows read from, as far as it must be kept while they wait and let go of in the end. */
export interface View {
  keep(): void
  release(): void
}

/** For rows that read from nothing. */
export const noView: View = { keep: emptyAction, release: emptyAction }

function emptyAction(): void {
  // There is nothing to keep or to let go of.
}

const noBytes = new Uint8Array(0)

/** Rows with the view they read from, whose current row can be put back for the next batch. */
export class HeldRows implements Rows {
  readonly #rows: Rows
  readonly #view: View
  /** Decides when the rows pause; changed to the operation that takes them up again. */
  readonly pace: Pace
  readonly #limit: number
  #taken = 0
  /** A copy of the row that did not fit the last batch. */
  #held: Uint8Array | undefined
  bytes: Uint8Array = noBytes
  start = 0
  end = 0
  paused = false
  #closed = false

  /** `view`: what the rows read from. `limit`: the most rows there can be, where that is known. */
  constructor(rows: Rows, view: View, pace: Pace, limit = Number.POSITIVE_INFINITY) {
    this.#rows = rows
    this.#view = view
    this.pace = pace
    this.#limit = limit
  }

  /** Whether every row there can be was given: known only where a limit is. */
  get ended(): boolean {
    return this.#taken >= this.#limit
  }

  next(): boolean {
    if (this.#held !== undefined) {
      this.bytes = this.#held
      this.start = 0
      this.end = this.#held.length
      this.#held = undefined
      this.#taken++
      return true
    }
    const rows = this.#rows
    if (!rows.next()) {
      this.paused = rows.paused === true
      return false
    }
    this.bytes = rows.bytes
    this.start = rows.start
    this.end = rows.end
    this.#taken++
    return true
  }

  /** The current row will come again from the next call of `next`. */
  hold(): void {
    this.#held = this.bytes.slice(this.start, this.end)
    this.#taken--
  }

  save(): void {
    this.#view.keep()
    this.#rows.save()
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#rows.close()
    this.#view.release()
  }
}
