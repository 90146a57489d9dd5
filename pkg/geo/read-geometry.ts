/**
 * Geometries in BSON: GeoJSON (RFC 7946) as MongoDB takes it, and pairs of coordinates from before. Every problem is an `InvalidGeometry` with
 * MongoDB's message.
 */
import { bsonType, isNumber, type Value } from '../bson/type.ts'
import { documentFields, getField, stringOf } from '../bson/value.ts'
import { ElementWalker } from '../bson/walk.ts'
import { Chain } from './chain.ts'
import { isArrayOrDocument, onSphere, placeOf, readPair, typeOf } from './coordinates.ts'
import {
  type Geometry,
  joined,
  noParts,
  type PartsGeometry,
  type PointGeometry,
  type StoredGeometry,
} from './geometry.ts'
import { InvalidGeometry } from './invalid-geometry.ts'
import { Place } from './place.ts'
import type { Pair } from './planar.ts'
import { readPolygon, readStrictPolygon, readVertices, withoutRepetitions } from './read-polygon.ts'
import type { Line } from './region.ts'
import { isSame, opposite } from './vector.ts'

/**
 * The geometry that the value of a document's field is, or undefined for what is none. A polygon with a strict order of vertices is none.
 * Coordinates from before may be followed by whatever there is.
 */
export function readStored(type: number, bytes: Uint8Array, start: number): StoredGeometry | undefined {
  if (!isArrayOrDocument(type)) return undefined
  const value = { type, bytes, start, end: start }
  try {
    if (isNumber(bytes[start + 4]!)) return { kind: 'point', pair: readPair(value, 'ignored') }
    if (type === bsonType.array) return undefined
    const fields = fieldsOf(value)
    if (!isKnown(fields.type)) return undefined
    const geometry = readGeoJson(fields, value)
    return geometry.kind === 'strict' ? undefined : geometry
  } catch (error) {
    if (error instanceof InvalidGeometry) return undefined
    throw error
  }
}

/** What stands behind `$geometry`. */
export function readQueried(value: Value): Geometry {
  if (isPair(value)) return { kind: 'point', pair: readPair(value, 'refused') }
  return readGeoJson(fieldsOf(value), value)
}

/** As `readQueried`, where only a point will do; of GeoJSON the type may be missing. */
export function readQueriedPoint(value: Value): Pair {
  if (isPair(value)) return readPair(value, 'refused')
  const json = fieldsOf(value)
  if (json.hasType && json.type !== 'Point') {
    const type = isKnown(json.type) ? json.type : 'unknown'
    throw new InvalidGeometry(`Expected geojson geometry with type Point, but got type ${type}`)
  }
  return readPoint(json).pair
}

/** Whether an array or document is meant as two coordinates from before GeoJSON. */
export function isPair(value: Value): boolean {
  return value.type === bsonType.array || isNumber(value.bytes[value.start + 4]!)
}

interface GeoJson {
  /** undefined for what is no string. */
  readonly type: string | undefined
  readonly hasType: boolean
  readonly coordinates: Value | undefined
  readonly geometries: Value | undefined
  readonly crs: Value | undefined
}

/** The first of each name counts. */
function fieldsOf({ bytes, start }: Value): GeoJson {
  let type: Value | undefined
  let coordinates: Value | undefined
  let geometries: Value | undefined
  let crs: Value | undefined
  const walker = new ElementWalker().reset(bytes, start)
  while (walker.next()) {
    switch (walker.name()) {
      case 'type':
        type ??= walker.value()
        break
      case 'coordinates':
        coordinates ??= walker.value()
        break
      case 'geometries':
        geometries ??= walker.value()
        break
      case 'crs':
        crs ??= walker.value()
        break
    }
  }
  const name = type?.type === bsonType.string ? stringOf(type) : undefined
  return { type: name, hasType: type !== undefined, coordinates, geometries, crs }
}

type Reader = (json: GeoJson) => Geometry

const readers: Readonly<Record<string, Reader>> = {
  Point: readPoint,
  LineString: (json) => ({ ...noParts, lines: [readLine(strictlyBound(json))] }),
  Polygon: readPolygonGeometry,
  MultiPoint: readPlaces,
  MultiLineString: (json) => ({ ...noParts, lines: each(json, 'MultiLineString').map(readLine) }),
  MultiPolygon: (json) => ({ ...noParts, polygons: each(json, 'MultiPolygon').map(readPolygon) }),
  GeometryCollection: readCollection,
}

function isKnown(type: string | undefined): type is string {
  return type !== undefined && Object.hasOwn(readers, type)
}

function readGeoJson(json: GeoJson, whole: Value): Geometry {
  if (!isKnown(json.type)) throw new InvalidGeometry('unknown GeoJSON type: ', whole)
  return readers[json.type]!(json)
}

function readPoint({ crs, coordinates }: GeoJson): PointGeometry {
  readReferenceSystem(crs)
  return { kind: 'point', pair: onSphere(readPair(coordinates, 'ignored')) }
}

