/** The documents of a foreign collection by the values of a path: the hash side of a join. */
import { encodeKey, KeyWriter } from '../bson/key.ts'
import type { Value } from '../bson/value.ts'
import type { Path } from '../query/path.ts'
import { visitForeign } from './join-values.ts'
import { KeyTable } from './key-table.ts'

export class JoinTable {
  readonly #path: Path
  readonly #keys = new KeyTable()
  readonly #key = new KeyWriter()
  /** By key number: documents that have it, ascending. */
  readonly #numbers: number[][] = []
  readonly #documents: Uint8Array[] = []
  usedBytes = 0

  constructor(path: Path) {
    this.#path = path
  }

  add(bytes: Uint8Array, start: number, end: number): void {
    const number = this.#documents.length
    this.#documents.push(bytes.slice(start, end))
    this.usedBytes += end - start + 128
    visitForeign(this.#path, bytes, start, (type, at, from) => {
      const key = this.#numberOf(type, at, from)
      const numbers = this.#numbers[key]
      if (numbers === undefined) {
        this.#numbers[key] = [number]
        this.usedBytes += 96
      } else if (numbers.at(-1) !== number) numbers.push(number)
    })
  }

  #numberOf(type: number, bytes: Uint8Array, start: number): number {
    encodeKey(this.#key.reset(), type, bytes, start)
    return this.#keys.numberOf(this.#key.bytes, this.#key.length)
  }

  /** The documents that one of the values finds, in the order they were added, each once. */
  find(values: readonly Value[]): readonly Uint8Array[] {
    if (values.length === 1) return this.#numbersOf(values[0]!).map((number) => this.#documents[number]!)
    const found = new Set<number>()
    for (const value of values) for (const number of this.#numbersOf(value)) found.add(number)
    return [...found].sort((a, b) => a - b).map((number) => this.#documents[number]!)
  }

  #numbersOf(value: Value): readonly number[] {
    encodeKey(this.#key.reset(), value.type, value.bytes, value.start)
    const key = this.#keys.find(this.#key.bytes, this.#key.length)
    return key < 0 ? none : (this.#numbers[key] ?? none)
  }
}

const none: readonly number[] = []
