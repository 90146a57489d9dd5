/**
 * A map for what comes and goes quickly in a table that stays: transactions, locks, operations.
 *
 * V8 leaves in a hash table that was outgrown the way to its successor, and everything that was in it then. Entries that are deleted
 * make a table outgrown, too, so one that stays small is replaced all the time; and once one of them has grown old, each keeps the next
 * one, and with it what has long been deleted, alive until the next full collection. What should have died young is copied twice by
 * the collector instead: measured, a third of the time of short transactions. A fresh map now and then ends the chain.
 */
const insertsMin = 1024

export class TransientMap<Key, Value> {
  #map = new Map<Key, Value>()
  /** Keys added since the map was fresh. */
  #inserts = 0

  get size(): number {
    return this.#map.size
  }

  get(key: Key): Value | undefined {
    return this.#map.get(key)
  }

  has(key: Key): boolean {
    return this.#map.has(key)
  }

  set(key: Key, value: Value): void {
    // A large map is copied seldom, so that an insert costs the same however many there are.
    if (++this.#inserts > insertsMin && this.#inserts > this.#map.size) {
      this.#map = new Map(this.#map)
      this.#inserts = 0
    }
    this.#map.set(key, value)
  }

  delete(key: Key): boolean {
    return this.#map.delete(key)
  }

  /** Those that are there now, in the order in which they were added. */
  values(): Value[] {
    return [...this.#map.values()]
  }
}
