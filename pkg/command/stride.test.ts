import { describe, expect, it } from 'vitest'
import { Stride } from './stride.ts'

/** Does units of work that take `msOf` each; returns the longest time between two looks, and how many there were. */
function walk(units: number, msOf: (unit: number) => number): { longestMs: number; looks: number } {
  const stride = new Stride(0)
  let nowMs = 0
  let lastMs = 0
  let longestMs = 0
  let looks = 0
  for (let unit = 0; unit < units; unit++) {
    nowMs += msOf(unit)
    if (!stride.passed(1)) continue
    looks++
    longestMs = Math.max(longestMs, nowMs - lastMs)
    lastMs = nowMs
    stride.looked(nowMs, false)
  }
  return { longestMs, looks }
}

describe('a stride', () => {
  it('looks at every unit of slow work', () => {
    expect(walk(100, () => 10).longestMs).toBe(10)
  })

  it('looks seldom while work is quick', () => {
    const { longestMs, looks } = walk(100_000, () => 0.001)
    expect(looks).toBeLessThan(300)
    expect(longestMs).toBeLessThan(1)
  })

  it('finds its size for work in between', () => {
    const { longestMs, looks } = walk(10_000, () => 0.1)
    expect(looks).toBeLessThan(3000)
    expect(longestMs).toBeLessThan(2)
  })

  it('does not take the time in which others ran for its own', () => {
    const stride = new Stride(0)
    for (let i = 0; i < 10; i++) stride.looked(i * 0.1, false)
    const { size } = stride
    stride.looked(1, true)
    stride.looked(1000, false)
    expect(stride.size).toBe(Math.min(512, size * 2))
  })
})
