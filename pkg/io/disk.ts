/**
 * The disk as an interface: the host's file system in production, a simulated one in tests.
 *
 * Everything is named by a path relative to the root the disk was made with, with `/` between parts.
 *
 * What a caller may count on, and no more (the simulated disk takes away the rest):
 *  (1) Bytes written are there after a crash only once a `sync` that began after the write has returned.
 *      Until then any subset of them, cut at 512-byte boundaries of the file, may survive, in any order.
 *  (2) A created, renamed or removed name survives a crash only after `syncDirectory` of its folder.
 *      A rename is atomic: after a crash either the old or the new state is there.
 *  (3) A `sync` that failed says nothing about what is on disk, and must not be tried again.
 *  (4) Bytes that `appendDurably` wrote are there after a crash once it has returned, and only they: it is no sync of what was written before.
 *      Until then, and when it failed, they are as bytes that were written and not synced; so are zeros that may have been written after them.
 *
 * Failures are thrown (or rejected) as `DiskError`.
 */
export type DiskErrorCode = 'ENOSPC' | 'EIO' | 'ENOENT' | 'EEXIST' | 'EACCES' | 'ELOCKED'

export class DiskError extends Error {
  override readonly name = 'DiskError'
  readonly code: DiskErrorCode
  readonly path: string

  constructor(code: DiskErrorCode, path: string, message: string) {
    super(`${message} (${code}, ${path})`)
    this.code = code
    this.path = path
  }
}

export interface Disk {
  /** Opens for reading and writing. `create`: make it when missing (else ENOENT). */
  open(path: string, options: { readonly create: boolean }): File
  exists(path: string): boolean
  /** Names (not paths) of the files and folders in `folder`, sorted; empty when the folder is missing. */
  list(folder: string): string[]
  /** Makes `folder` and its parents; no error when it is there. */
  makeDirectory(folder: string): void
  /** Removes a file; no error when it is missing. */
  remove(path: string): void
  rename(from: string, to: string): void
  syncDirectory(folder: string): void
  /** Takes the lock file at `path` for this process, or throws ELOCKED naming who holds it. */
  lock(path: string): DiskLock
}

export interface DiskLock {
  release(): void
}

/** See `File.appendDurably`. */
export const durableBlockBytes = 4096

export interface File {
  readonly path: string
  /** Length in bytes. */
  size(): number
  /** Reads up to `length` bytes at `position` into `target` from `offset`; returns how many there were. */
  read(target: Uint8Array, offset: number, length: number, position: number): number
  /** Writes all `length` bytes, or throws. Writing past the end extends the file. */
  write(source: Uint8Array, offset: number, length: number, position: number): void
  /**
   * As `write`, of bytes that lie inside of a file which nobody else writes to, and are the end of what counts in it; on return they are durable. What follows them, up
   * to the next multiple of `durableBlockBytes`, may be zeros then. Quicker than `write` and `sync`.
   */
  appendDurably(source: Uint8Array, offset: number, length: number, position: number): void
  /** As `write`, off the calling thread. `source` must not change until the promise settles. */
  writeAsync(source: Uint8Array, offset: number, length: number, position: number): Promise<void>
  /** fdatasync: on return everything written before the call is durable. */
  sync(): void
  syncAsync(): Promise<void>
  truncate(size: number): void
  close(): void
}
