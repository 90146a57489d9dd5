/**
 * A map for what comes and goes quickly in a table that stays: transactions, locks, operations. Its entries are chained by their hash, and in the order in which
 * they were added:
 *
 *   buckets   [ ·──> entry ──> entry,  ·,  ·──> entry,  ... ]
 *
 * V8's own map has its entries in a table which it makes anew when it has outgrown it or is nearly empty, and deleted entries count, too: a map that stays small
 * is replaced all the time. An outgrown table keeps the way to its successor, and everything that was in it then; once one has grown old, each keeps
 * the next one, and with it what has long been deleted, alive until the next full collection: measured, a third of the time of short transactions. Here nothing
 * is left of an entry that was deleted, and the buckets become more only when there are more entries than ever.
 */
interface Entry<Key, Value> {
  readonly key: Key
  value: Value
  /** In the same bucket. */
  next: Entry<Key, Value> | undefined
  older: Entry<Key, Value> | undefined
  newer: Entry<Key, Value> | undefined
}

const bucketCountMin = 16

export class TransientMap<Key extends number | string, Value> {
  #buckets = new Array<Entry<Key, Value> | undefined>(bucketCountMin).fill(undefined)
  #size = 0
  #oldest: Entry<Key, Value> | undefined
  #newest: Entry<Key, Value> | undefined

  get size(): number {
    return this.#size
  }

  get(key: Key): Value | undefined {
    return this.#find(key)?.value
  }

  has(key: Key): boolean {
    return this.#find(key) !== undefined
  }

  set(key: Key, value: Value): void {
    const found = this.#find(key)
    if (found !== undefined) {
      found.value = value
      return
    }
    if (this.#size === this.#buckets.length) this.#grow()
    const buckets = this.#buckets
    const bucket = hashOf(key) & (buckets.length - 1)
    const newest = this.#newest
    const entry: Entry<Key, Value> = { key, value, next: buckets[bucket], older: newest, newer: undefined }
    buckets[bucket] = entry
    if (newest === undefined) this.#oldest = entry
    else newest.newer = entry
    this.#newest = entry
    this.#size++
  }

  delete(key: Key): boolean {
    const bucket = hashOf(key) & (this.#buckets.length - 1)
    let before: Entry<Key, Value> | undefined
    let entry = this.#buckets[bucket]
    while (entry !== undefined && entry.key !== key) {
      before = entry
      entry = entry.next
    }
    if (entry === undefined) return false
    if (before === undefined) this.#buckets[bucket] = entry.next
    else before.next = entry.next
    const { older, newer } = entry
    if (older === undefined) this.#oldest = newer
    else older.newer = newer
    if (newer === undefined) this.#newest = older
    else newer.older = older
    // One that has grown old would keep what it leads to.
    entry.next = entry.older = entry.newer = undefined
    this.#size--
    return true
  }

  /** Those that are there now, in the order in which they were added. */
  values(): Value[] {
    const values: Value[] = []
    for (let entry = this.#oldest; entry !== undefined; entry = entry.newer) values.push(entry.value)
    return values
  }

  #find(key: Key): Entry<Key, Value> | undefined {
    let entry = this.#buckets[hashOf(key) & (this.#buckets.length - 1)]
    while (entry !== undefined && entry.key !== key) entry = entry.next
    return entry
  }

  #grow(): void {
    const buckets = new Array<Entry<Key, Value> | undefined>(2 * this.#buckets.length).fill(undefined)
    for (let entry = this.#newest; entry !== undefined; entry = entry.older) {
      const bucket = hashOf(entry.key) & (buckets.length - 1)
      entry.next = buckets[bucket]
      buckets[bucket] = entry
    }
    this.#buckets = buckets
  }
}

/** Of a whole number itself: those that are used as keys are counted up. */
function hashOf(key: number | string): number {
  if (typeof key === 'number') return key
  let hash = 0
  for (let i = 0; i < key.length; i++) hash = (Math.imul(hash, 31) + key.charCodeAt(i)) | 0
  return hash ^ (hash >>> 16)
}
