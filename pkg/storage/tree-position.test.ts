import { expect, test } from 'vitest'
import { SeededRandom } from '../sim/random.ts'
import { simulatedWorld } from '../sim/world.ts'
import { Store } from './store.ts'
import type { Tree } from './tree.ts'
import { TreePosition } from './tree-position.ts'

const value = new Uint8Array([1])

function treeOf(pageSizeBytes: number, keys: Iterable<number>): Tree {
  const options = { pageSizeBytes, cacheSizeBytes: 2048 * pageSizeBytes, compression: 'none' } as const
  const tree = Store.open(simulatedWorld(1), 'data', options).store.createTree()
  for (const n of keys) tree.put(key(n), 8, value, 0, 1)
  return tree
}

function key(n: number): Uint8Array {
  const bytes = new Uint8Array(8)
  new DataView(bytes.buffer).setBigUint64(0, BigInt(n))
  return bytes
}

test('counts the entries of an empty tree and of one leaf exactly', () => {
  expect(new TreePosition(treeOf(512, [])).entriesBetween(undefined, undefined)).toBe(0)
  const position = new TreePosition(treeOf(4096, [10, 20, 30, 40]))
  expect(position.entriesBetween(undefined, undefined)).toBe(4)
  expect(position.entriesBetween(key(10), key(40))).toBe(3)
  expect(position.entriesBetween(key(11), key(31))).toBe(2)
  expect(position.entriesBetween(key(41), undefined)).toBe(0)
  expect(position.entriesBetween(key(40), key(10))).toBe(0)
})

test('estimates ranges of high trees within a third, after random inserts and removals', () => {
  const random = new SeededRandom(7)
  const keys = new Set<number>()
  while (keys.size < 20000) keys.add(random.integer(1_000_000))
  const tree = treeOf(512, keys)
  for (const n of [...keys]) {
    if (random.integer(2) === 0) continue
    keys.delete(n)
    tree.delete(key(n), 8)
  }
  const position = new TreePosition(tree)
  const sorted = [...keys].sort((a, b) => a - b)
  // What it has seen of the tree tells it how full pages are.
  for (let i = 0; i < 100; i++) position.keyAt(i / 100, 100)
  for (let i = 0; i < 200; i++) {
    const from = random.integer(1_000_000)
    const to = from + random.integer(1_000_000 - from)
    const real = sorted.filter((n) => n >= from && n < to).length
    const estimated = position.entriesBetween(key(from), key(to))
    expect(Math.abs(estimated - real), `${from}..${to}: ${real}`).toBeLessThanOrEqual(20 + real / 3)
  }
})

test('counts the pages of low trees exactly, and of high ones within a fifth', () => {
  const pagesOf = (tree: Tree): number => {
    const page = tree.pager.view()
    const below = (id: number): number => {
      tree.pager.attach(page, tree.pager.fetch(id))
      const children = page.level === 0 ? [] : Array.from({ length: page.count + 1 }, (_, i) => page.child(i - 1))
      return children.reduce((sum, child) => sum + below(child), 1)
    }
    return below(tree.root)
  }
  for (const count of [0, 5, 40, 300]) {
    const tree = treeOf(512, Array(count).keys())
    expect(new TreePosition(tree).pageCount()).toBe(pagesOf(tree))
  }
  for (const seed of [1, 2, 3]) {
    const random = new SeededRandom(seed)
    const tree = treeOf(
      512,
      Array.from({ length: 20_000 }, () => random.integer(1_000_000)),
    )
    const real = pagesOf(tree)
    expect(Math.abs(new TreePosition(tree).pageCount() - real), `seed ${seed}: ${real}`).toBeLessThan(real / 5)
  }
})

test('finds keys by their share of the tree, in order', () => {
  const tree = treeOf(
    512,
    Array.from({ length: 5000 }, (_, i) => i),
  )
  const position = new TreePosition(tree)
  let last = -1
  for (let i = 0; i < 50; i++) {
    const found = Number(new DataView(position.keyAt(i / 50, 100)!.buffer).getBigUint64(0))
    expect(found).toBeGreaterThan(last)
    expect(Math.abs(found - i * 100)).toBeLessThan(250)
    last = found
  }
  expect(position.keyAt(0.5, 7)).toBeUndefined()
  expect(new TreePosition(treeOf(512, [])).keyAt(0.5, 100)).toBeUndefined()
})
