/**
 * What a database should hold: a dumb model of collections as sorted maps, one state per log index.
 *
 * A write is recorded as the change it makes; `at(index)` gives the contents after that entry. The checker of crash tests asks for
 * the state at the log index that recovery reached: nothing less than what was acknowledged, nothing that was never written.
 */
export type ModelDocument = string

/** namespace -> `_id` -> document, both as text that compares equal exactly when the bytes do. */
export type ModelState = ReadonlyMap<string, ReadonlyMap<string, ModelDocument>>

export class Model {
  #states: ModelState[] = [new Map()]
  #indexes: number[] = [0]
  /** The greatest log index whose durability was acknowledged. */
  acknowledged = 0

  get current(): ModelState {
    return this.#states.at(-1)!
  }

  /** Records the state after the entry with this log index. */
  record(logIndex: number, change: (state: Map<string, Map<string, ModelDocument>>) => void): void {
    const state = new Map([...this.current].map(([name, documents]) => [name, new Map(documents)]))
    change(state)
    if (this.#indexes.at(-1) === logIndex) this.#states[this.#states.length - 1] = state
    else {
      this.#states.push(state)
      this.#indexes.push(logIndex)
    }
  }

  acknowledge(logIndex: number): void {
    if (logIndex > this.acknowledged) this.acknowledged = logIndex
  }

  get lastIndex(): number {
    return this.#indexes.at(-1)!
  }

  /** The contents after the last recorded entry at or before `logIndex`. */
  at(logIndex: number): ModelState {
    let at = this.#indexes.length - 1
    while (at > 0 && this.#indexes[at]! > logIndex) at--
    return this.#states[at]!
  }
}

/** How two states differ, in words; undefined when they are equal. */
export function difference(expected: ModelState, actual: ModelState): string | undefined {
  for (const name of new Set([...expected.keys(), ...actual.keys()])) {
    const want = expected.get(name)
    const got = actual.get(name)
    if (want === undefined) return `collection ${name} should not be there`
    if (got === undefined) return `collection ${name} is missing`
    for (const id of new Set([...want.keys(), ...got.keys()])) {
      if (want.get(id) !== got.get(id)) return `${name} ${id}: ${got.get(id)} instead of ${want.get(id)}`
    }
  }
  return undefined
}
