/**
 * What records and indexes ask of the map they live in. Two have it: the stored map with all its versions (`VersionedMap`), and
 * that map as one transaction sees it (`OverlaidMap`), so that every kind of plan reads a transaction's own writes.
 */
import type { Timestamp } from '../base/timestamp.ts'
import type { KeySweep } from '../storage/leaf-sweep.ts'
import type { Tree, ValueRef } from '../storage/tree.ts'
import type { VersionPrefetch } from './version-prefetch.ts'

export interface KeyMap {
  /** What estimates of how much is where are taken from; undefined: nothing is stored yet. */
  readonly tree: Tree | undefined
  /** Reads `key` as of `at`. `into` points into a page until the next call on any map or a yield. */
  get(key: Uint8Array, keyLength: number, at: Timestamp, into: ValueRef): boolean
  /** Goes to where a change of `key` belongs; true when it is live, and then `into` is its value. */
  locate(key: Uint8Array, keyLength: number, at: Timestamp, into: ValueRef): boolean
  /** Forgets what `locate` found. */
  leave(): void
  writeLocated(value: Uint8Array, start: number, end: number): void
  /** Removes the key that `locate` found live. */
  removeLocated(): void
  /** Writes a key that was never in the map. */
  add(key: Uint8Array, keyLength: number, at: Timestamp, value: Uint8Array, start: number, end: number): void
  /** Runs `body`, in which the keys that are located ascend: that takes less time than going to each by itself. Not there where it would not. */
  ascending?(body: () => void): void
  /** Before a change of what begins with `key`: throws WriteConflict when somebody else is at it. */
  claim(key: Uint8Array, keyLength: number): void
  /** Whether somebody has locked ranges of keys, so that every key that is written has to be claimed. */
  readonly rangesLocked: boolean
  /** A change at the newest moment has not written all of its keys yet: any of them may be among those. */
  incomplete: boolean
  cursor(at: Timestamp): KeyCursor
  /** For finding several keys at once; not there where keys come from more than one place. */
  prefetch?(): VersionPrefetch
}

/** Walks the visible keys of a map at one timestamp; see `VersionCursor`. */
export interface KeyCursor {
  /** The current entry's value; read at once, it points into a page. */
  readonly value: ValueRef
  /** The current key, `keyBytes[0..keyLength)`, after `readKey` and until the next move. */
  readonly keyBytes: Uint8Array
  readonly keyLength: number
  readKey(): void
  first(): boolean
  last(): boolean
  /** Rests on the first visible key >= `key`. */
  seek(key: Uint8Array, keyLength: number): boolean
  /** As `seek`, of a key above all visible ones that lie before the one it rests on. */
  seekOnward(key: Uint8Array, keyLength: number): boolean
  /** Rests on the last visible key < `key`. */
  seekBefore(key: Uint8Array, keyLength: number): boolean
  next(): boolean
  previous(): boolean
  keyStartsWith(prefix: Uint8Array, prefixLength: number): boolean
  /**
   * The entries beside the current one, visible or not: for guesses of what comes next. Not there where entries come from more than one
   * place.
   */
  readonly neighbours?: Neighbours
  /**
   * Finds the visible entries that begin with each of the keys from `next` to `end` (exclusive), which ascend and are above all visible ones before
   * the one the walk is on. Returns the first that it could not find at once, or `end`; distances are from where the walk is then, for `neighbours`.
   * Not there where it never can.
   */
  sweep?(keys: KeySweep, next: number, end: number): number
  /** Before a yield or a write to the map; the next move goes on from here. */
  save(): void
  close(): void
}

/** Entries at a distance from the current one: positive ahead, negative behind. */
export interface Neighbours {
  /** How many there are ahead (behind) without going anywhere. */
  countBeside(forward: boolean): number
  /** Whether the next key is known to differ from the current one in the first `length` bytes; false when that is not seen at a glance. */
  differsAhead(length: number): boolean
  /** Where the last `length` bytes of the key lie in `pageBytes`; -1: not in one piece. */
  keyEndBeside(distance: number, length: number): number
  /** Where the value lies in `pageBytes`; -1: elsewhere. */
  valueBeside(distance: number): number
  /** Order of the key against another one. */
  compareBeside(distance: number, key: Uint8Array, keyLength: number): number
  readonly pageBytes: Uint8Array
}
