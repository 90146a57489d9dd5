/**
 * The keys written since the oldest open serializable transaction began: what its reads are held against when it commits. Nothing is
 * remembered while there is none.
 */
interface RecentWrite {
  readonly map: object
  readonly key: Uint8Array
}

export class RecentWrites {
  #writes: RecentWrite[] = []
  /** The number of the first write in the list; numbers only grow. */
  #first = 0
  /** The numbers at which open readers began. */
  readonly #readers = new Set<{ readonly from: number }>()

  get isWatched(): boolean {
    return this.#readers.size > 0
  }

  note(map: object, key: Uint8Array, length: number): void {
    if (this.#readers.size > 0) this.#writes.push({ map, key: key.slice(0, length) })
  }

  /** From now on writes are remembered for a reader, until `leave`. */
  enter(): { readonly from: number } {
    const reader = { from: this.next }
    this.#readers.add(reader)
    return reader
  }

  leave(reader: { readonly from: number }): void {
    this.#readers.delete(reader)
    let oldest = this.#first + this.#writes.length
    for (const { from } of this.#readers) if (from < oldest) oldest = from
    const gone = oldest - this.#first
    // Now and then rather than with each reader: it moves the rest.
    if (gone === this.#writes.length) this.#writes = []
    else if (gone > 1024 && gone * 2 > this.#writes.length) this.#writes.splice(0, gone)
    else return
    this.#first = oldest
  }

  /** The number that the next write will have. */
  get next(): number {
    return this.#first + this.#writes.length
  }

  /** The key of the first write from number `from` on, which a reader must have kept, that `matches`. */
  find(from: number, matches: (map: object, key: Uint8Array, number: number) => boolean): Uint8Array | undefined {
    for (let i = from - this.#first; i < this.#writes.length; i++) {
      const { map, key } = this.#writes[i]!
      if (matches(map, key, this.#first + i)) return key
    }
    return undefined
  }
}
