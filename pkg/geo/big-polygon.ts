/** A region beyond a hemisphere: the strict order of vertices says which side of a border is meant. It is taken as what its complement leaves. */
import type { Loop } from './loop.ts'
import { meets } from './loop-relation.ts'
import { cellSizeMax, type Place } from './place.ts'
import { Polygon } from './polygon.ts'
import type { BorderedRegion, Line } from './region.ts'

export class BigPolygon implements BorderedRegion {
  readonly #loop: Loop
  readonly #complement: Polygon

  constructor(loop: Loop) {
    this.#loop = loop
    this.#complement = new Polygon(loop.inverted())
  }

  hasPlace(place: Place): boolean {
    if (this.#loop.contains(place.vector)) return true
    return this.#loop.isNear(place.vector, cellSizeMax) && meets(this.#loop, place.cell)
  }

  containsLine(line: Line): boolean {
    return !this.#complement.meetsLine(line)
  }

  containsPolygon(polygon: Polygon): boolean {
    return !this.#complement.meetsPolygon(polygon)
  }

  meetsLine(line: Line): boolean {
    return this.#loop.contains(line.vertices[0]!) || this.#loop.border.touches(line)
  }

  /** Whoever meets a hole of a polygon, being beyond a hemisphere, also meets the polygon around it. */
  meetsPolygon(polygon: Polygon): boolean {
    return meets(this.#loop, polygon.shell)
  }
}
