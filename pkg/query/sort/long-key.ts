/** Sort keys that take long to be made, those of large arrays: what another thread needs to make one, and what it does with that. */
import { Detour, inPlaceNs, KeptOutcomes, longDocumentBytes, mayDetour, type Task } from '../../base/detour.ts'
import { KeyWriter } from '../../bson/key.ts'
import { bsonType } from '../../bson/type.ts'
import { getField, readInt32 } from '../../bson/value.ts'
import { parseCollation } from '../../collation/spec.ts'
import { parsePath } from '../path.ts'
import { compileSort, type SortKeyOf } from './key.ts'
import type { Sort } from './parse.ts'

export interface SortKeyTask extends Task {
  readonly kind: 'sortKey'
  readonly parts: readonly { readonly path: string; readonly descending: boolean }[]
  /** A collation's document. */
  readonly collation: Uint8Array | undefined
  readonly document: Uint8Array
}

/** For each byte of what may be arrays, in nanoseconds: by one path, by several, which are looked for together, and of strings under a collation. */
const pathNs = 6
const pathsNs = 16
const collatedNs = 20

/** As `compileSort`, for who begins again after a `Detour` with the same document. `repeat`: called when one is about to be thrown. */
export function compileLongSort(sort: Sort, repeat?: () => void): SortKeyOf {
  const keyOf = compileSort(sort)
  let long: LongKeys | undefined
  return (bytes, start, into) => {
    if (readInt32(bytes, start) <= longDocumentBytes || !mayDetour()) return keyOf(bytes, start, into)
    long ??= new LongKeys(sort, keyOf)
    try {
      long.append(bytes, start, into)
    } catch (error) {
      if (error instanceof Detour) repeat?.()
      throw error
    }
  }
}

class LongKeys {
  readonly #sort: Sort
  readonly #keyOf: SortKeyOf
  readonly #nsPerByte: number
  readonly #roots: readonly string[]
  readonly #keys = new KeptOutcomes<Uint8Array>()

  constructor(sort: Sort, keyOf: SortKeyOf) {
    this.#sort = sort
    this.#keyOf = keyOf
    this.#nsPerByte = (sort.parts.length > 1 ? pathsNs : pathNs) + (sort.collation === undefined ? 0 : collatedNs)
    this.#roots = [...new Set(sort.parts.map(({ path }) => path.parts[0]!.name))]
  }

  append(bytes: Uint8Array, start: number, into: KeyWriter): void {
    if (this.#estimateNs(bytes, start) <= inPlaceNs) {
      this.#keyOf(bytes, start, into)
      return
    }
    const end = start + readInt32(bytes, start)
    const here = (): Uint8Array => keyBytes(this.#keyOf, bytes, start)
    const key = this.#keys.resultOf(bytes, start, end, (document) => this.#taskFor(document), here)
    into.append(key, 0, key.length)
  }

  #estimateNs(bytes: Uint8Array, start: number): number {
    let sizeBytes = 0
    for (const root of this.#roots) {
      const value = getField(bytes, root, start)
      if (value !== undefined && this.#mayTakeLong(value.type)) sizeBytes += value.end - value.start
    }
    return sizeBytes * this.#nsPerByte
  }

  #mayTakeLong(type: number): boolean {
    if (type === bsonType.array || type === bsonType.document) return true
    return type === bsonType.string && this.#sort.collation !== undefined
  }

  #taskFor(document: Uint8Array): SortKeyTask {
    const { parts, collation } = this.#sort
    return {
      kind: 'sortKey',
      parts: parts.map(({ path, descending }) => ({ path: path.text, descending })),
      collation: collation?.document,
      document,
    }
  }
}

/** Does what a `SortKeyTask` asks for. Errors: those of `SortKeyOf`. */
export function computeSortKey({ parts, collation, document }: SortKeyTask): Uint8Array {
  const sort: Sort = {
    parts: parts.map(({ path, descending }) => ({ path: parsePath(path), descending })),
    natural: undefined,
    collation: collation && parseCollation(collation),
    document: new Uint8Array(0),
  }
  return keyBytes(compileSort(sort), document, 0)
}

function keyBytes(keyOf: SortKeyOf, bytes: Uint8Array, start: number): Uint8Array {
  const key = new KeyWriter()
  keyOf(bytes, start, key)
  return key.finish()
}
