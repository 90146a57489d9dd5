/**
 * The content of one simulated file: what is on the medium, and what is only in the page cache.
 *
 *   durable pages  <-  generation  <-  generation  <-  ...  <-  the open generation (takes writes)
 *
 * A sync closes the open generation when it begins and moves everything up to it to the medium when it ends; so what
 * is written while it runs is not covered by it. A crash keeps of each generation, oldest first, any subset of the
 * sectors that it wrote.
 *
 * INVARIANTS
 *  (1) A page (Uint8Array) that is in a durable table never changes: tables may be shared by any number of crash images.
 *  (2) A table that is shared is copied before an entry in it changes.
 */
import type { SeededRandom } from './random.ts'

export const sectorSize = 512
export const pageSize = 4096
const sectorsPerPage = pageSize / sectorSize
const allSectors = (1 << sectorsPerPage) - 1

/** Of the unsynced sectors, those to keep: all, none, or each with the probability given. */
export type Survival = 'all' | 'none' | number

interface DirtyPage {
  /** The whole page as it read when the generation was closed. */
  readonly bytes: Uint8Array
  /** Bit per sector: written in this generation. */
  mask: number
}

export interface Generation {
  readonly pages: Map<number, DirtyPage>
  /** Length of the file at the end of this generation. */
  size: number
  /** A sync of it failed: what it held will never reach the medium, although it can still be read. */
  lost: boolean
}

type Page = Uint8Array | undefined

export class Inode {
  #durable: Page[]
  #durableShared: boolean
  #durableSize: number
  #generations: Generation[] = []
  /** Pages in use, on the medium or not; what the file takes of the disk's capacity. */
  pageCount: number

  constructor(durable: Page[] = [], durableSize = 0, pageCount = 0) {
    this.#durable = durable
    this.#durableShared = true
    this.#durableSize = durableSize
    this.pageCount = pageCount
  }

  get size(): number {
    return this.#generations.at(-1)?.size ?? this.#durableSize
  }

  read(target: Uint8Array, offset: number, length: number, position: number): number {
    const end = Math.min(this.size, position + length)
    for (let at = position; at < end; ) {
      const within = at % pageSize
      const count = Math.min(pageSize - within, end - at)
      const page = this.#page((at - within) / pageSize)
      const to = offset + at - position
      if (page === undefined) target.fill(0, to, to + count)
      else target.set(page.subarray(within, within + count), to)
      at += count
    }
    return Math.max(0, end - position)
  }

  write(source: Uint8Array, offset: number, length: number, position: number): void {
    const generation = this.#openGeneration()
    const end = position + length
    if (position > generation.size) this.#zero(generation, generation.size, position)
    for (let at = position; at < end; ) {
      const within = at % pageSize
      const count = Math.min(pageSize - within, end - at)
      const page = this.#dirtyPage(generation, (at - within) / pageSize)
      const from = offset + at - position
      page.bytes.set(source.subarray(from, from + count), within)
      page.mask |= sectorMask(within, within + count)
      at += count
    }
    if (end > generation.size) generation.size = end
  }

