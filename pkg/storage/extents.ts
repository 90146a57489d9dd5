/**
 * Extents: which 4 KiB blocks of the data file are free. A bitmap in groups of 4096 blocks (16 MiB); an extent never
 * crosses a group. Nothing of this is stored: at open it is derived from the page map (`Store.open`).
 *
 * INVARIANTS
 *  (1) An extent named by either superblock is never handed out.
 *  (2) An extent freed in epoch E (so that checkpoints before E may name it, but E does not) is handed out only once
 *      both superblocks are of epochs >= E. An extent allocated and freed in one epoch is free at once.
 */
import { assert } from '../base/assert.ts'

export const blockSize = 4096
/** The superblocks' slots, at the head of the file, are never free. */
export const headBlocks = 2
const groupBlocks = 4096
const groupWords = groupBlocks >>> 5
/** Longest extent, in blocks. */
export const extentBlocksMax = groupBlocks

export function blocksFor(bytes: number): number {
  return Math.ceil(bytes / blockSize)
}

interface Deferred {
  readonly epoch: number
  /** block, count, block, count, ... */
  readonly extents: number[]
}

export class Extents {
  /** Blocks that the file has. */
  #blocks = 0
  /** A set bit is a block in use (or beyond the end). */
  #groups: Uint32Array[] = []
  /** At most so many blocks in a row are free in the group; an upper bound, made exact by a search that fails. */
  #longest: number[] = []
  #free = 0
  #deferredBlocks = 0
  #deferred: Deferred[] = []
  /** Where the next search begins: neighbours in time become neighbours in the file. */
  #from = 0

  get blocks(): number {
    return this.#blocks
  }
  get freeBlocks(): number {
    return this.#free
  }
  /** Blocks that become free with later checkpoints. */
  get deferredBlocks(): number {
    return this.#deferredBlocks
  }

  /** Blocks of the newest image. */
  get usedBlocks(): number {
    return this.#blocks - this.#free - this.#deferredBlocks
  }

  /** The file has become `blocks` long; the new blocks are free. */
  grow(blocks: number): void {
    assert(blocks >= this.#blocks, 'the data file grows')
    while (this.#groups.length * groupBlocks < blocks) {
      this.#groups.push(new Uint32Array(groupWords).fill(0xffffffff))
      this.#longest.push(0)
    }
    const from = Math.max(this.#blocks, headBlocks)
    this.#blocks = blocks
    for (let block = from; block < blocks; ) {
      const count = Math.min(groupBlocks - (block % groupBlocks), blocks - block)
      this.#setFree(block, count)
      block += count
    }
  }

  /** How many blocks at the end of the file are free. */
  freeTail(): number {
    let block = this.#blocks
    while (block > 0 && !this.isUsed(block - 1)) block--
    return this.#blocks - block
  }

  /** The file is cut by `count` free blocks. */
  shrink(count: number): void {
    for (let i = 0; i < count; i++) this.#setUsed(this.#blocks - 1 - i, 1)
    this.#blocks -= count
    const groups = Math.ceil(this.#blocks / groupBlocks)
    this.#groups.length = groups
    this.#longest.length = groups
    if (this.#from >= this.#blocks) this.#from = 0
  }

  isUsed(block: number): boolean {
    const group = this.#groups[Math.floor(block / groupBlocks)]
    return group === undefined || (group[(block % groupBlocks) >>> 5]! & (1 << (block & 31))) !== 0
  }

  /** Searches from the start of the file again, so that its end becomes free over time. */
  rewind(): void {
    this.#from = 0
  }

  /** Takes `count` blocks in a row and returns the first, or 0 when there are none. */
  allocate(count: number): number {
    assert(count > 0 && count <= extentBlocksMax, 'the length of an extent is in range')
    const groups = this.#groups.length
    if (groups === 0 || this.#free < count) return 0
    const first = Math.floor(this.#from / groupBlocks)
    for (let i = 0; i <= groups; i++) {
      const g = (first + i) % groups
      if (this.#longest[g]! < count) continue
      const block = this.#searchGroup(g, i === 0 ? this.#from % groupBlocks : 0, count)
      if (block < 0) continue
      this.#setUsed(block, count)
      this.#from = block + count === this.#blocks ? 0 : block + count
      return block
    }
    return 0
  }

  #searchGroup(g: number, from: number, count: number): number {
    const bits = this.#groups[g]!
    let run = 0
    let longest = 0
    for (let i = from; i < groupBlocks; ) {
      const word = bits[i >>> 5]!
      if ((i & 31) === 0 && word === 0xffffffff) {
        run = 0
        i += 32
        continue
      }
      if ((word & (1 << (i & 31))) === 0) {
        run++
        if (run === count) return g * groupBlocks + i - count + 1
        if (run > longest) longest = run
      } else run = 0
      i++
    }
    if (from === 0) this.#longest[g] = longest
    return -1
  }

  /** At open: these blocks are named by a superblock. Returns false when one of them is taken already or not there. */
  take(block: number, count: number): boolean {
    if (block === 0 || block + count > this.#blocks) return false
    for (let i = 0; i < count; i++) if (this.isUsed(block + i)) return false
    this.#setUsed(block, count)
    return true
  }

  free(block: number, count: number): void {
    for (let i = 0; i < count; i++) assert(this.isUsed(block + i), 'a block is freed once')
    this.#setFree(block, count)
  }

  /** As `free`, but once both superblocks are of epochs >= `epoch`. */
  freeAfter(epoch: number, block: number, count: number): void {
    let last = this.#deferred.find((d) => d.epoch === epoch)
    if (last === undefined) {
      last = { epoch, extents: [] }
      this.#deferred.push(last)
    }
    last.extents.push(block, count)
    this.#deferredBlocks += count
  }

  /** Both superblocks are of epochs >= `epoch` now. */
  release(epoch: number): void {
    const due = this.#deferred.filter((d) => d.epoch <= epoch)
    this.#deferred = this.#deferred.filter((d) => d.epoch > epoch)
    for (const { extents } of due) {
      for (let i = 0; i < extents.length; i += 2) {
        this.#deferredBlocks -= extents[i + 1]!
        this.free(extents[i]!, extents[i + 1]!)
      }
    }
  }

  /** Calls `visit` with every extent that waits for a later checkpoint. */
  eachDeferred(visit: (block: number, count: number) => void): void {
    for (const { extents } of this.#deferred) {
      for (let i = 0; i < extents.length; i += 2) visit(extents[i]!, extents[i + 1]!)
    }
  }

  #setUsed(block: number, count: number): void {
    const bits = this.#groups[Math.floor(block / groupBlocks)]!
    for (let i = block % groupBlocks, end = i + count; i < end; i++) bits[i >>> 5]! |= 1 << (i & 31)
    this.#free -= count
  }

  #setFree(block: number, count: number): void {
    const g = Math.floor(block / groupBlocks)
    const bits = this.#groups[g]!
    for (let i = block % groupBlocks, end = i + count; i < end; i++) bits[i >>> 5]! &= ~(1 << (i & 31))
    this.#longest[g] = groupBlocks
    this.#free += count
  }
}
