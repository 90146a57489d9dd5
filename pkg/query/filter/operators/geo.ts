/** `$geoWithin` (also called `$within`) and `$geoIntersects`: where a geometry lies. */
import { isSameInput } from '../../../base/detour.ts'
import { DatabaseError } from '../../../base/errors.ts'
import { bsonType } from '../../../bson/type.ts'
import { documentFields, documentOf, documentValue, type Value } from '../../../bson/value.ts'
import { isArrayOrDocument } from '../../../geo/coordinates.ts'
import { regionsOf } from '../../../geo/geometry.ts'
import { InvalidGeometry, shownField } from '../../../geo/invalid-geometry.ts'
import { type GeometryTest, meeting, withinRegions, withinShape } from '../../../geo/match.ts'
import { readQueried } from '../../../geo/read-geometry.ts'
import { readBox, readCap, readCircle, readPlanarPolygon } from '../../../geo/read-shape.ts'
import type { PathOperator } from '../operator.ts'
import type { GeoFilter, SoughtGeometry } from '../tree.ts'

export const geoOperators: readonly PathOperator[] = [
  geo('$geoWithin', 'within', testWithin),
  geo('$within', 'within', testWithin),
  geo('$geoIntersects', 'intersects', testMeeting),
]

type Specified = { readonly name: string } & Value

/** Makes the test of what a field of the operand names. `siblings`: what is shown when it cannot be. */
type TestMaker = (specified: Specified, siblings: Value) => GeometryTest

function geo(name: string, operator: GeoFilter['operator'], testOf: TestMaker): PathOperator {
  return {
    name,
    parse(path, operand, _, siblings): GeoFilter {
      try {
        return { kind: 'geo', path, operator, sought: soughtBy(name, operand, siblings, testOf) }
      } catch (error) {
        if (error instanceof InvalidGeometry) throw new DatabaseError('BadValue', error.description)
        throw error
      }
    },
  }
}

/** Operands of no more bytes are parsed as quickly as they are looked for. */
const longOperandBytes = 4096
const recentMax = 4

/**
 * Long geometries that some filter still has: one that is parsed again and again, for each document joined or each position in an array, has
 * the one of the first time.
 */
const recent: { readonly name: string; readonly sought: WeakRef<SoughtGeometry> }[] = []

function soughtBy(name: string, operand: Value, siblings: Value, testOf: TestMaker): SoughtGeometry {
  const [, extra] = documentFields(siblings.bytes, siblings.start)
  if (extra !== undefined) throw new InvalidGeometry(`can't parse extra field: ${shownField(extra)}`)
  if (operand.type !== bsonType.document) throw new InvalidGeometry('geometry must be an object')
  if (operand.end - operand.start <= longOperandBytes) {
    return { operand, test: parseGeometry(name, operand, siblings, testOf) }
  }
  for (const known of recent) {
    const sought = known.sought.deref()
    if (known.name !== name || sought === undefined) continue
    if (isSameInput(documentOf(sought.operand), operand.bytes, operand.start, operand.end)) return sought
  }
  const test = parseGeometry(name, operand, siblings, testOf)
  const sought = { operand: documentValue(documentOf(operand).slice()), test }
  if (recent.length === recentMax) recent.shift()
  recent.push({ name, sought: new WeakRef(sought) })
  return sought
}

function parseGeometry(name: string, operand: Value, siblings: Value, testOf: TestMaker): GeometryTest {
  let test: GeometryTest | undefined
  for (const field of documentFields(operand.bytes, operand.start)) {
    if (test !== undefined && name === '$geoWithin') {
      throw new InvalidGeometry(`$geoWithin doesn't accept multiple shapes ${name}: `, operand)
    }
    // An option of long ago.
    if (field.name === '$uniqueDocs') continue
    if (!isArrayOrDocument(field.type)) throw unknownSpecifier(field)
    test = testOf(field, siblings)
  }
  if (test === undefined) throw new InvalidGeometry("geo query doesn't have any geometry")
  return test
}

function testWithin(field: Specified, siblings: Value): GeometryTest {
  switch (field.name) {
    case '$box':
      return withinShape(readBox(field))
    case '$polygon':
      return withinShape(readPlanarPolygon(field))
    case '$center':
      return withinShape(readCircle(field))
    case '$centerSphere':
      return withinRegions([readCap(field)])
    case '$geometry': {
      const regions = regionsOf(readQueried(field))
      if (regions.length === 0) {
        throw new InvalidGeometry('$within not supported with provided geometry: ', siblings)
      }
      return withinRegions(regions)
    }
    default:
      throw unknownSpecifier(field)
  }
}

function testMeeting(field: Specified, siblings: Value): GeometryTest {
  if (field.name === '$geometry') {
    const test = meeting(readQueried(field))
    if (test !== undefined) return test
  } else {
    // Whether it is a shape at all.
    testWithin(field, siblings)
  }
  throw new InvalidGeometry('$geoIntersect not supported with provided geometry: ', siblings)
}

function unknownSpecifier(field: Specified): InvalidGeometry {
  return new InvalidGeometry(`unknown geo specifier: ${shownField(field)}`)
}
