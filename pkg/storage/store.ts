/**
 * The data file as a store of pages and trees: opening, places of pages, space, failure. Checkpoints are written by
 * `checkpoint.ts`.
 *
 *   open ──> running ──freeze──> running, a checkpoint frozen ──publish──> running
 *              │                              │ disk full: the checkpoint is given up, nothing is lost
 *              └── any other write or sync error ──> failed (final; reads of what is cached go on)
 */
import { constants, zstdDecompressSync } from 'node:zlib'
import { assert } from '../base/assert.ts'
import { DatabaseError } from '../base/errors.ts'
import type { LogIndex, PageId } from '../base/ids.ts'
import { DiskError } from '../io/disk.ts'
import type { World } from '../io/world.ts'
import { type CheckReport, type CheckSteps, checkStore, completed, type EntryVisitor } from './check.ts'
import { type FrozenCheckpoint, type Published, readPublished, writeCheckpoint } from './checkpoint.ts'
import { DataFile, isOutOfDiskSpace, outOfDiskSpace } from './data-file.ts'
import { blockSize, blocksFor } from './extents.ts'
import { entryCompressed, entryUsed, type PageMap, type PagePlace } from './page-map.ts'
import { type Compression, PageWriter } from './page-writer.ts'
import { frameFlag, Pager, type PageStorage } from './pager.ts'
import { type CheckpointMeta, encodeSuperblock } from './superblock.ts'
import { Tree } from './tree.ts'

export interface StoreOptions {
  /** A power of two from 512 (for tests) to 65536; 16384 by default. A file keeps the page size it was made with. */
  readonly pageSizeBytes?: number
  /** How many bytes of pages are kept in memory. */
  readonly cacheSizeBytes: number
  readonly compression: Compression
}

export class Store implements PageStorage {
  readonly world: World
  readonly file: DataFile
  readonly map: PageMap
  readonly pager: Pager
  readonly compression: Compression
  /** What the superblocks say. */
  published: Published
  /** The checkpoint being written. */
  frozen: FrozenCheckpoint | undefined
  /** Told of the first write or sync error, which is final. */
  onFailure: (error: Error) => void = () => undefined
  /** Grows when a page goes to another place in the file. */
  moveCount = 0
  #failure: Error | undefined
  readonly #trees = new Map<number, Tree>()
  readonly #writer: PageWriter
  readonly #packed: Uint8Array
  readonly #place: PagePlace = { block: 0, length: 0, checksum: 0, kind: 0 }
  readonly #newPlace: PagePlace = { block: 0, length: 0, checksum: 0, kind: 0 }
  #closed = false

  private constructor(world: World, file: DataFile, map: PageMap, published: Published, options: StoreOptions) {
    this.world = world
    this.file = file
    this.map = map
    this.published = published
    this.compression = options.compression
    const pageSize = published.pageSize
    this.pager = new Pager(pageSize, options.cacheSizeBytes, this)
    this.#writer = new PageWriter(file, options.compression, Math.max(blockSize, pageSize) * 32)
    this.#packed = new Uint8Array(pageSize)
  }

  /**
   * Opens the data file at `path`, or makes it. `meta`: of the checkpoint it holds; undefined when there was none yet.
   * Throws DataCorruptionDetected or UnsupportedFormat, naming file and offset.
   */
  static open(world: World, path: string, options: StoreOptions): { store: Store; meta: CheckpointMeta | undefined } {
    const pageSize = options.pageSizeBytes ?? 16384
    assert(
      pageSize >= 512 && pageSize <= 65536 && (pageSize & (pageSize - 1)) === 0,
      'the page size is a power of two from 512 to 65536',
    )
    if (!world.disk.exists(path)) createFile(world, path, pageSize)
    const file = new DataFile(world.disk.open(path, { create: false }))
    try {
      const { published, map } = readPublished(file)
      const store = new Store(world, file, map, published, options)
      return { store, meta: published.meta }
    } catch (error) {
      file.file.close()
      throw error
    }
  }

