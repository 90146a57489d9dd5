/**
 * Checkpoints: how a frozen image gets into the file, and how it is found again at open.
 *
 * Order of writing, each step durable before the next begins:
 *   1. the frozen pages that changed, the chunks of the page map that changed, the root that names all chunks
 *   2. the superblock, into the older of the two slots
 *
 *   root extent   u32 chunk count, 12 bytes 0, then for each chunk: u32 block, u32 length, u32 CRC-32, u32 0
 *
 * An error before step 2 that says the disk is full gives the checkpoint up. From the first byte of step 2 on, nobody
 * knows what the slot holds until it was synced, so any error there is final.
 */
import { assert } from '../base/assert.ts'
import { DatabaseError } from '../base/errors.ts'
import { checksumOf, type DataFile, isOutOfDiskSpace, outOfDiskSpace } from './data-file.ts'
import { blockSize, blocksFor, extentBlocksMax, headBlocks } from './extents.ts'
import { chunkBytes, chunkPages, type MapChunk, newChunk, PageMap, type PagePlace } from './page-map.ts'
import { PageWriter } from './page-writer.ts'
import { frameFlag } from './pager.ts'
import type { Store } from './store.ts'
import { type CheckpointMeta, chooseSuperblock, encodeSuperblock, type Superblock } from './superblock.ts'

export interface FrozenCheckpoint {
  readonly epoch: number
  readonly meta: CheckpointMeta
  /** The frames that were dirty at the freeze, in the order of their pages. Some may have been written since. */
  readonly frames: Int32Array
}

interface ExtentPlace {
  readonly block: number
  readonly length: number
  readonly checksum: number
}

interface Slot {
  readonly epoch: number
  readonly logIndex: number
}

/** What the file holds by its superblocks. */
export interface Published {
  readonly pageSize: number
  readonly meta: CheckpointMeta | undefined
  readonly slots: readonly [Slot | undefined, Slot | undefined]
  readonly newest: 0 | 1
  readonly root: ExtentPlace
  readonly chunks: readonly ExtentPlace[]
}

const batchBytes = 1 << 20
/** How long pages are gathered before others get their turn. */
const sliceMs = 3
const rootHeader = 16
/** A free end of the file is cut when it is longer than this and half of what is in use; so much is kept. */
const tailMaxBlocks = 4096
const tailKeptBlocks = 1024

// ---- writing

export async function writeCheckpoint(store: Store, frozen: FrozenCheckpoint): Promise<void> {
  const { file, map, pager } = store
  const writer = new PageWriter(file, store.compression, Math.max(batchBytes, pager.pageSize, chunkBytes))
  const before = store.published
  const fresh: ExtentPlace[] = []
  let chunks: ExtentPlace[]
  let root: ExtentPlace
  try {
    await writeFrozenPages(store, frozen, writer)
    chunks = await writeChunks(store, writer, fresh)
    root = await writeRoot(file, chunks, fresh)
    await file.file.syncAsync()
    if (store.failure !== undefined) throw store.failure
  } catch (error) {
    const reason = store.refusal(error)
    if (isOutOfDiskSpace(reason)) {
      for (const place of fresh) file.extents.free(place.block, blocksFor(place.length))
      pager.thaw()
      map.thaw()
      store.frozen = undefined
    }
    throw reason
  }
  const slot = before.newest === 0 ? 1 : 0
  try {
    const bytes = encodeSuperblock({
      pageSize: pager.pageSize,
      epoch: frozen.epoch,
      meta: frozen.meta,
      chunkCount: chunks.length,
      root,
    })
    await file.file.writeAsync(bytes, 0, blockSize, slot * blockSize)
    await file.file.syncAsync()
  } catch (error) {
    store.fail(error)
    throw error
  }
  const own: Slot = { epoch: frozen.epoch, logIndex: frozen.meta.logIndex }
  store.published = {
    pageSize: pager.pageSize,
    meta: frozen.meta,
    slots: slot === 0 ? [own, before.slots[1]] : [before.slots[0], own],
    newest: slot,
    root,
    chunks,
  }
  for (let i = 0; i < before.chunks.length; i++) {
    const old = before.chunks[i]!
    if (old !== chunks[i]) file.extents.freeAfter(frozen.epoch, old.block, blocksFor(old.length))
  }
  if (before.root.block !== 0) file.extents.freeAfter(frozen.epoch, before.root.block, blocksFor(before.root.length))
  for (const chunk of map.frozen) chunk.changed = false
  map.thaw()
  store.frozen = undefined
  releaseFreed(store)
}

