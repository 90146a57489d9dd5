/**
 * Verifies a data file: every page is reachable exactly once or free, keys ascend within and across pages, levels are
 * uniform, overflow chains are whole, the images on disk have their checksums, no block is used twice.
 */
import { DatabaseError } from '../base/errors.ts'
import type { PageId } from '../base/ids.ts'
import { blockSize, blocksFor, headBlocks } from './extents.ts'
import { nextInChain } from './overflow.ts'
import { headOf, Page, pageKind, readUint32 } from './page.ts'
import type { PagePlace } from './page-map.ts'
import type { Store } from './store.ts'
import type { ValueRef } from './tree.ts'

export interface CheckProblem {
  readonly message: string
  readonly page?: number
  /** In the data file, in bytes. */
  readonly offset?: number
}

export interface CheckReport {
  readonly problems: readonly CheckProblem[]
  readonly trees: number
  readonly pages: number
  readonly entries: number
}

/** Called with every entry of every tree, in order. */
export type EntryVisitor = (root: PageId, key: Uint8Array, keyLength: number, value: ValueRef) => void

/** The check a few pages at a time: where it yields others may read, but nothing may be changed before its end. */
export type CheckSteps<Result> = Generator<undefined, Result, undefined>

export function* checkStore(store: Store, roots: readonly PageId[], visit?: EntryVisitor): CheckSteps<CheckReport> {
  const check = new Check(store)
  yield* check.places()
  for (const root of roots) yield* check.tree(root)
  check.unreached()
  if (visit !== undefined && check.problems.length === 0) for (const root of roots) visitEntries(store, root, visit)
  return { problems: check.problems, trees: roots.length, pages: check.pages, entries: check.entries }
}

/** Takes all steps in this turn. */
export function completed<Result>(steps: CheckSteps<Result>): Result {
  for (;;) {
    const step = steps.next()
    if (step.done === true) return step.value
  }
}

/** Pages looked at between two places where others may run. */
const pagesPerStep = 16
/** Readers may have changed pages written, to places of their own: then the places are looked at again, so many times with turns in between. */
const attemptsWithTurns = 3

function visitEntries(store: Store, root: PageId, visit: EntryVisitor): void {
  const cursor = store.openTree(root).cursor()
  for (let on = cursor.first(); on; on = cursor.next()) {
    cursor.readKey()
    visit(root, cursor.key, cursor.keyLength, cursor.readValue())
  }
  cursor.close()
}

class Check {
  readonly problems: CheckProblem[] = []
  pages = 0
  entries = 0
  readonly #store: Store
  readonly #reached: Uint8Array
  #visited = 0

  constructor(store: Store) {
    this.#store = store
    this.#reached = new Uint8Array(store.map.capacity)
  }