  // ---- trees

  createTree(): Tree {
    this.#assertUsable()
    const frame = this.pager.allocate()
    const id = this.pager.pageOf[frame]! as PageId
    const tree = Tree.create(this.pager, id, frame)
    this.#trees.set(id, tree)
    return tree
  }

  /** The tree whose root page is `root`; one object as long as the store is open. */
  openTree(root: PageId): Tree {
    let tree = this.#trees.get(root)
    if (tree === undefined) {
      tree = Tree.open(this.pager, root)
      this.#trees.set(root, tree)
    }
    return tree
  }

  /** Frees all pages of the tree at once, reading them. No cursor of it may be open. */
  dropTree(root: PageId): void {
    const tree = this.openTree(root)
    tree.drop()
    while (!this.freeTree(tree, Number.POSITIVE_INFINITY));
  }

  /** Frees about `pageCountMax` pages of a dropped tree; true when it has none any more. */
  freeTree(tree: Tree, pageCountMax: number): boolean {
    this.#assertUsable()
    if (!tree.freeSlice(pageCountMax)) return false
    this.#trees.delete(tree.root)
    return true
  }

  // ---- checkpoints

  /** Takes the image of this very moment. Writes may go on at once. One checkpoint at a time. */
  freeze(meta: CheckpointMeta): FrozenCheckpoint {
    this.#assertUsable()
    assert(this.frozen === undefined, 'one checkpoint is written at a time')
    const frames = this.pager.freeze()
    this.frozen = { epoch: this.map.epoch, meta: { ...meta, payload: meta.payload.slice() }, frames }
    this.map.freeze()
    return this.frozen
  }

  /**
   * Writes the frozen image and makes it the one that the file holds. Rejects with OutOfDiskSpace when the disk is
   * full: then nothing is lost, the older checkpoint still holds, and a later one may succeed.
   */
  async publish(frozen: FrozenCheckpoint): Promise<void> {
    this.#assertUsable()
    assert(this.frozen === frozen, 'the checkpoint that was frozen last is published')
    await writeCheckpoint(this, frozen)
  }

  /** The log below this index is not needed: both checkpoints in the file hold it. */
  oldestLogIndexNeeded(): LogIndex {
    let oldest = this.published.meta?.logIndex ?? 0
    for (const slot of this.published.slots) if (slot !== undefined) oldest = Math.min(oldest, slot.logIndex)
    return oldest as LogIndex
  }

  // ---- space

  /**
   * Makes sure that `bytes` more, and all that is dirty, can be written, extending the file ahead of need. To be called
   * before a change. Throws OutOfDiskSpace; nothing has changed then.
   */
  ensureSpace(bytes: number): void {
    this.#assertUsable()
    const { pager } = this
    const pageBlocks = blocksFor(pager.pageSize)
    const pages = pager.dirtyFrames + pager.frozenFrames + 16 + 2 * Math.ceil(bytes / pager.pageSize)
    const chunks = this.map.chunks.length
    // Every chunk of the map may have changed, yet no more of them than pages; a root of 16 bytes a chunk.
    const blocks = pages * pageBlocks + Math.min(chunks + 1, pages) * 4 + blocksFor(chunks * 16 + 4096)
    if (this.file.extents.freeBlocks >= blocks) return
    try {
      this.file.reserve(blocks)
    } catch (error) {
      if (!isOutOfDiskSpace(error)) this.fail(error)
      throw error
    }
  }

  /** The disk was full at the last attempt to extend the file. */
  get full(): boolean {
    return this.file.full
  }
  get dirtyBytes(): number {
    return this.pager.dirtyFrames * this.pager.pageSize
  }
  get cachedBytes(): number {
    return this.pager.cachedPages * this.pager.pageSize
  }
  get fileSizeBytes(): number {
    return this.file.extents.blocks * blockSize
  }
  /** Free now or after the next checkpoints. */
  get freeBytes(): number {
    return (this.file.extents.freeBlocks + this.file.extents.deferredBlocks) * blockSize
  }
  get pageCount(): number {
    return this.map.pages
  }