async function writeFrozenPages(store: Store, frozen: FrozenCheckpoint, writer: PageWriter): Promise<void> {
  const { pager, world } = store
  let next = 0
  const ids: number[] = []
  while (pager.frozenFrames > 0) {
    const start = world.clock.monotonicMs()
    ids.length = 0
    while (pager.frozenFrames > 0 && writer.hasRoom(pager.pageSize)) {
      let frame = 0
      while (frame === 0 && next < frozen.frames.length) {
        const candidate = frozen.frames[next++]!
        if ((pager.flags[candidate]! & frameFlag.frozen) !== 0) frame = candidate
      }
      // What is left are copies of pages that were changed since the freeze.
      if (frame === 0) frame = anyFrozenFrame(store)
      if (!store.capture(writer, frame)) {
        if (writer.count === 0) throw outOfDiskSpace(store.file.path)
        next = 0
        break
      }
      ids.push(pager.pageOf[frame]!)
      pager.beginWrite(frame)
      if (world.clock.monotonicMs() - start > sliceMs) break
    }
    try {
      await writer.writeAsync()
    } catch (error) {
      for (let i = 0; i < writer.count; i++) pager.failWrite(writer.tags[i]!)
      writer.abandon()
      throw error
    }
    for (let i = 0; i < writer.count; i++) {
      store.settle(writer, i, ids[i]!, true)
      pager.endWrite(writer.tags[i]!)
    }
    writer.reset()
    await world.clock.yield()
  }
}

function anyFrozenFrame(store: Store): number {
  const { flags, frameCount } = store.pager
  for (let frame = 1; frame <= frameCount; frame++) if ((flags[frame]! & frameFlag.frozen) !== 0) return frame
  throw new Error('frozen frames are counted')
}

async function writeChunks(store: Store, writer: PageWriter, fresh: ExtentPlace[]): Promise<ExtentPlace[]> {
  const { map, world } = store
  const places = store.published.chunks.slice()
  const chunks = map.frozen
  // A chunk that lies far behind what the file needs would keep its end from being cut.
  const far = tailKeptBlocks + 2 * store.file.extents.usedBlocks
  const flush = async () => {
    try {
      await writer.writeAsync()
    } catch (error) {
      writer.abandon()
      throw error
    }
    for (let i = 0; i < writer.count; i++) {
      const place = { block: writer.blocks[i]!, length: writer.lengths[i]!, checksum: writer.checksums[i]! }
      places[writer.tags[i]!] = place
      fresh.push(place)
    }
    writer.reset()
    await world.clock.yield()
  }
  for (let i = 0; i < chunks.length; i++) {
    const chunk = chunks[i]!
    const old = store.published.chunks[i]
    if (!chunk.changed && old !== undefined && old.block < far) continue
    assertWritten(chunk)
    if (!writer.hasRoom(chunkBytes)) await flush()
    try {
      writer.add(i, chunk.bytes, 0, chunkBytes, false)
    } catch (error) {
      writer.abandon()
      throw error
    }
  }
  await flush()
  return places
}

function assertWritten(chunk: MapChunk): void {
  const { entries } = chunk
  for (let at = 0; at < entries.length; at += 4) {
    assert(entries[at + 3] === 0 || entries[at] !== 0, 'every page of a checkpoint has been written')
  }
}

async function writeRoot(file: DataFile, chunks: readonly ExtentPlace[], fresh: ExtentPlace[]): Promise<ExtentPlace> {
  const length = rootHeader + chunks.length * 16
  const blocks = blocksFor(length)
  assert(blocks <= extentBlocksMax, 'the page map has at most a million chunks')
  const words = new Uint32Array((blocks * blockSize) >>> 2)
  words[0] = chunks.length
  for (const [i, chunk] of chunks.entries()) {
    const at = 4 + i * 4
    words[at] = chunk.block
    words[at + 1] = chunk.length
    words[at + 2] = chunk.checksum
  }
  const bytes = new Uint8Array(words.buffer)
  const block = file.allocate(blocks)
  const place = { block, length, checksum: checksumOf(bytes, 0, length) }
  fresh.push(place)
  await file.file.writeAsync(bytes, 0, bytes.length, block * blockSize)
  return place
}

/** Hands out again what neither superblock names, and cuts a long free end off the file. */
function releaseFreed(store: Store): void {
  const { file, published } = store
  const { extents } = file
  const [a, b] = published.slots
  extents.release(Math.min(a?.epoch ?? Number.POSITIVE_INFINITY, b?.epoch ?? Number.POSITIVE_INFINITY))
  extents.rewind()
  const tail = extents.freeTail()
  if (tail < tailMaxBlocks + extents.usedBlocks / 2) return
  const blocks = extents.blocks - (tail - tailKeptBlocks)
  try {
    file.file.truncate(blocks * blockSize)
  } catch (error) {
    store.fail(error)
    throw error
  }
  extents.shrink(tail - tailKeptBlocks)
}

