/** What parts of geometries regions are asked about; polygons, polygons beyond a hemisphere and caps answer. */
import type { Chain } from './chain.ts'
import type { Place } from './place.ts'
import type { Polygon } from './polygon.ts'

export type Line = Chain

/** A region that geometries may be within. */
export interface Region {
  /** Whether the place is in it or on its border. */
  readonly hasPlace: (place: Place) => boolean
  readonly containsLine: (line: Line) => boolean
  readonly containsPolygon: (polygon: Polygon) => boolean
}

/** A region with a border, which geometries may also meet. A place meets it where it has it. */
export interface BorderedRegion extends Region {
  readonly meetsLine: (line: Line) => boolean
  readonly meetsPolygon: (polygon: Polygon) => boolean
}