function readPolygonGeometry({ crs, coordinates }: GeoJson): Geometry {
  if (readReferenceSystem(crs, true) === 'strict') return { kind: 'strict', region: readStrictPolygon(coordinates) }
  return { ...noParts, polygons: [readPolygon(coordinates)] }
}

function readPlaces(json: GeoJson): PartsGeometry {
  const places = readVertices(strictlyBound(json)).map((vector) => new Place(vector))
  if (places.length === 0) throw new InvalidGeometry('MultiPoint coordinates must have at least 1 element')
  return { ...noParts, places }
}

function readLine(coordinates: Value | undefined): Line {
  const vertices = withoutRepetitions(readVertices(coordinates))
  if (vertices.length < 2) {
    const message = `GeoJSON LineString must have at least 2 vertices, instead got ${vertices.length} vertices: `
    throw new InvalidGeometry(message, coordinates!)
  }
  const before = vertices.findIndex((vertex, i) => i > 0 && isSame(vertex, opposite(vertices[i - 1]!))) - 1
  if (before >= 0) {
    const flaw = `Vertices ${before} and ${before + 1} are identical or antipodal`
    throw new InvalidGeometry(`GeoJSON LineString is not valid: ${flaw} `, coordinates!)
  }
  return new Chain(vertices, false)
}

/** The elements of the coordinates of a geometry with several parts. */
function each(json: GeoJson, type: string): Value[] {
  const coordinates = strictlyBound(json)
  if (coordinates?.type !== bsonType.array) {
    throw new InvalidGeometry(`${type} coordinates must be an array, instead got type ${typeOf(coordinates)}`)
  }
  const elements = [...documentFields(coordinates.bytes, coordinates.start)]
  if (elements.length === 0) throw new InvalidGeometry(`${type} coordinates must have at least 1 element`)
  return elements
}

function readCollection({ geometries }: GeoJson): PartsGeometry {
  if (geometries?.type !== bsonType.array) {
    throw new InvalidGeometry(`GeometryCollection geometries must be an array, instead got type ${typeOf(geometries)}`)
  }
  const parts: PartsGeometry[] = []
  let position = 0
  for (const element of documentFields(geometries.bytes, geometries.start)) {
    parts.push(readMember(element, position++))
  }
  if (parts.length === 0) throw new InvalidGeometry('GeometryCollection geometries must have at least 1 element')
  return joined(parts)
}

function readMember(element: Value, position: number): PartsGeometry {
  if (element.type !== bsonType.document) {
    const message = `Element ${position} of "geometries" must be an object, instead got type ${typeOf(element)}: `
    throw new InvalidGeometry(message, element)
  }
  const json = fieldsOf(element)
  if (!isKnown(json.type)) throw new InvalidGeometry('Unknown GeoJSON type: ', element)
  if (json.type === 'GeometryCollection') {
    throw new InvalidGeometry('GeometryCollections cannot be nested: ', element)
  }
  const geometry = readers[json.type]!(json)
  switch (geometry.kind) {
    case 'parts':
      return geometry
    case 'point':
      return { ...noParts, places: [placeOf(geometry.pair)] }
    case 'strict':
      throw new InvalidGeometry('Strict winding order CRS is only supported by polygon')
  }
}

/** The coordinates of what cannot have the strict order of vertices. */
function strictlyBound({ crs, coordinates }: GeoJson): Value | undefined {
  readReferenceSystem(crs)
  return coordinates
}

/** `strict`: whether the order of vertices may matter. */
function readReferenceSystem(crs: Value | undefined, strict = false): 'default' | 'strict' {
  if (crs === undefined) return 'default'
  if (!isArrayOrDocument(crs.type)) {
    throw new InvalidGeometry(`GeoJSON CRS must be an object, instead got type ${typeOf(crs)}`)
  }
  const type = getField(crs.bytes, 'type', crs.start)
  if (type?.type !== bsonType.string || stringOf(type) !== 'name') {
    throw new InvalidGeometry('GeoJSON CRS must have field "type": "name"')
  }
  const properties = getField(crs.bytes, 'properties', crs.start)
  if (properties === undefined || !isArrayOrDocument(properties.type)) {
    throw new InvalidGeometry(
      `CRS must have field "properties" which is an object, instead got type ${typeOf(properties)}`,
    )
  }
  const name = getField(properties.bytes, 'name', properties.start)
  if (name?.type !== bsonType.string) {
    throw new InvalidGeometry(`In CRS, "properties.name" must be a string, instead got type ${typeOf(name)}`)
  }
  switch (stringOf(name)) {
    case 'urn:ogc:def:crs:OGC:1.3:CRS84':
    case 'EPSG:4326':
      return 'default'
    case 'urn:x-mongodb:crs:strictwinding:EPSG:4326':
      if (!strict) throw new InvalidGeometry('Strict winding order CRS is only supported by polygon')
      return 'strict'
    default:
      throw new InvalidGeometry(`Unknown CRS name: ${stringOf(name)}`)
  }
}
