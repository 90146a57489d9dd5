/**
 * An index: a versioned map from encoded keys to records.
 *
 *   layout 'unique'   key = encoded values                        value = record id, 6 bytes big endian | codes
 *   layout 'shared'   key = encoded values | record id (6 bytes)  value = one byte 1 | codes
 *
 * Codes (`type-code.ts`): a byte for each part of the key, only when one of them is not 0. An index that must be unique may have
 * either layout: `shared` when it became unique, or was filled, while records could still have keys in common.
 *
 * INVARIANTS
 *  (1) For every live record that the index takes in there is exactly one entry per distinct key that its extractor gives
 *      for it, and no other; except for the records in `pending`, which are as they were when the build began.
 *  (2) `multikeyPaths` has every array component met in any document ever indexed; none is ever taken back.
 */

import { assert } from '../base/assert.ts'
import { errorOf } from '../base/detour.ts'
import type { RecordId } from '../base/ids.ts'
import type { Timestamp } from '../base/timestamp.ts'
import { compareBytes } from '../bson/key.ts'
import { utf8Bytes } from '../bson/utf8.ts'
import type { Collation } from '../collation/collation.ts'
import type { KeyMap } from '../mvcc/key-map.ts'
import { versionSuffixLength } from '../mvcc/version-key.ts'
import type { ValueRef } from '../storage/tree.ts'
import { TreePosition } from '../storage/tree-position.ts'
import type { IndexDefinition, KeyPath } from './definition.ts'
import { EntryChanges } from './entry-changes.ts'
import { type Extractor, KeySet } from './extract.ts'
import { WildcardExtractor } from './extract-wildcard.ts'
import { extractorOf } from './extractor-of.ts'
import { IndexCursor } from './index-cursor.ts'
import { IndexPoints } from './index-points.ts'
import { type KnownKeys, takesLong } from './keys-task.ts'
import { readRecordId, recordIdLength, writeRecordId } from './record-id.ts'

export type IndexLayout = 'unique' | 'shared'

/** Whether the document at `start` matches: made from a partial index's filter by those who know filters. */
export type DocumentPredicate = (bytes: Uint8Array, start: number) => boolean

export interface IndexState {
  readonly layout: IndexLayout
  /** Of each part, bit d: component d of its path led to an array. */
  readonly multikeyPaths: readonly number[]
  /** Reads at an earlier timestamp cannot use the index: it holds nothing of them. */
  readonly usableFrom: Timestamp
}

/** Of documents whose keys were found elsewhere, so many wait to be written. */
const expectedMax = 8

// Of the one call that is under way, whichever index it is about: each transaction has indexes of its own, and little time.
let entryKey = new Uint8Array(256)
const entryValue = new Uint8Array(recordIdLength + 32)
const foundValue: ValueRef = { bytes: entryValue, start: 0, end: 0 }
/** Memory of changes that nobody uses: write units do not nest, so that there are as many as one of them touches indexes. */
const idleChanges: EntryChanges[] = []

/** `Entries`: the map that holds it; a transaction has its own over the stored one. */
export class Index<Entries extends KeyMap = KeyMap> {
  definition: IndexDefinition
  readonly map: Entries
  readonly layout: IndexLayout
  readonly multikeyPaths: number[]
  multikey: boolean
  usableFrom: Timestamp
  /** The names of the top-level fields that its keys are made of; undefined: any field may have to do with them. */
  readonly roots: readonly Uint8Array[] | undefined
  readonly #extractor: Extractor
  readonly #accepts: DocumentPredicate | undefined
  /** The keys of the document being written, and of the one it replaces. */
  readonly keys: KeySet
  readonly oldKeys: KeySet
  /** While the index is built: records whose entries are still to be brought up to date; writers leave them alone. */
  pending: Set<RecordId> | undefined
  /** While the index is built: told of a key that a written record shares with another. */
  onConflict: ((recordId: RecordId) => void) | undefined
  /** While the index is built: why a committed document cannot be in it, which ends the build. */
  buildFailure: unknown
  /** Set when the index has been dropped: cursors that still hold it stop. */
  dropped = false
  #position: TreePosition | undefined
  /** Of documents about to be written or replaced: keys that took long to find. */
  #known: KnownKeys[] | undefined
  /** Changes that wait, between `gather` and `settle`. */
  #waiting: EntryChanges | undefined
  /** Operations that used the index since it was opened, for $indexStats. */
  useCount = 0

