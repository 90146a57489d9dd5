/** Coordinates in BSON: pairs of numbers of any type, as arrays or, where that is allowed, as documents with any names. */
import { bsonType, isNumber, typeAlias, type Value } from '../bson/type.ts'
import { numberOf } from '../bson/value.ts'
import { ElementWalker } from '../bson/walk.ts'
import { InvalidGeometry } from './invalid-geometry.ts'
import { Place } from './place.ts'
import type { Pair } from './planar.ts'
import { type Vector, vectorOf } from './vector.ts'

/** Reading a pair calls nothing that reads another. */
const walker = new ElementWalker()

/** `more`: whether further elements are passed over, such as a height. */
export function readPair(value: Value | undefined, more: 'refused' | 'ignored'): Pair {
  if (value === undefined || !isArrayOrDocument(value.type)) {
    throw new InvalidGeometry(`Point must be an array or object, instead got type ${typeOf(value)}`)
  }
  walker.reset(value.bytes, value.start)
  const x = readNumber()
  const y = readNumber()
  if (more === 'refused' && walker.next()) throw new InvalidGeometry('Point must only contain two numeric elements')
  if (!Number.isFinite(x) || !Number.isFinite(y)) throw new InvalidGeometry('Point coordinates must be finite numbers')
  return { x, y }
}

function readNumber(): number {
  const isThere = walker.next()
  if (!isThere || !isNumber(walker.type)) {
    const type = isThere ? typeAlias(walker.type) : 'missing'
    throw new InvalidGeometry(`Point must only contain numeric elements, instead got type ${type}`)
  }
  return numberOf(walker.value())
}

export function isOnSphere({ x, y }: Pair): boolean {
  return x >= -180 && x <= 180 && y >= -90 && y <= 90
}

/** The same pair, if it is longitude and latitude. */
export function onSphere(pair: Pair): Pair {
  if (isOnSphere(pair)) return pair
  throw new InvalidGeometry(`Longitude/latitude is out of bounds, lng: ${pair.x} lat: ${pair.y}`)
}

export function placeOf(pair: Pair): Place {
  const { x, y } = onSphere(pair)
  return new Place(vectorOf(x, y))
}

/** A position of GeoJSON, always an array. */
export function readPosition(value: Value): Vector {
  if (value.type !== bsonType.array) {
    throw new InvalidGeometry(`GeoJSON coordinates must be an array, instead got type ${typeOf(value)}`)
  }
  const { x, y } = onSphere(readPair(value, 'ignored'))
  return vectorOf(x, y)
}

export function isArrayOrDocument(type: number): boolean {
  return type === bsonType.array || type === bsonType.document
}

/** For messages. */
export function typeOf(value: Value | undefined): string {
  return value === undefined ? 'missing' : typeAlias(value.type)
}
