/**
 * What the write sets of one transaction share: how much of them may be in memory, and the pages of those that had to give theirs up.
 */
import { DatabaseError } from '../base/errors.ts'
import type { File } from '../io/disk.ts'
import { TemporaryPages } from '../storage/temporary-pages.ts'
import type { Tree } from '../storage/tree.ts'
import { LockStore } from './lock-store.ts'
import type { WriteSet } from './write-set.ts'

export interface WriteMemoryOptions {
  /** For the sets; their pages get as much in place of it, but sixteen at least. */
  readonly limitBytes: number
  readonly pageSizeBytes: number
  /** A file for a while. */
  newFile(): File
}

export class WriteMemory {
  readonly #options: WriteMemoryOptions
  /** Those that are in memory. */
  #sets: WriteSet[] = []
  #bytes = 0
  #pages: TemporaryPages | undefined

  constructor(options: WriteMemoryOptions) {
    this.#options = options
  }

  /** `set` takes so many bytes more. */
  grew(set: WriteSet, bytes: number, isFirst: boolean): void {
    if (isFirst) this.#sets.push(set)
    this.#bytes += bytes
    while (this.#bytes > this.#options.limitBytes) {
      let largest = this.#sets[0]!
      for (const other of this.#sets) if (other.memoryBytes > largest.memoryBytes) largest = other
      largest.spill()
    }
  }

  /** An empty tree for what `set` has. */
  newTree(set: WriteSet): Tree {
    this.#bytes -= set.memoryBytes
    this.#sets = this.#sets.filter((other) => other !== set)
    return this.#newTree()
  }

  /** A place for the locks of one that has many. */
  newLockStore(): LockStore {
    return new LockStore(this.#newTree())
  }

  #newTree(): Tree {
    const { limitBytes, pageSizeBytes, newFile } = this.#options
    this.#pages ??= new TemporaryPages(pageSizeBytes, limitBytes, newFile)
    return this.#pages.createTree()
  }

  /** Before a change: throws OutOfDiskSpace while there is no room for what does not fit into memory. */
  refuseFull(): void {
    if (this.#pages?.full) throw new DatabaseError('OutOfDiskSpace', 'there is no room on disk for the transaction')
  }

  close(): void {
    this.#pages?.close()
  }
}