  /** `like`: an index with the same definition, whose extractor and key sets serve both: they are used within one call. */
  constructor(
    definition: IndexDefinition,
    map: Entries,
    state: IndexState,
    accepts?: DocumentPredicate | undefined,
    like?: Index | undefined,
  ) {
    this.keys = like?.keys ?? new KeySet()
    this.oldKeys = like?.oldKeys ?? new KeySet()
    this.definition = definition
    this.map = map
    this.layout = state.layout
    this.multikeyPaths = definition.keyPaths.map((_, i) => state.multikeyPaths[i] ?? 0)
    this.multikey = this.multikeyPaths.some((paths) => paths !== 0)
    this.usableFrom = state.usableFrom
    this.#accepts = accepts
    this.roots = like === undefined ? rootsOf(definition, accepts) : like.roots
    this.#extractor = like === undefined ? extractorOf(definition) : like.#extractor
  }

  get name(): string {
    return this.definition.name
  }

  get collation(): Collation | undefined {
    return this.definition.collation
  }

  get unique(): boolean {
    return this.definition.unique
  }

  /** What a partial index takes in; undefined: all. */
  get accepts(): DocumentPredicate | undefined {
    return this.#accepts
  }

  /** Whether a write may not add a key that another record has. */
  get refusesDuplicates(): boolean {
    return (this.definition.unique || this.definition.prepareUnique) && this.onConflict === undefined
  }

  get keyPaths(): readonly KeyPath[] {
    return this.definition.keyPaths
  }

  /** Whether a wildcard index holds what is found at `path`. */
  coversPath(path: string): boolean {
    return this.#extractor instanceof WildcardExtractor && this.#extractor.covers(path)
  }

