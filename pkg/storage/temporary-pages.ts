/**
 * Trees for a while: their pages are in memory as far as there is room, the others in a file that nobody opens again.
 *
 * A page's place in the file is its number, and it is written there again whenever it has to make room: no checkpoint names it, and
 * no crash has to leave it whole. What is read is checked against what was written, by checksums in memory.
 */
import { crc32 } from 'node:zlib'
import { DatabaseError } from '../base/errors.ts'
import type { PageId } from '../base/ids.ts'
import type { File } from '../io/disk.ts'
import { isOutOfDiskSpace } from './data-file.ts'
import { Pager, type PageStorage } from './pager.ts'
import { Tree } from './tree.ts'

export class TemporaryPages implements PageStorage {
  readonly pager: Pager
  readonly #open: () => File
  #file: File | undefined
  /** By page; 0 is none. */
  #checksums = new Uint32Array(64)
  #pageCount = 0
  readonly #free: number[] = []
  #closed = false
  /** The disk was full when pages had to make room: they stay in memory then. */
  full = false

  /** `open`: makes an empty file, once there is something to write. */
  constructor(pageSizeBytes: number, cacheSizeBytes: number, open: () => File) {
    this.pager = new Pager(pageSizeBytes, cacheSizeBytes, this)
    this.#open = open
  }

  createTree(): Tree {
    const frame = this.pager.allocate()
    const id = this.pager.pageOf[frame]! as PageId
    return Tree.create(this.pager, id, frame)
  }

  /** Removes the file; no tree can be read any more. */
  close(): void {
    this.#closed = true
    this.#file?.close()
    this.#file = undefined
  }

  allocatePage(): number {
    const free = this.#free.pop()
    if (free !== undefined) return free
    const id = ++this.#pageCount
    if (id === this.#checksums.length) {
      const grown = new Uint32Array(2 * id)
      grown.set(this.#checksums)
      this.#checksums = grown
    }
    return id
  }

  releasePage(id: number): void {
    this.#free.push(id)
  }

  readPage(id: number, bytes: Uint8Array, at: number): void {
    if (this.#closed) throw new DatabaseError('QueryPlanKilled', 'what is read was there for a while only')
    const { pageSize } = this.pager
    const position = id * pageSize
    const file = this.#file!
    const count = file.read(bytes, at, pageSize, position)
    if (count === pageSize && crc32(bytes.subarray(at, at + pageSize)) === this.#checksums[id]) return
    throw new DatabaseError(
      'DataCorruptionDetected',
      `temporary file ${file.path} is damaged at offset ${position}: page ${id} is not what was written`,
      { file: file.path, offset: position },
    )
  }

  writePages(frames: Int32Array, count: number): void {
    const { pager } = this
    const { pageSize } = pager
    try {
      this.#file ??= this.#open()
      for (let i = 0; i < count; i++) {
        const frame = frames[i]!
        const id = pager.pageOf[frame]!
        const bytes = pager.bytesOf(frame)
        const base = pager.baseOf(frame)
        this.#file.write(bytes, base, pageSize, id * pageSize)
        this.#checksums[id] = crc32(bytes.subarray(base, base + pageSize))
        pager.beginWrite(frame)
        pager.endWrite(frame)
      }
      this.full = false
    } catch (error) {
      if (isOutOfDiskSpace(error)) this.full = true
      throw error
    }
  }
}
