/**
 * The pager: the pages that are in memory. Frames of one page each lie in slabs of 256; which frame holds a page, which
 * page a frame holds, pins and flags are typed arrays, so that a page costs no object.
 *
 * States of a frame (flags):
 *
 *   clean            holds what the page's place on disk holds
 *   dirty            was changed since; must be written before it is evicted
 *   dirty + frozen   unchanged since the freeze, and not yet written for that checkpoint
 *   frozen + apart   a copy as of the freeze of a page that was changed or freed since; belongs to the checkpoint alone
 *   writing          its bytes were captured by an asynchronous write that has not ended (may become dirty meanwhile)
 *
 *   edit of dirty+frozen:  a copy goes to another frame as frozen+apart, the page stays where it is as dirty
 *   write (eviction, checkpoint):  dirty -> clean,  dirty+frozen -> clean,  frozen+apart -> the frame is free
 *
 * INVARIANTS
 *  (1) A page that is in memory is in one frame that is not apart; `frameOf` names it. Cursors may rely on that frame
 *      as long as they pin it: neither an edit nor a freeze moves the live page.
 *  (2) A pinned frame, or one that is being written, is not evicted.
 *  (3) frozen implies dirty or apart. `dirtyFrames` and `frozenFrames` count the flags.
 *
 * When every frame is pinned or cannot be written for want of disk space, the pager takes frames beyond its budget
 * rather than lose anything; `Store.ensureSpace` keeps that from going on. The budget is at most a million frames.
 */
import { assert } from '../base/assert.ts'
import { isOutOfDiskSpace } from './data-file.ts'
import { KeyTailReader } from './key-tail.ts'
import { Page } from './page.ts'

export const frameFlag = { dirty: 1, frozen: 2, apart: 4, writing: 8 } as const
const slabShift = 8
const slabMask = (1 << slabShift) - 1
/** A page number times this and a frame are a safe integer. */
const frameCountMax = 2 ** 21

/** What the pager needs of the store: bytes from and to the disk. */
export interface PageStorage {
  /** Reads the live page `id` into `bytes` at `at`. */
  readPage(id: number, bytes: Uint8Array, at: number): void
  /** Writes the pages of `frames[0, count)` to fresh places (`beginWrite`, `endWrite`). May write fewer. Throws. */
  writePages(frames: Int32Array, count: number): void
  allocatePage(): number
  /** Frees the page's place and number. */
  releasePage(id: number): void
}

export class Pager {
  readonly pageSize: number
  readonly pageShift: number
  readonly bytes: Uint8Array[] = []
  readonly words: Uint32Array[] = []
  /** Frame by page number; 0 when the page is not in memory. */
  frameOf = new Int32Array(1024)
  /** By frame: the page, its flags, how often it is pinned, whether it was used since the clock hand passed. */
  pageOf = new Uint32Array(1024)
  flags = new Uint8Array(1024)
  pins = new Uint16Array(1024)
  used = new Uint8Array(1024)
  frameCount = 0
  readonly frameLimit: number
  dirtyFrames = 0
  frozenFrames = 0
  readonly #storage: PageStorage
  readonly #free: number[] = []
  #hand = 0
  readonly #victims = new Int32Array(32)
  readonly #tails = new KeyTailReader(this)

  constructor(pageSize: number, cacheSizeBytes: number, storage: PageStorage) {
    this.pageSize = pageSize
    this.pageShift = 31 - Math.clz32(pageSize)
    this.frameLimit = Math.min(frameCountMax >>> 1, Math.max(16, Math.floor(cacheSizeBytes / pageSize)))
    this.#storage = storage
  }

  /** The frame of page `id`, read from disk if need be. Valid until the next call of the pager unless pinned. */
  fetch(id: number): number {
    const frame = this.frameOf[id]!
    if (frame > 0) {
      this.used[frame] = 1
      return frame
    }
    return this.#load(id)
  }