  /** How many pages the file would take more if `length` bytes were written at `position`. */
  growth(length: number, position: number): number {
    let count = 0
    for (let page = Math.floor(position / pageSize); page * pageSize < position + length; page++) {
      if (this.#page(page) === undefined) count++
    }
    return count
  }

  /** Shrinking reads as zeros when the file grows again; until synced, the old bytes may come back in a crash. */
  truncate(size: number): void {
    const generation = this.#openGeneration()
    if (size < generation.size) this.#zero(generation, size, generation.size)
    generation.size = size
    const pagesLeft = Math.ceil(size / pageSize)
    this.pageCount = Math.min(this.pageCount, pagesLeft)
  }

  /** Closes the open generation; pass the result to `endSync` or `failSync`. */
  beginSync(): Generation | undefined {
    const last = this.#generations.at(-1)
    if (last !== undefined) this.#generations.push({ pages: new Map(), size: last.size, lost: false })
    return last
  }

  /** Makes everything up to `last` durable. A sync that began earlier but ends later finds nothing left to do. */
  endSync(last: Generation | undefined): void {
    const done = this.#upTo(last)
    let anyLost = false
    for (const generation of done) {
      anyLost ||= generation.lost
      if (!generation.lost) this.#persist(generation, anyLost)
    }
    // Lost generations stay, so that what they wrote can be read until the crash, under what was written later.
    const lost = done.filter((generation) => generation.lost)
    for (const [at, generation] of done.entries()) {
      if (!generation.lost) for (const earlier of done.slice(0, at)) if (earlier.lost) cover(earlier, generation)
    }
    this.#generations = [...lost, ...this.#generations.slice(done.length)]
  }

  /** A sync that a crash interrupts: some sectors have arrived; the others may still, if only the process is gone. */
  interruptSync(last: Generation | undefined, random: SeededRandom): void {
    for (const generation of this.#upTo(last)) if (!generation.lost) this.#persistSubset(generation, 0.5, random)
  }

  /** A sync that fails: some sectors may have arrived, the rest never will, and the next sync will not say so. */
  failSync(last: Generation | undefined, random: SeededRandom): void {
    for (const generation of this.#upTo(last)) {
      if (!generation.lost) this.#persistSubset(generation, 0.5, random)
      generation.lost = true
    }
  }

  /** Makes the sectors of [start, end), as they read now, durable, and nothing else. The file reaches that far. */
  persistRange(start: number, end: number): void {
    for (let at = start; at < end; ) {
      const within = at % pageSize
      const count = Math.min(pageSize - within, end - at)
      const number = (at - within) / pageSize
      const mask = sectorMask(within, within + count)
      const current = this.#page(number)!
      // No earlier version of them may come after this one.
      for (const { pages } of this.#generations) {
        const page = pages.get(number)
        if (page === undefined) continue
        copySectors(current, page.bytes, mask)
        page.mask &= ~mask
      }
      this.#merge(number, current, mask)
      at += count
    }
    this.#durableSize = Math.max(this.#durableSize, end)
  }

  #upTo(last: Generation | undefined): Generation[] {
    return last === undefined ? [] : this.#generations.slice(0, this.#generations.indexOf(last) + 1)
  }

  /** The kernel writes back a page on its own: some of the unsynced sectors arrive early, later versions of them may not. */
  writeBack(random: SeededRandom): void {
    const oldest = this.#generations[0]
    if (oldest === undefined || oldest.lost || oldest.pages.size === 0) return
    const skip = random.integer(oldest.pages.size)
    const [number, page] = [...oldest.pages][skip]!
    const mask = page.mask & random.integer(allSectors + 1)
    if (mask === 0) return
    this.#merge(number, page.bytes, mask)
    this.#durableSize = Math.max(this.#durableSize, Math.min(oldest.size, maskEnd(number, mask)))
  }

  /** The file as it may be found after a crash. This inode stays as it is. */
  survivor(survival: Survival, random: SeededRandom): Inode {
    this.#durableShared = true
    const image = new Inode(this.#durable, this.#durableSize)
    for (const generation of this.#generations) {
      if (generation.lost || survival === 'none') continue
      if (survival === 'all') image.#persist(generation, true)
      else image.#persistSubset(generation, survival, random)
    }
    if (this.#generations.length > 0) image.#trimDurable()
    for (const page of image.#durable) if (page !== undefined) image.pageCount++
    return image
  }

  /** Changes one bit, on the medium and as read. */
  flipBit(position: number, bit: number): void {
    const number = Math.floor(position / pageSize)
    const flipped = (this.#durable[number] ?? new Uint8Array(pageSize)).slice()
    flipped[position % pageSize]! ^= 1 << bit
    this.#setDurable(number, flipped)
    for (const generation of this.#generations) {
      const page = generation.pages.get(number)
      if (page !== undefined) page.bytes[position % pageSize]! ^= 1 << bit
    }
  }

  #page(number: number): Page {
    for (let at = this.#generations.length - 1; at >= 0; at--) {
      const page = this.#generations[at]!.pages.get(number)
      if (page !== undefined) return page.bytes
    }
    return this.#durable[number]
  }

  #openGeneration(): Generation {
    const last = this.#generations.at(-1)
    if (last !== undefined && !last.lost) return last
    const generation = { pages: new Map<number, DirtyPage>(), size: this.size, lost: false }
    this.#generations.push(generation)
    return generation
  }

  #dirtyPage(generation: Generation, number: number): DirtyPage {
    const dirty = generation.pages.get(number)
    if (dirty !== undefined) return dirty
    const current = this.#page(number)
    if (current === undefined) this.pageCount++
    const page = { bytes: current === undefined ? new Uint8Array(pageSize) : current.slice(), mask: 0 }
    generation.pages.set(number, page)
    return page
  }

  /** Zeros what is there of [start, end); pages that were never written stay so. */
  #zero(generation: Generation, start: number, end: number): void {
    for (let at = start; at < end; ) {
      const within = at % pageSize
      const count = Math.min(pageSize - within, end - at)
      const number = (at - within) / pageSize
      if (this.#page(number) !== undefined) {
        const page = this.#dirtyPage(generation, number)
        page.bytes.fill(0, within, within + count)
        page.mask |= sectorMask(within, within + count)
      }
      at += count
    }
  }

  /** `bySector` copies what it takes, and only that; else the generation's own pages become durable and must not change again. */
  #persist(generation: Generation, bySector: boolean): void {
    for (const [number, page] of generation.pages) {
      if (bySector) this.#merge(number, page.bytes, page.mask)
      else this.#setDurable(number, page.bytes)
    }
    this.#durableSize = generation.size
  }

