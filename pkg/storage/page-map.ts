/**
 * The page map: where each page's bytes lie now. Entries of 16 bytes in chunks of 1024, so that a chunk's memory is
 * exactly what is written to disk:
 *
 *   offset  size  field (little endian)
 *   0       4     first block of the extent, 0 while the page was never written
 *   4       4     stored length in bytes
 *   8       4     CRC-32 of the stored bytes
 *   12      4     0 free, 1 in use, 3 in use and compressed (zstd)
 *
 * There are two maps at a time at most: the live one, and while a checkpoint is written the frozen one. They share
 * chunks until the live one changes one (copy on write).
 *
 * INVARIANTS
 *  (1) A chunk that a frozen map holds is changed only by writing a page of that checkpoint; if the live map still
 *      holds it too, the change is right for both.
 *  (2) `changed` of a chunk holds from its first change until a checkpoint that has it is durable.
 *  (3) Page 0 is never in use.
 */
export const chunkPages = 1024
const chunkShift = 10
const chunkMask = chunkPages - 1
const entryWords = 4
export const chunkBytes = chunkPages * entryWords * 4

export const entryUsed = 1
export const entryCompressed = 2

export interface MapChunk {
  readonly entries: Uint32Array
  readonly bytes: Uint8Array
  /** The live epoch that made this copy: the live map may change it in that epoch only. */
  epoch: number
  changed: boolean
}

export function newChunk(epoch: number): MapChunk {
  const entries = new Uint32Array(chunkPages * entryWords)
  return { entries, bytes: new Uint8Array(entries.buffer), epoch, changed: false }
}

/** A page's place on disk. */
export interface PagePlace {
  block: number
  length: number
  checksum: number
  kind: number
}

export class PageMap {
  chunks: MapChunk[] = []
  frozen: MapChunk[] = []
  epoch: number
  /** In which epoch a page's extent was allocated, by page; 0: before this process. */
  births = new Uint32Array(chunkPages)
  readonly #freeIds: number[] = []
  #pages = 0

  constructor(epoch: number) {
    this.epoch = epoch
  }

  /** Pages in use. */
  get pages(): number {
    return this.#pages
  }
  get capacity(): number {
    return this.chunks.length * chunkPages
  }

  /** At open: adds a chunk as it was read. */
  adopt(chunk: MapChunk): void {
    this.chunks.push(chunk)
    this.#growBirths()
  }

  /** At open, after the last chunk: finds the free page numbers, lowest first to be handed out. */
  countPages(): void {
    for (let id = this.capacity - 1; id > 0; id--) {
      if (this.kindOf(id) === 0) this.#freeIds.push(id)
      else this.#pages++
    }
  }

  blockOf(id: number): number {
    return this.#entries(id)[(id & chunkMask) * entryWords]!
  }
  kindOf(id: number): number {
    const chunk = this.chunks[id >>> chunkShift]
    return chunk === undefined ? 0 : chunk.entries[(id & chunkMask) * entryWords + 3]!
  }

  read(id: number, into: PagePlace): void {
    readEntry(this.#entries(id), id, into)
  }

  /** Takes a page number; the page has no place yet. */
  allocate(): number {
    let id = this.#freeIds.pop()
    if (id === undefined) {
      const first = this.capacity
      this.chunks.push(newChunk(this.epoch))
      this.#growBirths()
      for (let i = first + chunkPages - 1; i > first; i--) this.#freeIds.push(i)
      id = first === 0 ? this.#freeIds.pop()! : first
    }
    this.#write(id, 0, 0, 0, entryUsed)
    this.#pages++
    return id
  }

  /** Gives a page number back. The caller has freed its extent. */
  release(id: number): void {
    this.#write(id, 0, 0, 0, 0)
    this.#freeIds.push(id)
    this.#pages--
  }

  /** The live page was written to a new place. */
  move(id: number, place: PagePlace, birth: number): void {
    this.#write(id, place.block, place.length, place.checksum, place.kind)
    this.births[id] = birth
  }

  freeze(): void {
    this.frozen = this.chunks.slice()
    this.epoch++
  }

  thaw(): void {
    this.frozen = []
  }

  /** The frozen map's entry. */
  readFrozen(id: number, into: PagePlace): void {
    readEntry(this.frozen[id >>> chunkShift]!.entries, id, into)
  }

  /** Whether the live page is, as far as places go, what it was at the freeze. */
  isLiveAsFrozen(id: number): boolean {
    const c = id >>> chunkShift
    const frozen = this.frozen[c]!
    const live = this.chunks[c]!
    if (frozen === live) return true
    const at = (id & chunkMask) * entryWords
    return live.entries[at] === frozen.entries[at] && live.entries[at + 3] === frozen.entries[at + 3]
  }

  /** A frozen page was written; `live`: the live entry is to say the same. */
  moveFrozen(id: number, place: PagePlace, birth: number, live: boolean): void {
    const c = id >>> chunkShift
    const frozen = this.frozen[c]!
    const current = this.chunks[c]!
    writeEntry(frozen, id, place.block, place.length, place.checksum, place.kind)
    if (!live) return
    if (current !== frozen) writeEntry(current, id, place.block, place.length, place.checksum, place.kind)
    this.births[id] = birth
  }

  #entries(id: number): Uint32Array {
    return this.chunks[id >>> chunkShift]!.entries
  }

  #write(id: number, block: number, length: number, checksum: number, kind: number): void {
    const c = id >>> chunkShift
    let chunk = this.chunks[c]!
    if (chunk.epoch !== this.epoch) {
      if (this.frozen[c] === chunk) {
        const copy = newChunk(this.epoch)
        copy.entries.set(chunk.entries)
        chunk = copy
        this.chunks[c] = copy
      } else chunk.epoch = this.epoch
    }
    writeEntry(chunk, id, block, length, checksum, kind)
  }

  #growBirths(): void {
    if (this.births.length >= this.capacity) return
    const grown = new Uint32Array(Math.max(this.capacity, this.births.length * 2))
    grown.set(this.births)
    this.births = grown
  }
}

function readEntry(entries: Uint32Array, id: number, into: PagePlace): void {
  const at = (id & chunkMask) * entryWords
  into.block = entries[at]!
  into.length = entries[at + 1]!
  into.checksum = entries[at + 2]!
  into.kind = entries[at + 3]!
}

function writeEntry(chunk: MapChunk, id: number, block: number, length: number, checksum: number, kind: number): void {
  const at = (id & chunkMask) * entryWords
  chunk.entries[at] = block
  chunk.entries[at + 1] = length
  chunk.entries[at + 2] = checksum
  chunk.entries[at + 3] = kind
  chunk.changed = true
}
