/** A collection in memory with single-field indexes, kept by brute force: what plans are tested against. */
import type { RecordId } from '../../base/ids.ts'
import { DatabaseError } from '../../base/errors.ts'
import { type Timestamp, timestampMin } from '../../base/timestamp.ts'
import { buildDocument } from '../../bson/build.ts'
import { compareBytes, encodeKey, KeyWriter } from '../../bson/key.ts'
import { getField } from '../../bson/value.ts'
import { type IndexDefinition, type KeyPath, parseIndexDefinition } from '../../index/definition.ts'
import { KeyExtractor, KeySet } from '../../index/extract.ts'
import type { BytesRef, KeyPoints, KeyScan, QueryIndex, QuerySource, RecordScan } from '../plan-source.ts'

export class MemorySource implements QuerySource {
  readonly hasIdIndex = true
  readonly collation = undefined
  readonly namespace = 'test.memory'
  dropped = false
  readonly changeCount = 0
  readonly documents: readonly Uint8Array[]
  readonly indexes: readonly QueryIndex[]

  /** Records are numbered from 1. `indexes`: [path, descending]. */
  constructor(documents: readonly Uint8Array[], indexes: readonly (readonly [string, boolean])[] = []) {
    this.documents = documents
    this.indexes = indexes.map(([path, descending]) => new MemoryIndex(documents, path, descending))
  }

  get documentCount(): number {
    return this.documents.length
  }

  scan(_at: Timestamp, direction: 1 | -1 = 1): RecordScan {
    const order = this.documents.map((_, i) => i)
    if (direction === -1) order.reverse()
    return new ListScan(order.map((i) => ({ recordId: (i + 1) as RecordId, bytes: this.documents[i]! })))
  }

  read(recordId: RecordId, _at: Timestamp, into: BytesRef): boolean {
    const bytes = this.documents[recordId - 1]
    if (bytes === undefined) return false
    into.bytes = bytes
    into.start = 0
    into.end = bytes.length
    return true
  }

  findById(type: number, bytes: Uint8Array, start: number): RecordId | undefined {
    const wanted = keyOf(type, bytes, start)
    const position = this.documents.findIndex((document) => {
      const id = getField(document, '_id')!
      return equalBytes(keyOf(id.type, id.bytes, id.start), wanted)
    })
    return position < 0 ? undefined : ((position + 1) as RecordId)
  }
}

function keyOf(type: number, bytes: Uint8Array, start: number): Uint8Array {
  const writer = new KeyWriter()
  encodeKey(writer, type, bytes, start)
  return writer.finish()
}

const equalBytes = (a: Uint8Array, b: Uint8Array) => compareBytes(a, 0, a.length, b, 0, b.length) === 0

interface Entry {
  readonly recordId: RecordId
  readonly bytes: Uint8Array
}

/** Whether an index on the path takes the document. */
export function indexable(document: Uint8Array, path: string): boolean {
  try {
    new KeyExtractor([{ path, descending: false, kind: 'ordered' }], false).extract(document, 0, new KeySet())
    return true
  } catch (error) {
    if (error instanceof DatabaseError && error.code === 16746) return false
    throw error
  }
}

class MemoryIndex implements QueryIndex {
  readonly collation = undefined
  readonly name: string
  readonly definition: IndexDefinition
  readonly keyPaths: readonly KeyPath[]
  readonly unique = false
  readonly usableFrom = timestampMin
  multikey = false
  readonly multikeyPaths: number[] = [0]
  readonly #entries: Entry[] = []

  constructor(documents: readonly Uint8Array[], path: string, descending: boolean) {
    this.name = `${path}_${descending ? -1 : 1}`
    this.definition = parseIndexDefinition(buildDocument({ v: 2, key: { [path]: descending ? -1 : 1 }, name: this.name }))
    this.keyPaths = this.definition.keyPaths
    const extractor = new KeyExtractor(this.keyPaths, false)
    const keys = new KeySet()
    documents.forEach((document, i) => {
      extractor.extract(document, 0, keys)
      if (keys.multikey) {
        this.multikey = true
        this.multikeyPaths[0]! |= keys.paths[0]!
      }
      for (let k = 0; k < keys.count; k++) {
        this.#entries.push({
          recordId: (i + 1) as RecordId,
          bytes: keys.writer.bytes.slice(keys.starts[k]!, keys.ends[k]!),
        })
      }
    })
    this.#entries.sort(
      (a, b) => compareBytes(a.bytes, 0, a.bytes.length, b.bytes, 0, b.bytes.length) || a.recordId - b.recordId,
    )
  }

  coversPath(): boolean {
    return false
  }

  scan(_at: Timestamp, lower?: Uint8Array, upper?: Uint8Array, direction: 1 | -1 = 1): KeyScan {
    const within = this.#within(lower, upper)
    return new ListScan(direction === 1 ? within : within.reverse(), direction)
  }

  entryCount(lower?: Uint8Array, upper?: Uint8Array): number {
    return this.#within(lower, upper).length
  }

  keyAt(share: number): Uint8Array | undefined {
    return this.#entries[Math.floor(share * this.#entries.length)]?.bytes
  }

  #within(lower?: Uint8Array, upper?: Uint8Array): Entry[] {
    return this.#entries.filter(({ bytes }) => {
      if (lower !== undefined && compareBytes(bytes, 0, bytes.length, lower, 0, lower.length) < 0) return false
      return upper === undefined || compareBytes(bytes, 0, bytes.length, upper, 0, upper.length) < 0
    })
  }

  points(): KeyPoints {
    let list = new ListScan([])
    return {
      get recordId() {
        return list.recordId
      },
      seek: (key, keyLength) => {
        const found = this.#entries.filter(({ bytes }) => compareBytes(bytes, 0, bytes.length, key, 0, keyLength) === 0)
        list = new ListScan(found)
      },
      next: () => list.next(),
      save: () => list.save(),
      close: () => list.close(),
    }
  }
}

class ListScan implements RecordScan, KeyScan {
  readonly #entries: readonly Entry[]
  readonly #direction: 1 | -1
  #position = -1
  readonly start = 0
  /** How often it was told that others run. */
  saves = 0

  constructor(entries: readonly Entry[], direction: 1 | -1 = 1) {
    this.#entries = entries
    this.#direction = direction
  }

  get recordId(): RecordId {
    return this.#entries[this.#position]!.recordId
  }

  get bytes(): Uint8Array {
    return this.#entries[this.#position]!.bytes
  }

  get end(): number {
    return this.bytes.length
  }

  get key(): Uint8Array {
    return this.bytes
  }

  get keyEnd(): number {
    return this.end
  }

  next(): boolean {
    if (this.#position >= this.#entries.length - 1) return false
    this.#position++
    return true
  }

  skipTo(key: Uint8Array, keyLength: number): void {
    const passed = (entry: Entry): boolean =>
      compareBytes(entry.bytes, 0, entry.bytes.length, key, 0, keyLength) < 0 === (this.#direction === 1)
    while (this.#position + 1 < this.#entries.length && passed(this.#entries[this.#position + 1]!)) this.#position++
  }

  codeOf(): number {
    return 255
  }

  save(): void {
    this.saves++
  }

  close(): void {
    this.#position = this.#entries.length
  }
}
