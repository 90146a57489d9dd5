/** The visible versions of several keys, found together before each is read: see `pkg/storage/prefetch.ts`. */
import { type Timestamp, timestampMax } from '../base/timestamp.ts'
import { Prefetch } from '../storage/prefetch.ts'
import type { Tree, ValueRef } from '../storage/tree.ts'
import { versionSuffixLength, writeVersion } from './version-key.ts'

export class VersionPrefetch {
  readonly #entries: Prefetch

  constructor(tree: Tree) {
    this.#entries = new Prefetch(tree)
  }

  /** Where user key `i`, below `prefetchMax`, is to be put before `find`. */
  key(i: number, keyLength: number): Uint8Array {
    return this.#entries.key(i, keyLength + versionSuffixLength)
  }

  /** Finds the versions as of `at` of `count` user keys of one length. */
  find(count: number, keyLength: number, at: Timestamp): void {
    let length = keyLength
    // The key alone sorts before all its versions, so that it leads to the newest.
    if (at !== timestampMax)
      for (let i = 0; i < count; i++) length = writeVersion(this.key(i, keyLength), keyLength, at)
    this.#entries.find(count, length, keyLength)
  }

  /** The value of key `i`, as `VersionedMap.get` gives it; false: that must be asked. */
  take(i: number, into: ValueRef): boolean {
    return this.#entries.take(i, into) && into.end > into.start
  }
}
