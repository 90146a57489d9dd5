/** Files for what does not fit in memory: nobody else sees them, and none outlives the process that made it. */
import { DatabaseError } from '../base/errors.ts'
import type { Clock } from './clock.ts'
import { type Disk, DiskError, type File } from './disk.ts'

/** Freeing what a file has takes milliseconds for so much. */
const freedPerTurnBytes = 32 * 1024 * 1024

export class TemporaryFiles {
  readonly #disk: Disk
  readonly #clock: Pick<Clock, 'defer'>
  readonly #folder: string
  #made = false
  #count = 0

  /** `folder`: theirs alone. What a process before this one left there is removed. */
  constructor(disk: Disk, clock: Pick<Clock, 'defer'>, folder: string) {
    this.#disk = disk
    this.#clock = clock
    this.#folder = folder
    for (const name of disk.list(folder)) disk.remove(`${folder}/${name}`)
  }

  /** A new empty file; `close` removes it. Its writes throw OutOfDiskSpace when there is no room. */
  open(): File {
    const disk = this.#disk
    if (!this.#made) {
      disk.makeDirectory(this.#folder)
      this.#made = true
    }
    return new TemporaryFile(disk, this.#clock, disk.open(`${this.#folder}/${++this.#count}`, { create: true }))
  }
}

class TemporaryFile implements File {
  readonly #disk: Disk
  readonly #clock: Pick<Clock, 'defer'>
  readonly #file: File
  readonly path: string

  constructor(disk: Disk, clock: Pick<Clock, 'defer'>, file: File) {
    this.#disk = disk
    this.#clock = clock
    this.#file = file
    this.path = file.path
  }

  size(): number {
    return this.#file.size()
  }

  read(target: Uint8Array, offset: number, length: number, position: number): number {
    return this.#file.read(target, offset, length, position)
  }

  write(source: Uint8Array, offset: number, length: number, position: number): void {
    try {
      this.#file.write(source, offset, length, position)
    } catch (error) {
      throw outOfSpace(error)
    }
  }

  appendDurably(source: Uint8Array, offset: number, length: number, position: number): void {
    try {
      this.#file.appendDurably(source, offset, length, position)
    } catch (error) {
      throw outOfSpace(error)
    }
  }

  async writeAsync(source: Uint8Array, offset: number, length: number, position: number): Promise<void> {
    try {
      await this.#file.writeAsync(source, offset, length, position)
    } catch (error) {
      throw outOfSpace(error)
    }
  }

  sync(): void {
    this.#file.sync()
  }

  syncAsync(): Promise<void> {
    return this.#file.syncAsync()
  }

  truncate(size: number): void {
    this.#file.truncate(size)
  }

  /** It has no name any more; a large one is freed over several turns. */
  close(): void {
    const size = this.#file.size()
    if (size <= freedPerTurnBytes) {
      this.#file.close()
      this.#disk.remove(this.path)
      return
    }
    // Its name first, which another process may give to a file of its own before all of it is freed.
    this.#disk.remove(this.path)
    this.#free(size)
  }

  #free(size: number): void {
    if (size <= freedPerTurnBytes) {
      this.#file.close()
      return
    }
    const left = size - freedPerTurnBytes
    try {
      this.#file.truncate(left)
    } catch (error) {
      this.#file.close()
      // Nobody has the file any more: what cannot be cut off goes with it.
      if (error instanceof DiskError) return
      throw error
    }
    this.#clock.defer(() => this.#free(left))
  }
}

/** A full disk is the user's matter here, since nothing that was acknowledged is lost; all else goes on as it is. */
function outOfSpace(error: unknown): unknown {
  if (!(error instanceof DiskError) || error.code !== 'ENOSPC') return error
  return new DatabaseError('OutOfDiskSpace', 'no room on disk for the intermediate results of this operation')
}
