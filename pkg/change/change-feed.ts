/**
 * The recent past of the log in memory, for everybody who watches: each entry is copied once, when it has become durable, read once, and
 * each event is built once for all who want it to look the same. Who falls further behind than the memory reaches reads the
 * log by himself.
 *
 * INVARIANTS
 *  (1) The entries kept are the last ones that became durable, without a gap; there are none while nobody watches.
 *  (2) They take no more than `budgetBytes`, or are a single one.
 */
import type { CollectionId, LogIndex } from '../base/ids.ts'
import type { Engine } from '../engine/engine.ts'
import { wholePayload } from '../storage/log-reader.ts'
import { ChangeEntry } from './change.ts'

/** Memory for payloads; events that were built from them come to about as much again for each shape that is asked for. */
const budgetBytes = 16 * 1024 * 1024
const entryOverheadBytes = 200

export class ChangeFeed {
  readonly engine: Engine
  /** `undefined` for one that is too large: who wants it reads it part by part. */
  #entries: (ChangeEntry | undefined)[] = []
  /** The index of the first in `#entries`. */
  #first = 0
  /** Where the oldest one kept is in `#entries`. */
  #head = 0
  #bytes = 0
  #watching = 0
  readonly #waiting = new Set<() => void>()

  constructor(engine: Engine) {
    this.engine = engine
  }

  /** Who watches from now on; until `leave` recent entries are kept. */
  enter(): void {
    if (this.#watching++ > 0) return
    this.engine.onDurable = (entry) => {
      const { index, timestamp, source } = entry
      const kept = source === undefined ? new ChangeEntry(index, timestamp, wholePayload(entry)) : undefined
      this.#keep(index, kept)
    }
  }

  leave(): void {
    if (--this.#watching > 0) return
    this.engine.onDurable = undefined
    this.#entries = []
    this.#head = 0
    this.#bytes = 0
  }

  /** The entry, if it is one of those in memory. */
  recent(index: LogIndex): ChangeEntry | undefined {
    return index < this.#first + this.#head ? undefined : this.#entries[index - this.#first]
  }

  /** Calls `wake` once, when an entry has become durable; the answer takes it back. */
  wait(wake: () => void): () => void {
    this.#waiting.add(wake)
    return () => {
      this.#waiting.delete(wake)
    }
  }

  /** Lets go on everybody who waits: the database closes, or looks for them again. */
  wakeAll(): void {
    for (const wake of [...this.#waiting]) {
      this.#waiting.delete(wake)
      wake()
    }
  }

  /** The document with that `_id` as it is now; null: there is none. `key`: type and place of the `_id`. */
  lookUp(id: CollectionId, type: number, bytes: Uint8Array, start: number): Uint8Array | null {
    const collection = this.engine.collectionById(id)
    const record = { bytes, start: 0, end: 0 }
    if (collection === undefined || !collection.readById(type, bytes, start, record)) return null
    return record.bytes.slice(record.start, record.end)
  }

  #keep(index: LogIndex, entry: ChangeEntry | undefined): void {
    if (this.#entries.length === 0) this.#first = index
    this.#entries.push(entry)
    this.#bytes += sizeOf(entry)
    while (this.#bytes > budgetBytes && this.#entries.length - this.#head > 1) {
      this.#bytes -= sizeOf(this.#entries[this.#head])
      this.#head++
    }
    if (this.#head > 1024 && this.#head * 2 > this.#entries.length) {
      this.#entries = this.#entries.slice(this.#head)
      this.#first += this.#head
      this.#head = 0
    }
    if (this.#waiting.size > 0) this.wakeAll()
  }
}

function sizeOf(entry: ChangeEntry | undefined): number {
  return (entry?.bytes.length ?? 0) + entryOverheadBytes
}