  #say(message: string, page?: number, offset?: number): void {
    this.problems.push({
      message,
      ...(page === undefined ? {} : { page }),
      ...(offset === undefined ? {} : { offset }),
    })
  }

  /** What an attempt to read says, as a problem. */
  #attempt(page: number, body: () => void): void {
    try {
      body()
    } catch (error) {
      if (!(error instanceof DatabaseError)) throw error
      const { offset } = error.details
      this.#say(error.message, page, typeof offset === 'number' ? offset : undefined)
    }
  }

  /** Every place on disk: its checksum, and that nothing else lies there. */
  *places(): CheckSteps<void> {
    for (let attempt = 1; ; attempt++) {
      const { moveCount } = this.#store
      const steps = this.#placesOnce()
      let isChanged = false
      while (!isChanged && steps.next().done !== true) {
        if (attempt <= attemptsWithTurns) yield
        isChanged = this.#store.moveCount !== moveCount
      }
      if (!isChanged) return
      this.problems.length = 0
      this.pages = 0
    }
  }

  *#placesOnce(): CheckSteps<void> {
    const { file, map, pager, published } = this.#store
    const { extents } = file
    const taken = new Uint8Array(Math.ceil(extents.blocks / 8))
    let used = headBlocks
    const take = (block: number, length: number, what: string, page?: number) => {
      const offset = block * blockSize
      if (block < headBlocks || block + blocksFor(length) > extents.blocks) {
        this.#say(`${what} lies outside the file`, page, offset)
        return
      }
      for (let b = block; b < block + blocksFor(length); b++) {
        if ((taken[b >>> 3]! & (1 << (b & 7))) !== 0) this.#say(`${what} shares a block`, page, b * blockSize)
        if (!extents.isUsed(b)) this.#say(`${what} lies in a block that is counted as free`, page, b * blockSize)
        taken[b >>> 3]! |= 1 << (b & 7)
        used++
      }
    }
    const buffer = new Uint8Array(Math.max(pager.pageSize, blockSize))
    const place: PagePlace = { block: 0, length: 0, checksum: 0, kind: 0 }
    for (let id = 1; id < map.capacity; id++) {
      if (map.kindOf(id) === 0) continue
      this.pages++
      map.read(id, place)
      if (place.block === 0) {
        if (pager.frameOf[id] === 0) this.#say(`page ${id} is neither on disk nor in memory`, id)
        continue
      }
      take(place.block, place.length, `page ${id}`, id)
      this.#attempt(id, () => this.#store.readPlace(id, place, buffer, 0))
      if (this.pages % pagesPerStep === 0) yield
    }
    if (published.root.block !== 0) take(published.root.block, published.root.length, 'the page map root')
    for (const [i, chunk] of published.chunks.entries()) {
      take(chunk.block, chunk.length, `chunk ${i} of the page map`)
      const bytes = new Uint8Array(chunk.length)
      this.#attempt(0, () =>
        file.read(chunk.block, chunk.length, chunk.checksum, bytes, 0, `chunk ${i} of the page map`),
      )
    }
    // Extents that the older superblock or the last image on disk needs wait in the deferred list.
    extents.eachDeferred((block, count) => take(block, count * blockSize, 'a freed extent'))
    const counted = extents.blocks - extents.freeBlocks
    if (counted !== used) this.#say(`${counted} blocks are counted as used, ${used} are`)
  }

  *tree(root: PageId): CheckSteps<void> {
    const { pager } = this.#store
    let level = -1
    this.#attempt(root, () => {
      level = pager.attach(pager.view(), pager.fetch(root)).level
    })
    if (level >= 0) yield* this.#attemptOn(root, this.#page(root, root, level, undefined, undefined))
  }

  /** As `#attempt`. */
  *#attemptOn(page: number, steps: CheckSteps<void>): CheckSteps<void> {
    for (let done = false; !done; ) {
      this.#attempt(page, () => {
        done = true
        done = steps.next().done === true
      })
      if (!done) yield
    }
  }

  #reach(id: number): boolean {
    if (id === 0 || id >= this.#reached.length || this.#store.map.kindOf(id) === 0) {
      this.#say(`page ${id} is named but is not in use`, id)
      return false
    }
    if (this.#reached[id] !== 0) {
      this.#say(`page ${id} is named twice`, id)
      return false
    }
    this.#reached[id] = 1
    return true
  }

  /** A page of the tree `root` whose keys are to be >= `low` and < `high`. */
  *#page(
    root: number,
    id: number,
    level: number,
    low: Uint8Array | undefined,
    high: Uint8Array | undefined,
  ): CheckSteps<void> {
    if (!this.#reach(id)) return
    if (++this.#visited % pagesPerStep === 0) yield
    const { pager, map } = this.#store
    const page = Page.standalone(pager.pageSize)
    const frame = pager.fetch(id)
    page.copyFrom(pager.attach(pager.view(), frame))
    const offset = map.blockOf(id) * blockSize
    const wrong = identityProblem(page, root, id, level) ?? layoutProblem(page)
    if (wrong !== undefined) {
      this.#say(`page ${id} ${wrong}`, id, offset)
      return
    }
    if (page.count === 0 && level === 0 && id !== root) this.#say(`leaf ${id} is empty`, id, offset)
    let previous = low
    for (let i = 0; i < page.count; i++) {
      const key = page.keyCopy(i)
      if (previous !== undefined) {
        const order = page.compareKey(i, previous, previous.length)
        if (order < 0 || (order === 0 && i > 0)) this.#say(`page ${id}: entry ${i} is out of order`, id, offset)
      }
      if (high !== undefined && page.compareKey(i, high, high.length) >= 0) {
        this.#say(`page ${id}: entry ${i} belongs to a later page`, id, offset)
      }
      previous = key
    }
    for (let i = 0; i < page.count; i++) {
      if (!page.isLongKey(i)) continue
      const tailLength = page.keyLength(i) - page.headCopy(i, false).length
      this.#attempt(id, () => this.#chain(root, page, i, page.keyTail(i), tailLength))
    }
    if (level === 0) {
      this.entries += page.count
      for (let i = 0; i < page.count; i++) {
        if (!page.isOverflow(i)) continue
        const start = page.valueStart(i)
        const first = readUint32(page.bytes, start + 4)
        this.#attempt(id, () => this.#chain(root, page, i, first, readUint32(page.bytes, start)))
      }
      return
    }
    for (let i = -1; i < page.count; i++) {
      const childLow = i < 0 ? low : page.keyCopy(i)
      const childHigh = i + 1 < page.count ? page.keyCopy(i + 1) : high
      yield* this.#attemptOn(page.child(i), this.#page(root, page.child(i), level - 1, childLow, childHigh))
    }
  }

  /** The chain of entry `index` that begins at page `first` and has `length` bytes. */
  #chain(root: number, page: Page, index: number, first: number, length: number): void {
    const { pager } = this.#store
    let at = 0
    for (let id = first; id !== 0; ) {
      if (!this.#reach(id)) return
      const next = nextInChain(pager, id)
      const frame = pager.fetch(id)
      const word = pager.baseOf(frame) >>> 2
      at += pager.wordsOf(frame)[word + 1]!
      if (pager.wordsOf(frame)[word + 7] !== root) this.#say(`overflow page ${id} belongs to another tree`, id)
      id = next
    }
    if (at !== length) this.#say(`the chain of entry ${index} has ${at} bytes, not ${length}`, page.id)
  }

  /** Pages that are in use but in no tree. */
  unreached(): void {
    const { map } = this.#store
    for (let id = 1; id < map.capacity; id++) {
      if (map.kindOf(id) !== 0 && this.#reached[id] === 0) {
        this.#say(`page ${id} is in use but in no tree`, id, map.blockOf(id) * blockSize)
      }
    }
  }
}

/** What is wrong with what a page says about itself. */
function identityProblem(page: Page, root: number, id: number, level: number): string | undefined {
  if (page.kind !== pageKind.tree) return 'is no tree page'
  if (page.level !== level) return `has level ${page.level}, its parent says ${level}`
  if (page.id !== id) return `says it is page ${page.id}`
  if (page.root !== root) return `says it belongs to tree ${page.root}, not ${root}`
  return undefined
}

/** What is wrong with the layout of a page, before its entries are looked at. */
function layoutProblem(page: Page): string | undefined {
  const slotsEnd = (page.slots - page.word) * 4 + page.count * 8
  if (slotsEnd > page.cellStart || page.cellStart > page.size) return 'has slots and cells that overlap'
  let live = 0
  for (let i = 0; i < page.count; i++) {
    const cell = page.cell(i) - page.base
    if (cell < page.cellStart || cell + page.cellHeader > page.size)
      return `has the cell of entry ${i} outside its cells`
    const length = page.cellLength(i)
    if (cell + length > page.size) return `has the cell of entry ${i} outside itself`
    live += length
    const start = page.suffixStart(i)
    const headLength = Math.min(page.suffixLength(i), page.keyHeadMax - page.prefixLength)
    if (page.words[page.slots + i * 2] !== headOf(page.bytes, start, start + headLength)) {
      return `has a wrong head for entry ${i}`
    }
  }
  if (live !== page.liveCellBytes()) return `has cells of ${live} bytes, its header says ${page.liveCellBytes()}`
  return undefined
}
