/**
 * Gathers pages for writing: each is copied (or compressed) to a buffer that is laid out as the file will be, so that
 * pages whose extents are neighbours go out in one write.
 */
import { constants, zstdCompressSync } from 'node:zlib'
import { checksumOf, type DataFile } from './data-file.ts'
import { blockSize, blocksFor } from './extents.ts'

export type Compression = 'none' | 'zstd'

const zstdOptions = { params: { [constants.ZSTD_c_compressionLevel]: 1 } }

export class PageWriter {
  readonly #file: DataFile
  readonly #compression: Compression
  readonly #buffer: Uint8Array
  #length = 0
  count = 0
  /** By item, in the order of `add`. */
  readonly tags: number[] = []
  readonly blocks: number[] = []
  readonly lengths: number[] = []
  readonly checksums: number[] = []
  readonly compressed: boolean[] = []
  readonly #starts: number[] = []

  /** `capacityBytes`: how much is gathered at most; at least one page. */
  constructor(file: DataFile, compression: Compression, capacityBytes: number) {
    this.#file = file
    this.#compression = compression
    this.#buffer = new Uint8Array(capacityBytes)
  }

  hasRoom(length: number): boolean {
    return this.#length + blocksFor(length) * blockSize <= this.#buffer.length
  }

  /** Captures `bytes[start, end)` and gives it an extent. Throws OutOfDiskSpace, and then nothing was added. */
  add(tag: number, bytes: Uint8Array, start: number, end: number, compressible: boolean): void {
    let source = bytes
    let from = start
    let length = end - start
    let compressed = false
    if (compressible && this.#compression === 'zstd' && length > blockSize) {
      const packed = zstdCompressSync(bytes.subarray(start, end), zstdOptions)
      if (blocksFor(packed.length) < blocksFor(length)) {
        source = packed
        from = 0
        length = packed.length
        compressed = true
      }
    }
    const blocks = blocksFor(length)
    const block = this.#file.allocate(blocks)
    const at = this.#length
    this.#buffer.set(source.subarray(from, from + length), at)
    this.#buffer.fill(0, at + length, at + blocks * blockSize)
    const i = this.count++
    this.tags[i] = tag
    this.blocks[i] = block
    this.lengths[i] = length
    this.checksums[i] = checksumOf(this.#buffer, at, at + length)
    this.compressed[i] = compressed
    this.#starts[i] = at
    this.#length = at + blocks * blockSize
  }

  writeSync(): void {
    for (let i = 0; i < this.count; ) {
      const next = this.#runEnd(i)
      const start = this.#starts[i]!
      this.#file.file.write(this.#buffer, start, this.#endOf(next - 1) - start, this.blocks[i]! * blockSize)
      i = next
    }
  }

  async writeAsync(): Promise<void> {
    for (let i = 0; i < this.count; ) {
      const next = this.#runEnd(i)
      const start = this.#starts[i]!
      await this.#file.file.writeAsync(this.#buffer, start, this.#endOf(next - 1) - start, this.blocks[i]! * blockSize)
      i = next
    }
  }

  /** Gives the extents of all items back: nothing was written, or nothing will name it. */
  abandon(): void {
    for (let i = 0; i < this.count; i++) this.#file.extents.free(this.blocks[i]!, blocksFor(this.lengths[i]!))
    this.reset()
  }

  reset(): void {
    this.count = 0
    this.#length = 0
  }

  #endOf(i: number): number {
    return this.#starts[i]! + blocksFor(this.lengths[i]!) * blockSize
  }

  /** The item after those that follow `i` without a gap in the file. */
  #runEnd(i: number): number {
    let next = i + 1
    while (next < this.count && this.blocks[next] === this.blocks[next - 1]! + blocksFor(this.lengths[next - 1]!))
      next++
    return next
  }
}