  // ---- failure and closing

  get failure(): Error | undefined {
    return this.#failure
  }

  /** A write or sync failed, or the state in memory cannot be trusted: nothing more is written. */
  fail(error: unknown): void {
    if (this.#failure !== undefined) return
    this.#failure = error instanceof Error ? error : new Error(String(error))
    this.onFailure(this.#failure)
  }

  /** Verifies everything; `roots` are the roots of all trees. Reads the whole file. No checkpoint may be frozen. */
  check(roots: readonly PageId[], visit?: EntryVisitor): CheckReport {
    return completed(this.checkSteps(roots, visit))
  }

  /** As `check`, with turns in between, in which nobody may change anything. */
  checkSteps(roots: readonly PageId[], visit?: EntryVisitor): CheckSteps<CheckReport> {
    this.#assertUsable()
    assert(this.frozen === undefined, 'no checkpoint is being written during a check')
    return checkStore(this, roots, visit)
  }

  /** Closes the file without a checkpoint. */
  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.file.file.close()
  }

  #assertUsable(): void {
    assert(!this.#closed, 'the store is open')
    if (this.#failure !== undefined) {
      throw new DatabaseError('InternalError', `the data file failed before: ${this.#failure.message}`)
    }
  }

  // ---- for the pager

  allocatePage(): number {
    return this.map.allocate()
  }

  releasePage(id: number): void {
    const place = this.#place
    this.map.read(id, place)
    if (place.block !== 0) this.#freePlace(place, this.map.births[id]!, this.map.epoch)
    this.map.release(id)
  }

  readPage(id: number, bytes: Uint8Array, at: number): void {
    this.#assertUsable()
    const place = this.#place
    if (id >= this.map.capacity || (this.map.kindOf(id) & entryUsed) === 0 || this.map.blockOf(id) === 0) {
      throw this.file.corruption(`page ${id} is named but is not in the page map`, 0, { page: id })
    }
    this.map.read(id, place)
    this.readPlace(id, place, bytes, at)
  }

  /** Reads and verifies the page `id` that lies at `place`. */
  readPlace(id: number, place: PagePlace, bytes: Uint8Array, at: number): void {
    const { pageSize } = this.pager
    const { block, length, checksum } = place
    if ((place.kind & entryCompressed) === 0) {
      if (length !== pageSize) throw this.file.corruption(`page ${id} has length ${length}`, block, { page: id })
      this.file.read(block, length, checksum, bytes, at, id)
    } else {
      if (length > pageSize) throw this.file.corruption(`page ${id} has length ${length}`, block, { page: id })
      this.file.read(block, length, checksum, this.#packed, 0, id)
      const unpacked = this.#unpack(id, block, length)
      if (unpacked.length !== pageSize) {
        throw this.file.corruption(`page ${id} unpacks to ${unpacked.length} bytes`, block, { page: id })
      }
      bytes.set(unpacked, at)
    }
    const own = (bytes[at + 24]! | (bytes[at + 25]! << 8) | (bytes[at + 26]! << 16) | (bytes[at + 27]! << 24)) >>> 0
    if (own !== id) throw this.file.corruption(`page ${id} is expected, page ${own} is there`, block, { page: id })
  }

  #unpack(id: number, block: number, length: number): Uint8Array {
    try {
      return zstdDecompressSync(this.#packed.subarray(0, length), {
        params: { [constants.ZSTD_d_windowLogMax]: 24 },
        maxOutputLength: this.pager.pageSize,
      })
    } catch (error) {
      throw this.file.corruption(`page ${id} cannot be unpacked: ${String(error)}`, block, { page: id })
    }
  }