// ---- reading

/** Reads superblocks and page map at open, and derives which blocks are free. */
export function readPublished(file: DataFile): { published: Published; map: PageMap } {
  const size = file.file.size()
  const heads = new Uint8Array(headBlocks * blockSize)
  file.file.read(heads, 0, heads.length, 0)
  const pair = chooseSuperblock(file.path, heads.subarray(0, blockSize), heads.subarray(blockSize))
  const superblock = pair.slots[pair.newest]!
  file.extents.grow(Math.max(headBlocks, Math.floor(size / blockSize)))
  const root = readRoot(file, superblock)
  const map = new PageMap(superblock.epoch + 1)
  if (superblock.root.block !== 0) takeExtent(file, superblock.root, 'the page map root')
  for (const [i, place] of root.entries()) {
    const chunk = newChunk(superblock.epoch)
    takeExtent(file, place, `chunk ${i} of the page map`)
    file.read(place.block, chunkBytes, place.checksum, chunk.bytes, 0, `chunk ${i} of the page map`)
    eachPlace(chunk, i, (id, page) => takeExtent(file, page, `page ${id}`))
    map.adopt(chunk)
  }
  map.countPages()
  const slots = pair.slots.map((s) => s && { epoch: s.epoch, logIndex: s.meta?.logIndex ?? 0 })
  const older = pair.slots[pair.newest === 0 ? 1 : 0]
  if (older !== undefined && !keepOlder(file, older, superblock, root)) slots[pair.newest === 0 ? 1 : 0] = undefined
  const published: Published = {
    pageSize: superblock.pageSize,
    meta: superblock.meta,
    slots: [slots[0], slots[1]],
    newest: pair.newest,
    root: superblock.root,
    chunks: root,
  }
  return { published, map }
}

function takeExtent(file: DataFile, place: { block: number; length: number }, what: string): void {
  if (!file.extents.take(place.block, blocksFor(place.length))) {
    throw file.corruption(
      `the extent of ${what} (${place.length} bytes) is taken already or not in the file`,
      place.block,
    )
  }
}

function readRoot(file: DataFile, superblock: Superblock): ExtentPlace[] {
  const { block, length, checksum } = superblock.root
  if (block === 0) return []
  if (length !== rootHeader + superblock.chunkCount * 16) {
    throw file.corruption(`the page map root has length ${length} for ${superblock.chunkCount} chunks`, block)
  }
  const bytes = new Uint8Array(length)
  file.read(block, length, checksum, bytes, 0, 'the page map root')
  const words = new Uint32Array(bytes.buffer)
  const places: ExtentPlace[] = []
  for (let i = 0; i < superblock.chunkCount; i++) {
    const at = 4 + i * 4
    const place = { block: words[at]!, length: words[at + 1]!, checksum: words[at + 2]! }
    if (place.length !== chunkBytes) throw file.corruption(`chunk ${i} has length ${place.length}`, place.block)
    places.push(place)
  }
  return places
}

function eachPlace(chunk: MapChunk, index: number, visit: (id: number, place: PagePlace) => void): void {
  const { entries } = chunk
  for (let i = 0; i < chunkPages; i++) {
    const at = i * 4
    if (entries[at + 3] === 0) continue
    visit(index * chunkPages + i, {
      block: entries[at]!,
      length: entries[at + 1]!,
      checksum: entries[at + 2]!,
      kind: entries[at + 3]!,
    })
  }
}

/**
 * Keeps what only the older superblock names until that one is overwritten. False when the older image is damaged:
 * the newer one is whole, so the file is opened, and nothing is kept for the older.
 */
function keepOlder(file: DataFile, older: Superblock, newer: Superblock, newerChunks: readonly ExtentPlace[]): boolean {
  try {
    const keep: { block: number; length: number }[] = []
    if (older.root.block !== 0) keep.push(older.root)
    for (const [i, place] of readRoot(file, older).entries()) {
      if (place.block === newerChunks[i]?.block) continue
      keep.push(place)
      const chunk = newChunk(0)
      file.read(place.block, chunkBytes, place.checksum, chunk.bytes, 0, `chunk ${i} of the older page map`)
      eachPlace(chunk, i, (_, page) => keep.push({ block: page.block, length: page.length }))
    }
    for (const { block, length } of keep) {
      const blocks = blocksFor(length)
      if (file.extents.take(block, blocks)) file.extents.freeAfter(newer.epoch, block, blocks)
    }
    return true
  } catch (error) {
    if (error instanceof DatabaseError && error.codeName === 'DataCorruptionDetected') return false
    throw error
  }
}
