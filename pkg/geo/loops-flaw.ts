/** What may be wrong with the borders of one polygon together, each of which is right by itself. */
import { Effort } from './effort.ts'
import type { Loop } from './loop.ts'
import { relation } from './loop-relation.ts'
import { isSame } from './vector.ts'

/** `loops`: the shell, and regions that it contains. The message is to be followed by the polygon's coordinates. undefined: nothing is wrong. */
export function flawBetween(loops: readonly Loop[]): string | undefined {
  if (loops.length === 1) return undefined
  const neighbours = neighboursAmong(loops)
  for (const [a, b] of neighbours) {
    const shared = sharedEdge(loops[a]!, loops[b]!)
    if (shared !== undefined) {
      return `Polygon isn't valid: Duplicate edge: loop ${b}, edge ${shared.ofB} and loop ${a}, edge ${shared.ofA} `
    }
  }
  for (const [a, b] of neighbours) {
    if (relation(loops[a]!, loops[b]!) === 'crosses') return `Polygon isn't valid: Loop ${a} crosses loop ${b} `
  }
  const shell = loops[0]!
  for (let hole = 1; hole < loops.length; hole++) {
    const shared = loops[hole]!.vertices.filter((vertex) => shell.border.hasVertex(vertex))
    if (shared.length > 1) return `Loop ${hole} shares more than one vertex with its parent loop 0: `
  }
  for (const [a, b] of neighbours) {
    if (a > 0 && (relation(loops[a]!, loops[b]!) === 'contains' || relation(loops[b]!, loops[a]!) === 'contains')) {
      return 'Polygon interior loops cannot be nested: '
    }
  }
  return undefined
}

interface Extent {
  readonly loop: number
  readonly low: readonly [number, number, number]
  readonly high: readonly [number, number, number]
}

/** The pairs of loops whose borders or regions may touch: all with the shell, holes where they come near one another. */
function neighboursAmong(loops: readonly Loop[]): (readonly [number, number])[] {
  const pairs: (readonly [number, number])[] = []
  const holes = loops.map(extentOf).slice(1)
  for (const { loop } of holes) pairs.push([0, loop])
  holes.sort((a, b) => a.low[0] - b.low[0])
  const effort = new Effort()
  for (let i = 0; i < holes.length; i++) {
    const a = holes[i]!
    for (let j = i + 1; j < holes.length && holes[j]!.low[0] <= a.high[0]; j++) {
      effort.step()
      const b = holes[j]!
      const isApart = a.low[1] > b.high[1] || b.low[1] > a.high[1] || a.low[2] > b.high[2] || b.low[2] > a.high[2]
      if (!isApart) pairs.push(a.loop < b.loop ? [a.loop, b.loop] : [b.loop, a.loop])
    }
  }
  return pairs
}

/** A box around the region, which bulges beyond its vertices by no more than a sphere does over the straight way between any two of them. */
function extentOf({ vertices }: Loop, loop: number): Extent {
  const low: [number, number, number] = [1, 1, 1]
  const high: [number, number, number] = [-1, -1, -1]
  for (const { x, y, z } of vertices) {
    ;[x, y, z].forEach((coordinate, axis) => {
      low[axis] = Math.min(low[axis]!, coordinate)
      high[axis] = Math.max(high[axis]!, coordinate)
    })
  }
  const diagonal = Math.hypot(high[0] - low[0], high[1] - low[1], high[2] - low[2])
  const bulge = 1 - Math.sqrt(Math.max(0, 1 - diagonal ** 2)) + 1e-12
  return {
    loop,
    low: [low[0] - bulge, low[1] - bulge, low[2] - bulge],
    high: [high[0] + bulge, high[1] + bulge, high[2] + bulge],
  }
}

function sharedEdge(a: Loop, b: Loop): { readonly ofA: number; readonly ofB: number } | undefined {
  if (a.vertices.length < b.vertices.length) {
    const found = sharedEdge(b, a)
    return found && { ofA: found.ofB, ofB: found.ofA }
  }
  for (let ofB = 0; ofB < b.vertices.length; ofB++) {
    const [from, to] = [b.vertices[ofB]!, b.border.vertex(ofB + 1)]
    let ofA = -1
    const isShared = (edge: number) => {
      const [start, end] = [a.vertices[edge]!, a.border.vertex(edge + 1)]
      ofA = edge
      return (isSame(start, from) && isSame(end, to)) || (isSame(start, to) && isSame(end, from))
    }
    if (a.border.someAlong(from, to, isShared)) return { ofA, ofB }
  }
  return undefined
}
