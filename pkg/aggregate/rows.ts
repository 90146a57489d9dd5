/** Documents to pull one at a time: what pipelines read and what they give. */
import type { Value } from '../bson/value.ts'

/**
 * A pull iterator over documents. `next()` false with `paused` true: not the end, call `save()`, let others run and call
 * `next()` again.
 */
export interface Rows {
  readonly bytes: Uint8Array
  readonly start: number
  /** Exclusive. */
  readonly end: number
  readonly paused?: boolean
  next(): boolean
  /** What is known of the current document besides its fields, by the names of `$meta`; undefined: nothing of any. */
  metadata?(name: string): Value | undefined
  /** Before a yield or a write: lets go of what must not be held meanwhile. */
  save(): void
  close(): void
}

/** Documents that are already there. `due`: says of very many when it is time to pause. */
export class DocumentRows implements Rows {
  readonly #documents: readonly Uint8Array[]
  readonly #due: (() => boolean) | undefined
  #next = 0
  bytes: Uint8Array = new Uint8Array(0)
  readonly start = 0
  end = 0
  paused = false

  constructor(documents: readonly Uint8Array[], due?: () => boolean) {
    this.#documents = documents
    this.#due = due
  }

  next(): boolean {
    this.paused = this.#due?.() === true
    if (this.paused) return false
    const document = this.#documents[this.#next]
    if (document === undefined) return false
    this.#next++
    this.bytes = document
    this.end = document.length
    return true
  }

  save(): void {
    // The documents stay as they are.
  }

  close(): void {
    this.#next = this.#documents.length
  }
}
