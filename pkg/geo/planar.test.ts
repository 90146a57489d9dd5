import { expect, test } from 'vitest'
import { Box, Circle, type Pair, PlanarPolygon } from './planar.ts'
import { randomFrom } from './testdata/random-sphere.ts'

const pairs = (...coordinates: (readonly [number, number])[]): Pair[] => coordinates.map(([x, y]) => ({ x, y }))

test('a box has its border, from whichever corners it is made', () => {
  for (const [a, b] of [pairs([0, 0], [10, 5]), pairs([10, 5], [0, 0]), pairs([0, 5], [10, 0])]) {
    const box = new Box(a!, b!)
    expect([box.holds(0, 0), box.holds(10, 5), box.holds(5, 2), box.holds(5, 5.01), box.holds(-0.01, 2)]).toEqual([
      true,
      true,
      true,
      false,
      false,
    ])
  }
})

test('a circle has its border, also where differences are rounded', () => {
  const circle = new Circle({ x: 52, y: 0 }, 0.0001)
  expect([circle.holds(51.9999, 0), circle.holds(52.0001, 0), circle.holds(51.99989, 0)]).toEqual([true, true, false])
  const wide = new Circle({ x: 0, y: 0 }, 5)
  expect([wide.holds(3, 4), wide.holds(3.01, 4), wide.holds(5, 5)]).toEqual([true, false, false])
  expect(new Circle({ x: 0, y: 0 }, Number.POSITIVE_INFINITY).holds(1e300, -1e300)).toBe(true)
})

test('a polygon has its vertices, its level and its upright edges', () => {
  const square = new PlanarPolygon(pairs([0, 0], [0, 10], [10, 10], [10, 0]))
  for (const [x, y] of [
    [0, 0],
    [10, 10],
    [5, 0],
    [5, 10],
    [0, 5],
    [10, 5],
    [5, 5],
  ] as const) {
    expect(square.holds(x, y)).toBe(true)
  }
  for (const [x, y] of [
    [-1, 0],
    [11, 10],
    [5, -0.001],
    [5, 10.001],
    [20, 0],
  ] as const) {
    expect(square.holds(x, y)).toBe(false)
  }
})

test('a polygon may cross itself, and then has what is crossed an odd number of times', () => {
  const bow = new PlanarPolygon(pairs([0, 0], [10, 10], [10, 0], [0, 10]))
  expect([bow.holds(2, 4), bow.holds(8, 6), bow.holds(5, 2), bow.holds(5, 8)]).toEqual([true, true, false, false])
})

test('a polygon of many corners has the places that a ray to the right leaves it from', () => {
  const random = randomFrom(5)
  for (let i = 0; i < 30; i++) {
    const corners = Array.from({ length: 3 + Math.floor(random() * 200) }, () => ({
      x: random() * 10,
      y: random() * 10,
    }))
    const polygon = new PlanarPolygon(corners)
    for (let k = 0; k < 200; k++) {
      const [x, y] = [random() * 12 - 1, random() * 12 - 1]
      const crossings = corners.filter((a, at) => {
        const b = corners[(at + 1) % corners.length]!
        return a.y > y !== b.y > y && x < ((b.x - a.x) * (y - a.y)) / (b.y - a.y) + a.x
      })
      expect(polygon.holds(x, y)).toBe(crossings.length % 2 === 1)
    }
  }
})
