import { expect, it } from 'vitest'
import { SeededRandom } from '../sim/random.ts'
import { Extents, extentBlocksMax, headBlocks } from './extents.ts'

it('never hands out a block twice, finds what is free, and counts', () => {
  const random = new SeededRandom(1)
  const extents = new Extents()
  extents.grow(10_000)
  const owner = new Int32Array(20_000)
  const held: { block: number; count: number }[] = []
  let used = headBlocks
  for (let step = 1; step < 30_000; step++) {
    if (step === 15_000) extents.grow(20_000)
    if (random.chance(0.45) && held.length > 0) {
      const at = random.integer(held.length)
      const { block, count } = held[at]!
      held[at] = held[held.length - 1]!
      held.pop()
      owner.fill(0, block, block + count)
      extents.free(block, count)
      used -= count
    } else {
      const count = 1 + random.integer(random.chance(0.02) ? 300 : 8)
      const block = extents.allocate(count)
      if (block === 0) continue
      expect(block).toBeGreaterThanOrEqual(headBlocks)
      for (let b = block; b < block + count; b++) {
        if (owner[b] !== 0) expect.fail(`block ${b} is handed out twice`)
        owner[b] = step
      }
      held.push({ block, count })
      used += count
    }
    expect(extents.freeBlocks).toBe(extents.blocks - used)
  }
})

it('finds a run wherever it is, once the search has come round', () => {
  const extents = new Extents()
  extents.grow(3 * extentBlocksMax)
  const blocks: number[] = []
  for (let b = extents.allocate(1); b !== 0; b = extents.allocate(1)) blocks.push(b)
  expect(blocks).toHaveLength(3 * extentBlocksMax - headBlocks)
  for (const start of [100, extentBlocksMax + 7, 3 * extentBlocksMax - 5]) {
    extents.free(start, 5)
    expect(extents.allocate(6)).toBe(0)
    expect(extents.allocate(5)).toBe(start)
    expect(extents.allocate(1)).toBe(0)
  }
})

it('holds what was freed back until no superblock names it', () => {
  const extents = new Extents()
  extents.grow(headBlocks + 4)
  const block = extents.allocate(4)
  extents.freeAfter(7, block, 4)
  expect([extents.freeBlocks, extents.deferredBlocks, extents.usedBlocks]).toEqual([0, 4, headBlocks])
  extents.release(6)
  expect(extents.allocate(1)).toBe(0)
  extents.release(7)
  expect(extents.allocate(4)).toBe(block)
})

it('refuses to take what is taken, and to free what is free', () => {
  const extents = new Extents()
  extents.grow(100)
  expect(extents.take(10, 5)).toBe(true)
  expect(extents.take(14, 2)).toBe(false)
  expect(extents.take(99, 2)).toBe(false)
  expect(extents.take(1, 1)).toBe(false)
  expect(extents.isUsed(15)).toBe(false)
  expect(() => extents.free(20, 1)).toThrow('freed once')
})

it('shrinks by its free end', () => {
  const extents = new Extents()
  extents.grow(2 * extentBlocksMax)
  extents.take(50, 10)
  expect(extents.freeTail()).toBe(2 * extentBlocksMax - 60)
  extents.shrink(extents.freeTail())
  expect([extents.blocks, extents.freeBlocks]).toEqual([60, 48])
  expect(extents.allocate(49)).toBe(0)
  extents.take(2, 48)
  extents.grow(70)
  expect(extents.allocate(10)).toBe(60)
})