  writePages(frames: Int32Array, count: number): void {
    this.#assertUsable()
    const { pager } = this
    const writer = this.#writer
    try {
      for (let i = 0; i < count && writer.hasRoom(pager.pageSize); i++) {
        if (!this.capture(writer, frames[i]!)) break
      }
      if (writer.count === 0) throw outOfDiskSpace(this.file.path)
      writer.writeSync()
    } catch (error) {
      writer.abandon()
      throw this.refusal(error)
    }
    for (let i = 0; i < writer.count; i++) {
      const frame = writer.tags[i]!
      const frozen = (pager.flags[frame]! & frameFlag.frozen) !== 0
      this.settle(writer, i, pager.pageOf[frame]!, frozen)
      pager.beginWrite(frame)
      pager.endWrite(frame)
    }
    writer.reset()
  }

  /** Adds the page in `frame` to `writer`; false when there is no space on disk. */
  capture(writer: PageWriter, frame: number): boolean {
    const { pager } = this
    const base = pager.baseOf(frame)
    try {
      writer.add(frame, pager.bytesOf(frame), base, base + pager.pageSize, true)
      return true
    } catch (error) {
      if (isOutOfDiskSpace(error)) return false
      throw error
    }
  }

  /** Of a failed write: an OutOfDiskSpace to throw; anything else is final. */
  refusal(error: unknown): unknown {
    if (isOutOfDiskSpace(error)) return error
    if (error instanceof DiskError && error.code === 'ENOSPC') {
      this.file.full = true
      return outOfDiskSpace(this.file.path)
    }
    this.fail(error)
    return error
  }

  /** Item `i` of `writer`, the page `id`, has been written. `frozen`: as of the freeze, else as it is now. */
  settle(writer: PageWriter, i: number, id: number, frozen: boolean): void {
    const { map } = this
    this.moveCount++
    const place = this.#newPlace
    place.block = writer.blocks[i]!
    place.length = writer.lengths[i]!
    place.checksum = writer.checksums[i]!
    place.kind = writer.compressed[i] ? entryUsed | entryCompressed : entryUsed
    const before = this.#place
    const birth = map.births[id]!
    if (!frozen) {
      map.read(id, before)
      map.move(id, place, map.epoch)
      if (before.block !== 0) this.#freePlace(before, birth, map.epoch)
      return
    }
    const { epoch } = this.frozen!
    const live = map.isLiveAsFrozen(id)
    map.readFrozen(id, before)
    map.moveFrozen(id, place, epoch, live)
    if (!live) {
      // The live page went elsewhere, and freed the place before when it did: only this checkpoint names the new one.
      this.file.extents.freeAfter(map.epoch, place.block, blocksFor(place.length))
    } else if (before.block !== 0) this.#freePlace(before, birth, epoch)
  }

  /** Frees a place that was born in `birth` and that checkpoints from `epoch` on do not name. */
  #freePlace(place: PagePlace, birth: number, epoch: number): void {
    const blocks = blocksFor(place.length)
    if (birth === epoch) this.file.extents.free(place.block, blocks)
    else this.file.extents.freeAfter(epoch, place.block, blocks)
  }
}

/** Makes an empty data file that is whole as soon as its name is there, so that a file without superblock is damage. */
function createFile(world: World, path: string, pageSize: number): void {
  const { disk } = world
  const temporary = `${path}.new`
  const folder = path.includes('/') ? path.slice(0, path.lastIndexOf('/')) : ''
  if (folder !== '') disk.makeDirectory(folder)
  disk.remove(temporary)
  const file = disk.open(temporary, { create: true })
  const superblock = encodeSuperblock({
    pageSize,
    epoch: 1,
    meta: undefined,
    chunkCount: 0,
    root: { block: 0, length: 0, checksum: 0 },
  })
  try {
    file.write(superblock, 0, blockSize, 0)
    file.write(new Uint8Array(blockSize), 0, blockSize, blockSize)
    file.sync()
  } finally {
    file.close()
  }
  disk.rename(temporary, path)
  disk.syncDirectory(folder)
}