  /** Throws CannotIndexParallelArrays, 16766 (arrays in a hashed index), 16746. */
  extract(document: Uint8Array, start: number, into: KeySet): void {
    if (this.#accepts !== undefined && !this.#accepts(document, start)) {
      into.reset()
      return
    }
    if (this.#known === undefined || !this.#takeKnown(this.#known, document, start, into))
      this.#extractor.extract(document, start, into)
  }

  /** Whether the keys of the document have to be taken elsewhere, as far as they are not known yet. */
  takesLong(document: Uint8Array, start: number): boolean {
    if (this.#known?.some((known) => known.isOf(document, start)) === true) return false
    if (this.#accepts !== undefined && !this.#accepts(document, start)) return false
    return takesLong(this.definition, document, start)
  }

  /** The keys of a document that will be asked for, once. */
  expect(known: KnownKeys): void {
    this.#known ??= []
    if (this.#known.length === expectedMax) this.#known.shift()
    this.#known.push(known)
  }

  #takeKnown(expected: KnownKeys[], document: Uint8Array, start: number, into: KeySet): boolean {
    const at = expected.findIndex((known) => known.isOf(document, start))
    if (at < 0) return false
    const [{ found }] = expected.splice(at, 1) as [KnownKeys]
    if (expected.length === 0) this.#known = undefined
    if (found.failure !== undefined) throw errorOf(found.failure)
    into.load(found.keys)
    return true
  }

  /** Remembers the arrays that `keys` was taken through; true when they are new. */
  noteArrays(keys: KeySet): boolean {
    let changed = false
    for (let f = 0; f < this.multikeyPaths.length; f++) {
      const paths = this.multikeyPaths[f]! | (keys.paths[f] ?? 0)
      if (paths === this.multikeyPaths[f]) continue
      this.multikeyPaths[f] = paths
      changed = true
    }
    if (changed) this.multikey = true
    return changed
  }

  /** Counts arrays that another index over the same records has met as met here. */
  inheritArrays(multikeyPaths: readonly number[]): void {
    for (let f = 0; f < this.multikeyPaths.length; f++) this.multikeyPaths[f]! |= multikeyPaths[f] ?? 0
    this.multikey = this.multikeyPaths.some((paths) => paths !== 0)
  }

  /** Walks lower <= encoded value < upper at `at`; `undefined` is no bound. */
  scan(at: Timestamp, lower?: Uint8Array, upper?: Uint8Array, direction: 1 | -1 = 1): IndexCursor {
    assert(this.#waiting === undefined, 'an index is read when its changes have been made')
    this.useCount++
    return new IndexCursor(this.map, this.layout === 'unique', at, lower, upper, direction)
  }

  /** Walks the records of single encoded values, one value after another, at `at`. */
  points(at: Timestamp): IndexPoints {
    assert(this.#waiting === undefined, 'an index is read when its changes have been made')
    this.useCount++
    return new IndexPoints(this.map, this.layout === 'unique', at)
  }

  get #places(): TreePosition | undefined {
    const { tree } = this.map
    if (tree !== undefined) this.#position ??= new TreePosition(tree)
    return this.#position
  }

  /** About how many entries have lower <= encoded value < upper; exact when they lie together and have one version each. */
  entryCount(lower?: Uint8Array, upper?: Uint8Array): number {
    return this.#places?.entriesBetween(lower, upper) ?? 0
  }

  /** About how much of the data file it takes, before compression. */
  get sizeBytes(): number {
    const { tree } = this.map
    return tree === undefined ? 0 : this.#places!.pageCount() * tree.pager.pageSize
  }

  /** The encoded value about `share` of the way through the index, 0 <= share < 1; undefined: none, or one longer than `lengthMax`. */
  keyAt(share: number, lengthMax: number): Uint8Array | undefined {
    const suffix = versionSuffixLength + (this.layout === 'shared' ? recordIdLength : 0)
    const key = this.#places?.keyAt(share, lengthMax + suffix)
    return key?.subarray(0, key.length - suffix)
  }

  /** The record that an index of layout `unique` has for an encoded value, or `undefined`. */
  lookup(key: Uint8Array, keyLength: number, at: Timestamp): RecordId | undefined {
    return this.map.get(key, keyLength, at, foundValue) ? readRecordId(foundValue.bytes, foundValue.start) : undefined
  }

  /** The record other than `self` that holds key `i` of `set`. */
  conflict(set: KeySet, i: number, at: Timestamp, self: RecordId | undefined): RecordId | undefined {
    const length = this.#load(set, i)
    if (this.layout === 'shared') return this.#sharedConflict(length, at, self)
    if (!this.map.locate(entryKey, length, at, foundValue)) return undefined
    const holder = readRecordId(foundValue.bytes, foundValue.start)
    return holder === self ? undefined : holder
  }

  #sharedConflict(length: number, at: Timestamp, self: RecordId | undefined): RecordId | undefined {
    const walk = this.map.cursor(at)
    const key = entryKey
    let holder: RecordId | undefined
    for (let found = walk.seek(key, length); found && holder === undefined; found = walk.next()) {
      walk.readKey()
      if (walk.keyLength !== length + recordIdLength) break
      let j = 0
      while (j < length && walk.keyBytes[j] === key[j]) j++
      if (j < length) break
      const id = readRecordId(walk.keyBytes, length)
      if (id !== self) holder = id
    }
    walk.close()
    return holder
  }

  /**
   * The first of the keys of `set`, or of those with these numbers, that a record other than `self` holds; -1: none. As `conflict` of each, for
   * many: they and the index are walked side by side.
   */
  firstConflict(
    set: KeySet,
    numbers: readonly number[] | undefined,
    at: Timestamp,
    self: RecordId | undefined,
  ): number {
    const walk = this.map.cursor(at)
    const suffix = this.layout === 'shared' ? recordIdLength : 0
    const { bytes } = set.writer
    let conflict = -1
    let isThere = false
    const count = numbers?.length ?? set.count
    for (let n = 0; n < count && conflict < 0; n++) {
      const i = numbers === undefined ? n : numbers[n]!
      const start = set.starts[i]!
      const end = set.ends[i]!
      const order = (): number => compareBytes(walk.keyBytes, 0, walk.keyLength - suffix, bytes, start, end)
      if (n === 0 || order() < 0) {
        const length = this.#load(set, i)
        isThere = n === 0 ? walk.seek(entryKey, length) : walk.seekOnward(entryKey, length)
        if (!isThere) break
        walk.readKey()
      }
      while (isThere && order() === 0) {
        const { value } = walk
        const holder =
          suffix > 0 ? readRecordId(walk.keyBytes, walk.keyLength - suffix) : readRecordId(value.bytes, value.start)
        if (holder !== self) {
          conflict = i
          break
        }
        isThere = walk.next()
        if (isThere) walk.readKey()
      }
      if (!isThere) break
    }
    walk.close()
    return conflict
  }

  /** Before a record gets or gives up key `i` of `set`: throws WriteConflict when another transaction is at that key. */
  claim(set: KeySet, i: number): void {
    const length = this.#load(set, i)
    this.map.claim(entryKey, length)
  }

  /** Goes on from a `conflict` that found none, in layout `unique` and when the key set has this one key: saves the second descent. */
  addLocated(recordId: RecordId): void {
    const end = this.#writeEntry(this.keys, 0, recordId)
    this.map.writeLocated(entryValue, 0, end)
  }

  /** Before an entry comes or goes where somebody has locked ranges of entries. */
  claimEntry(set: KeySet, i: number, recordId: RecordId): void {
    let length = this.#load(set, i)
    if (this.layout === 'shared') length = writeRecordId(entryKey, length, recordId)
    this.map.claim(entryKey, length)
  }

  /**
   * From here until `settle` entries that come and go wait, as far as no write has to look at them; the index is not read meanwhile. False: none
   * can wait.
   */
  gather(): boolean {
    if (this.layout === 'unique' || this.refusesDuplicates || this.onConflict !== undefined) return false
    if (this.map.ascending === undefined) return false
    this.#waiting = idleChanges.pop() ?? new EntryChanges()
    return true
  }

  /** Makes the changes that wait. */
  settle(at: Timestamp): void {
    const waiting = this.#waiting
    if (waiting === undefined) return
    this.#waiting = undefined
    this.#make(waiting, at)
    idleChanges.push(waiting)
  }

  #make(waiting: EntryChanges, at: Timestamp): void {
    const { map } = this
    map.ascending!(() => {
      waiting.take((bytes, start, middle, end) => {
        const length = middle - start
        const key = entryKeyOf(length)
        for (let j = 0; j < length; j++) key[j] = bytes[start + j]!
        const isLive = map.locate(key, length, at, foundValue)
        if (end > middle) map.writeLocated(bytes, middle, end)
        else {
          assert(isLive, 'an entry that goes was there')
          map.removeLocated()
        }
      })
    })
  }

  #wait(waiting: EntryChanges, set: KeySet, i: number, recordId: RecordId, at: Timestamp, isThere: boolean): void {
    const start = set.starts[i]!
    const length = set.ends[i]! - start
    const bytes = waiting.room(length + 2 * recordIdLength + set.partCount + 1)
    const from = set.writer.bytes
    let middle = waiting.position
    for (let j = 0; j < length; j++) bytes[middle++] = from[start + j]!
    middle = writeRecordId(bytes, middle, recordId)
    waiting.push(middle, isThere ? this.#writeValueAt(bytes, middle, set, i, recordId) : middle)
    if (waiting.isFull) this.#make(waiting, at)
  }

  add(set: KeySet, i: number, recordId: RecordId, at: Timestamp): void {
    if (this.#waiting !== undefined) {
      this.#wait(this.#waiting, set, i, recordId, at, true)
      return
    }
    if (this.onConflict !== undefined && this.conflict(set, i, at, recordId) !== undefined) this.onConflict(recordId)
    let length = this.#load(set, i)
    if (this.layout === 'shared') length = writeRecordId(entryKey, length, recordId)
    this.map.locate(entryKey, length, at, foundValue)
    const end = this.#writeEntry(set, i, recordId)
    this.map.writeLocated(entryValue, 0, end)
  }

  /** False: it was not there. */
  remove(set: KeySet, i: number, recordId: RecordId, at: Timestamp): boolean {
    if (this.#waiting !== undefined) {
      this.#wait(this.#waiting, set, i, recordId, at, false)
      return true
    }
    let length = this.#load(set, i)
    if (this.layout === 'shared') length = writeRecordId(entryKey, length, recordId)
    if (!this.map.locate(entryKey, length, at, foundValue)) {
      this.map.leave()
      return false
    }
    this.map.removeLocated()
    return true
  }

  /** Whether the live entry of key `i` for the record is there: what `check` asks. */
  has(set: KeySet, i: number, recordId: RecordId, at: Timestamp): boolean {
    let length = this.#load(set, i)
    if (this.layout === 'unique') return this.lookup(entryKey, length, at) === recordId
    length = writeRecordId(entryKey, length, recordId)
    return this.map.get(entryKey, length, at, foundValue)
  }

  /** Writes the entry's value for key `i` to `target`; returns its length. */
  writeValue(set: KeySet, i: number, recordId: RecordId, target: Uint8Array): number {
    return this.#writeValueAt(target, 0, set, i, recordId)
  }

  /** Returns where it ends. */
  #writeValueAt(target: Uint8Array, start: number, set: KeySet, i: number, recordId: RecordId): number {
    let at = start
    if (this.layout === 'unique') at = writeRecordId(target, at, recordId)
    else target[at++] = 1
    if (set.lost[i] === 0) return at
    const { partCount } = set
    for (let f = 0; f < partCount; f++) target[at++] = set.codes[i * partCount + f]!
    return at
  }

  #writeEntry(set: KeySet, i: number, recordId: RecordId): number {
    return this.writeValue(set, i, recordId, entryValue)
  }

  #load(set: KeySet, i: number): number {
    const start = set.starts[i]!
    const length = set.ends[i]! - start
    const key = entryKeyOf(length + recordIdLength)
    const from = set.writer.bytes
    for (let j = 0; j < length; j++) key[j] = from[start + j]!
    return length
  }
}

/** The memory for an entry's key of so many bytes. */
function entryKeyOf(length: number): Uint8Array {
  if (entryKey.length < length) entryKey = new Uint8Array(length * 2)
  return entryKey
}

function rootsOf(definition: IndexDefinition, accepts: DocumentPredicate | undefined): Uint8Array[] | undefined {
  if (accepts !== undefined || definition.wildcardAt >= 0) return undefined
  return definition.keyPaths.map(({ path }) => utf8Bytes(path.split('.')[0]!))
}
