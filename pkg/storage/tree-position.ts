/**
 * Where keys lie in a tree: how many entries are about between two of them, which key is about at a share of the whole, and how many pages it is.
 *
 * Both are read off the pages on the way down from the root: two descents for a range, one for a key, whatever the tree's size. A
 * range within one leaf is counted exactly; of a longer one the entries of its first and last leaf are, and what lies between is taken
 * to be as full as the pages that were on the way of late.
 */
import { heightMax, type Page } from './page.ts'
import type { Tree } from './tree.ts'

/** One way down: for each level the slot taken and how many the page has. In a branch slot -1 is the leftmost child. */
interface Way {
  readonly slots: Int32Array
  readonly counts: Int32Array
  height: number
}

function newWay(): Way {
  return { slots: new Int32Array(heightMax), counts: new Int32Array(heightMax), height: 0 }
}

/** Ways down that are taken before the pages of a tree are counted. */
const waysDown = 8

/** How much one page more counts for what the pages of its level hold on average. */
const novelty = 1 / 16

export class TreePosition {
  readonly #tree: Tree
  readonly #page: Page
  readonly #lower = newWay()
  readonly #upper = newWay()
  /** By level: entries of a leaf, children of a branch, on average; 0: none was seen. */
  readonly #fullness = new Float64Array(heightMax)

  constructor(tree: Tree) {
    this.#tree = tree
    this.#page = tree.pager.view()
  }

  /** About how many entries have lower <= key < upper; undefined is no bound. Throws QueryPlanKilled when the tree was dropped. */
  entriesBetween(lower: Uint8Array | undefined, upper: Uint8Array | undefined): number {
    const from = this.#lower
    const to = this.#upper
    this.#descend(lower, false, from)
    this.#descend(upper, true, to)
    let level = from.height
    while (level > 0 && from.slots[level] === to.slots[level]) level--
    const apart = to.slots[level]! - from.slots[level]!
    if (apart <= 0) return 0
    if (level === 0) return apart
    // Entries below one child of the level that is looked at, from the leaves up.
    let below = 0
    let entries = 0
    for (let at = 0; at <= level; at++) {
      const before = at === 0 ? to.slots[0]! : to.slots[at]! + 1
      const after = at === 0 ? from.counts[0]! - from.slots[0]! : from.counts[at]! - 1 - from.slots[at]!
      if (at === 0) {
        entries += before + after
        below = this.#fullness[0]!
      } else if (at < level) {
        entries += (before + after) * below
        below *= this.#fullness[at]!
      } else entries += (apart - 1) * below
    }
    return entries
  }

  /**
   * A copy of the key about `share` of the way through the tree, 0 <= share < 1; undefined when there is none, or it is longer
   * than `lengthMax`.
   */
  keyAt(share: number, lengthMax: number): Uint8Array | undefined {
    const tree = this.#tree
    if (tree.dropped) throw tree.goneError()
    const page = this.#page
    const { pager } = tree
    pager.attach(page, pager.fetch(tree.root))
    let left = share
    while (page.level !== 0) {
      this.#note(page)
      const place = left * (page.count + 1)
      const child = Math.min(page.count, Math.floor(place))
      left = place - child
      pager.attach(page, pager.fetch(page.child(child - 1)))
    }
    this.#note(page)
    if (page.count === 0) return undefined
    const index = Math.min(page.count - 1, Math.floor(left * page.count))
    return page.keyLength(index) > lengthMax ? undefined : page.keyCopy(index)
  }

  /** About how many pages the tree is, without those of values that are too long for a page; exact up to two levels. */
  pageCount(): number {
    const tree = this.#tree
    if (tree.dropped) throw tree.goneError()
    const page = this.#page
    tree.pager.attach(page, tree.pager.fetch(tree.root))
    const height = page.level
    if (height === 0) return 1
    const children = page.count + 1
    if (height > 1) for (let way = 0; way < waysDown; way++) this.keyAt((way + 0.5) / waysDown, 0)
    let pages = 1 + children
    let ofLevel = children
    for (let level = height - 1; level > 0; level--) {
      ofLevel *= this.#fullness[level]!
      pages += ofLevel
    }
    return Math.round(pages)
  }

  #note({ level, count }: Page): void {
    const held = level === 0 ? count : count + 1
    const before = this.#fullness[level]!
    this.#fullness[level] = before === 0 ? held : before + (held - before) * novelty
  }

  #descend(key: Uint8Array | undefined, last: boolean, way: Way): void {
    const tree = this.#tree
    if (tree.dropped) throw tree.goneError()
    const { pager } = tree
    const page = this.#page
    pager.attach(page, pager.fetch(tree.root))
    way.height = page.level
    for (;;) {
      const { level, count } = page
      const slot = key === undefined ? (last ? count : 0) : page.search(key, key.length)
      const place = slot >= 0 ? slot : ~slot
      this.#note(page)
      way.counts[level] = count
      if (level === 0) {
        way.slots[0] = place
        return
      }
      // Of the children the one before the first greater separator, unless the key is that separator.
      const child = key === undefined ? (last ? count - 1 : -1) : slot >= 0 ? slot : place - 1
      way.slots[level] = child
      pager.attach(page, pager.fetch(page.child(child)))
    }
  }
}