  #persistSubset(generation: Generation, probability: number, random: SeededRandom): void {
    const takesSize = random.chance(0.5)
    let size = takesSize ? generation.size : this.#durableSize
    for (const [number, page] of generation.pages) {
      let mask = 0
      for (let sector = 0; sector < sectorsPerPage; sector++) {
        if ((page.mask & (1 << sector)) !== 0 && random.chance(probability)) mask |= 1 << sector
      }
      if (mask === 0) continue
      this.#merge(number, page.bytes, mask)
      // A sector that arrived can be read, so the file reaches at least that far.
      size = Math.max(size, Math.min(generation.size, maskEnd(number, mask)))
    }
    this.#durableSize = size
  }

  /** A file system does not show what lay behind the end of a file when the file grows again. */
  #trimDurable(): void {
    const pagesLeft = Math.ceil(this.#durableSize / pageSize)
    if (this.#durable.length > pagesLeft) {
      this.#durable = this.#durable.slice(0, pagesLeft)
      this.#durableShared = false
    }
    const within = this.#durableSize % pageSize
    const lastPage = within === 0 ? undefined : this.#durable[pagesLeft - 1]
    if (lastPage?.subarray(within).some((byte) => byte !== 0)) {
      const trimmed = lastPage.slice().fill(0, within)
      this.#setDurable(pagesLeft - 1, trimmed)
    }
  }

  #merge(number: number, bytes: Uint8Array, mask: number): void {
    if (mask === 0) return
    const merged = this.#durable[number]?.slice() ?? new Uint8Array(pageSize)
    copySectors(bytes, merged, mask)
    this.#setDurable(number, merged)
  }

  #setDurable(number: number, page: Uint8Array): void {
    if (this.#durableShared) {
      this.#durable = this.#durable.slice()
      this.#durableShared = false
    }
    while (this.#durable.length < number) this.#durable.push(undefined)
    this.#durable[number] = page
  }
}

/** What `later` wrote is what is read now where `earlier` wrote too. */
function cover(earlier: Generation, later: Generation): void {
  earlier.size = later.size
  for (const [number, page] of later.pages) {
    const hidden = earlier.pages.get(number)
    if (hidden !== undefined) hidden.bytes.set(page.bytes)
  }
}

/** Copies the sectors in `mask` from one page to the other. */
function copySectors(from: Uint8Array, to: Uint8Array, mask: number): void {
  if (from === to) return
  for (let sector = 0; sector < sectorsPerPage; sector++) {
    if ((mask & (1 << sector)) === 0) continue
    to.set(from.subarray(sector * sectorSize, (sector + 1) * sectorSize), sector * sectorSize)
  }
}

function maskEnd(page: number, mask: number): number {
  return page * pageSize + (32 - Math.clz32(mask)) * sectorSize
}

function sectorMask(start: number, end: number): number {
  const first = Math.floor(start / sectorSize)
  const last = Math.ceil(end / sectorSize)
  return ((1 << last) - 1) & ~((1 << first) - 1) & allSectors
}