  /** A new view, to be moved to frames. */
  view(): Page {
    return new Page(this.pageSize, this.#tails)
  }

  /** Moves `page` to `frame`. */
  attach(page: Page, frame: number): Page {
    const slab = frame >>> slabShift
    return page.attach(this.bytes[slab]!, this.words[slab]!, (frame & slabMask) << this.pageShift)
  }

  bytesOf(frame: number): Uint8Array {
    return this.bytes[frame >>> slabShift]!
  }
  wordsOf(frame: number): Uint32Array {
    return this.words[frame >>> slabShift]!
  }
  baseOf(frame: number): number {
    return (frame & slabMask) << this.pageShift
  }

  pin(frame: number): void {
    this.pins[frame]!++
  }
  unpin(frame: number): void {
    assert(this.pins[frame]! > 0, 'a frame is unpinned as often as it was pinned')
    this.pins[frame]!--
  }

  /** To be called before a page in `frame` is changed. */
  edit(frame: number): void {
    const flags = this.flags[frame]!
    if ((flags & (frameFlag.dirty | frameFlag.frozen)) === frameFlag.dirty) return
    if ((flags & frameFlag.frozen) !== 0) this.#setApart(frame)
    else {
      this.flags[frame] = flags | frameFlag.dirty
      this.dirtyFrames++
    }
  }

  /** Makes a page; its frame, dirty. The caller formats it. */
  allocate(): number {
    const frame = this.#takeFrame()
    const id = this.#storage.allocatePage()
    this.#place(id, frame)
    this.flags[frame] = frameFlag.dirty
    this.dirtyFrames++
    return frame
  }

  /** Gives page `id` back, without reading it. */
  release(id: number): void {
    const frame = id < this.frameOf.length ? this.frameOf[id]! : 0
    if (frame > 0) {
      assert(this.pins[frame] === 0, 'a freed page is not pinned')
      this.frameOf[id] = 0
      const flags = this.flags[frame]!
      if ((flags & frameFlag.dirty) !== 0) this.dirtyFrames--
      if ((flags & (frameFlag.frozen | frameFlag.writing)) !== 0) {
        this.flags[frame] = (flags & ~frameFlag.dirty) | frameFlag.apart
      } else this.#freeFrame(frame)
    }
    this.#storage.releasePage(id)
  }

  /** Every page that is dirty now belongs to the checkpoint. Returns their frames in the order of their pages. */
  freeze(): Int32Array {
    assert(this.frozenFrames === 0, 'one checkpoint is written at a time')
    // Page and frame in one number: sorting plain numbers is many times faster than calling a comparison.
    const pairs = new Float64Array(this.dirtyFrames)
    let count = 0
    for (let frame = 1; frame <= this.frameCount; frame++) {
      if ((this.flags[frame]! & frameFlag.dirty) === 0) continue
      this.flags[frame]! |= frameFlag.frozen
      pairs[count++] = this.pageOf[frame]! * frameCountMax + frame
    }
    assert(count === this.dirtyFrames, 'dirty frames are counted')
    this.frozenFrames = count
    pairs.sort()
    return Int32Array.from(pairs, (pair) => pair % frameCountMax)
  }

  /** The checkpoint was given up: what it has not written is merely dirty, and copies made for it are dropped. */
  thaw(): void {
    for (let frame = 1; frame <= this.frameCount; frame++) {
      const flags = this.flags[frame]!
      if ((flags & frameFlag.frozen) === 0) continue
      if ((flags & frameFlag.apart) !== 0) this.#freeFrame(frame)
      else this.flags[frame] = flags & ~frameFlag.frozen
    }
    this.frozenFrames = 0
  }

  /** The bytes of `frame` were captured for an asynchronous write. */
  beginWrite(frame: number): void {
    const flags = this.flags[frame]!
    if ((flags & frameFlag.dirty) !== 0) this.dirtyFrames--
    if ((flags & frameFlag.frozen) !== 0) this.frozenFrames--
    this.flags[frame] = (flags & frameFlag.apart) | frameFlag.writing
  }

  /** That write ended well. */
  endWrite(frame: number): void {
    this.flags[frame]! &= ~frameFlag.writing
    if ((this.flags[frame]! & frameFlag.apart) !== 0) this.#freeFrame(frame)
  }

  /** That write failed for want of space; the page, if it is still there, is dirty as before. */
  failWrite(frame: number): void {
    this.flags[frame]! &= ~frameFlag.writing
    if ((this.flags[frame]! & frameFlag.apart) !== 0) this.#freeFrame(frame)
    else this.edit(frame)
  }

  get cachedPages(): number {
    return this.frameCount - this.#free.length
  }

  #load(id: number): number {
    const frame = this.#takeFrame()
    try {
      this.#storage.readPage(id, this.bytesOf(frame), this.baseOf(frame))
    } catch (error) {
      this.#free.push(frame)
      throw error
    }
    this.#place(id, frame)
    this.flags[frame] = 0
    return frame
  }

