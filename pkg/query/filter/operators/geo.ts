/** `$geoWithin` (also called `$within`) and `$geoIntersects`: where a geometry lies. */
import { DatabaseError } from '../../../base/errors.ts'
import { bsonType } from '../../../bson/type.ts'
import { documentFields, type Value } from '../../../bson/value.ts'
import { isArrayOrDocument } from '../../../geo/coordinates.ts'
import { regionsOf } from '../../../geo/geometry.ts'
import { InvalidGeometry, shownField } from '../../../geo/invalid-geometry.ts'
import { type GeometryTest, meeting, withinRegions, withinShape } from '../../../geo/match.ts'
import { readQueried } from '../../../geo/read-geometry.ts'
import { readBox, readCap, readCircle, readPlanarPolygon } from '../../../geo/read-shape.ts'
import type { PathOperator } from '../operator.ts'
import type { GeoFilter } from '../tree.ts'

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
        return { kind: 'geo', path, operator, operand, test: parseGeometry(name, operand, siblings, testOf) }
      } catch (error) {
        if (error instanceof InvalidGeometry) throw new DatabaseError('BadValue', error.description)
        throw error
      }
    },
  }
}

function parseGeometry(name: string, operand: Value, siblings: Value, testOf: TestMaker): GeometryTest {
  const [, extra] = documentFields(siblings.bytes, siblings.start)
  if (extra !== undefined) throw new InvalidGeometry(`can't parse extra field: ${shownField(extra)}`)
  if (operand.type !== bsonType.document) throw new InvalidGeometry('geometry must be an object')
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
