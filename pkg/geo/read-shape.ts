/** Shapes of `$geoWithin` from before GeoJSON: `$box`, `$polygon`, `$center`, `$centerSphere`. */
import { isNumber, type Value } from '../bson/type.ts'
import { documentFields, nullValue, numberOf } from '../bson/value.ts'
import { Cap } from './cap.ts'
import { placeOf, readPair } from './coordinates.ts'
import { InvalidGeometry } from './invalid-geometry.ts'
import { Box, Circle, type Pair, PlanarPolygon } from './planar.ts'

/** Further elements than the two corners are passed over. */
export function readBox(value: Value): Box {
  const [a, b] = elementsOf(value)
  return new Box(readPair(a, 'refused'), readPair(b, 'refused'))
}

export function readPlanarPolygon(value: Value): PlanarPolygon {
  const corners = elementsOf(value).map((corner) => readPair(corner, 'refused'))
  if (corners.length < 3) {
    throw new InvalidGeometry(`Polygon must have at least 3 points, instead got ${corners.length} vertices`)
  }
  return new PlanarPolygon(corners)
}

export function readCircle(value: Value): Circle {
  const elements = elementsOf(value)
  const centre = readPair(elements[0], 'refused')
  return new Circle(centre, readRadius(elements))
}

/** The radius is in radians. */
export function readCap(value: Value): Cap {
  const elements = elementsOf(value)
  const centre: Pair = readPair(elements[0], 'refused')
  return new Cap(placeOf(centre), readRadius(elements))
}

function readRadius([, radius, ...rest]: readonly Value[]): number {
  if (radius === undefined || !isNumber(radius.type) || !(numberOf(radius) >= 0)) {
    throw new InvalidGeometry('Radius must be a non-negative number: ', radius ?? nullValue)
  }
  if (rest.length > 0) {
    throw new InvalidGeometry('Only 2 fields allowed for circular region, but more were provided')
  }
  return numberOf(radius)
}

function elementsOf({ bytes, start }: Value): Value[] {
  return [...documentFields(bytes, start)]
}