  #place(id: number, frame: number): void {
    if (id >= this.frameOf.length) {
      const grown = new Int32Array(Math.max(id + 1, this.frameOf.length * 2))
      grown.set(this.frameOf)
      this.frameOf = grown
    }
    this.frameOf[id] = frame
    this.pageOf[frame] = id
    this.used[frame] = 1
  }

  #setApart(frame: number): void {
    this.pins[frame]!++
    const copy = this.#takeFrame()
    this.pins[frame]!--
    const base = this.baseOf(frame)
    this.bytesOf(copy).set(this.bytesOf(frame).subarray(base, base + this.pageSize), this.baseOf(copy))
    this.pageOf[copy] = this.pageOf[frame]!
    this.used[copy] = 0
    this.flags[copy] = frameFlag.frozen | frameFlag.apart
    this.flags[frame]! &= ~frameFlag.frozen
  }

  #freeFrame(frame: number): void {
    this.flags[frame] = 0
    this.pageOf[frame] = 0
    this.used[frame] = 0
    this.#free.push(frame)
  }

  #takeFrame(): number {
    const free = this.#free.pop()
    if (free !== undefined) return free
    if (this.frameCount >= this.frameLimit) {
      const evicted = this.#evict()
      if (evicted > 0) return evicted
    }
    return this.#newFrame()
  }

  #newFrame(): number {
    const frame = ++this.frameCount
    const slab = frame >>> slabShift
    if (slab === this.bytes.length) {
      const buffer = new ArrayBuffer(this.pageSize << slabShift)
      this.bytes.push(new Uint8Array(buffer))
      this.words.push(new Uint32Array(buffer))
    }
    if (frame === this.flags.length) {
      const length = frame * 2
      const pageOf = new Uint32Array(length)
      const flags = new Uint8Array(length)
      const pins = new Uint16Array(length)
      const used = new Uint8Array(length)
      pageOf.set(this.pageOf)
      flags.set(this.flags)
      pins.set(this.pins)
      used.set(this.used)
      this.pageOf = pageOf
      this.flags = flags
      this.pins = pins
      this.used = used
    }
    return frame
  }

  /**
   * Clock: the hand clears `used` where it is set and takes the first frame where it is not. A dirty one is written
   * first, together with those that the hand would come to next.
   */
  #evict(): number {
    let writable = true
    for (let steps = this.frameCount * 3; steps > 0; steps--) {
      const frame = (this.#hand = this.#hand >= this.frameCount ? 1 : this.#hand + 1)
      const flags = this.flags[frame]!
      if (this.pins[frame]! > 0 || (flags & frameFlag.writing) !== 0 || this.pageOf[frame] === 0) continue
      if (this.used[frame] !== 0) {
        this.used[frame] = 0
        continue
      }
      if ((flags & (frameFlag.dirty | frameFlag.frozen)) !== 0) {
        if (!writable) continue
        writable = this.#writeFrom(frame)
        // A frame that was apart is on the free list now, any other is clean.
        const free = this.#free.pop()
        if (free !== undefined) return free
        if ((this.flags[frame]! & (frameFlag.dirty | frameFlag.frozen)) !== 0) continue
      }
      this.frameOf[this.pageOf[frame]!] = 0
      this.pageOf[frame] = 0
      return frame
    }
    return 0
  }

  /** Writes `frame` and up to 31 that the clock hand would write next. False when the disk is full. */
  #writeFrom(frame: number): boolean {
    const victims = this.#victims
    let count = 0
    for (let steps = Math.min(this.frameCount, 1024); steps > 0 && count < victims.length; steps--) {
      const flags = this.flags[frame]!
      if (
        (flags & (frameFlag.dirty | frameFlag.frozen)) !== 0 &&
        (flags & frameFlag.writing) === 0 &&
        this.pins[frame] === 0 &&
        this.used[frame] === 0
      ) {
        victims[count++] = frame
      }
      frame = frame === this.frameCount ? 1 : frame + 1
    }
    try {
      this.#storage.writePages(victims, count)
      return true
    } catch (error) {
      if (isOutOfDiskSpace(error)) return false
      throw error
    }
  }
}
