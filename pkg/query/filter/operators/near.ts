/**
 * `$near`, `$nearSphere`, `$geoNear`: what is nearest to a place, which only a geo index could tell. Their arguments are checked as MongoDB does; who
 * plans refuses them, since there are no geo indexes.
 */
import { DatabaseError } from '../../../base/errors.ts'
import { documentFields, documentValue, isNumber, numberOf, type Value } from '../../../bson/value.ts'
import { isArrayOrDocument, isOnSphere } from '../../../geo/coordinates.ts'
import { InvalidGeometry, shown, shownField } from '../../../geo/invalid-geometry.ts'
import type { Pair } from '../../../geo/planar.ts'
import { isPair, readQueriedPoint } from '../../../geo/read-geometry.ts'
import type { PathOperator } from '../operator.ts'
import { firstName } from '../operator-document.ts'
import { conjunction, type Filter } from '../tree.ts'

const nearNames: readonly string[] = ['$near', '$nearSphere', '$geoNear']

export const nearOperators: readonly PathOperator[] = [
  ...nearNames.map(near),
  ...['$minDistance', '$maxDistance', '$uniqueDocs'].map(option),
]

type Field = { readonly name: string } & Value

function near(name: string): PathOperator {
  return {
    name,
    parse(path, operand, _, siblings) {
      if (!nearNames.includes(firstName(siblings))) {
        throw new DatabaseError('BadValue', `near must be first in: ${shown(siblings)}`)
      }
      const fields = [...documentFields(siblings.bytes, siblings.start)]
      if (!isPairWithOptions(fields)) checkGeometry(fields, operand)
      return { kind: 'near', path }
    },
  }
}

/** Beside an operator that takes it, which has looked at it; it stands for nothing by itself. */
function option(name: string): PathOperator {
  return {
    name,
    parse(_path, _operand, _context, siblings): Filter {
      if (nearNames.includes(firstName(siblings))) return conjunction([])
      throw new DatabaseError('BadValue', `unknown operator: ${name}`)
    },
  }
}

/** `{$near: [x, y], $maxDistance: d}`, `{$near: [x, y, d]}`, `{$near: <GeoJSON point>}`; false where it may be `{$near: {$geometry: ...}}`. */
function isPairWithOptions(fields: readonly Field[]): boolean {
  let hasPlace = false
  for (const field of fields) {
    if (nearNames.includes(field.name)) {
      if (!isArrayOrDocument(field.type)) return false
      const place = placeOf(field)
      if (place !== undefined) {
        hasPlace = true
        if (field.name === '$nearSphere' && !isOnSphere(place)) {
          throw new DatabaseError('BadValue', 'Legacy point is out of bounds for spherical query')
        }
      } else if (![...documentFields(field.bytes, field.start)].some(({ name }) => name === '$geometry')) {
        throw new DatabaseError('BadValue', `invalid point provided to geo near query: ${shown(asDocument(field))}`)
      }
    } else if (field.name === '$minDistance') checkDistance(field, 16893, 16894)
    else if (field.name === '$maxDistance') checkDistance(field, 16895, 16896)
    else if (field.name !== '$uniqueDocs') {
      throw new DatabaseError(34413, `invalid argument in geo near query: ${field.name}`)
    }
  }
  return hasPlace
}

function placeOf(field: Field): Pair | undefined {
  try {
    return readQueriedPoint(field)
  } catch (error) {
    if (!(error instanceof InvalidGeometry)) throw error
  }
  const [x, y, distance, ...more] = documentFields(field.bytes, field.start)
  if (distance === undefined || more.length > 0 || ![x!, y!, distance].every(({ type }) => isNumber(type)))
    return undefined
  if (!(numberOf(distance) >= 0)) throw new DatabaseError(18522, 'max distance must be non-negative')
  return { x: numberOf(x!), y: numberOf(y!) }
}

function checkDistance(field: Field, notNumber: number, negative: number): void {
  if (!isNumber(field.type)) throw new DatabaseError(notNumber, `${field.name} must be a number`)
  if (!(numberOf(field) >= 0)) throw new DatabaseError(negative, `${field.name} must be non-negative`)
}

/** `{$near: {$geometry: <GeoJSON point>, $minDistance: m, $maxDistance: m}}` */
function checkGeometry(fields: readonly Field[], operand: Value): void {
  const extra = fields[1]
  if (extra !== undefined) {
    const message = 'geo near accepts just one argument when querying for a GeoJSON point. Extra field found: '
    throw new DatabaseError('BadValue', `${message}${shownField(extra)}`)
  }
  if (!isArrayOrDocument(operand.type)) {
    throw new DatabaseError('BadValue', 'geo near query argument is not an object')
  }
  let hasGeometry = false
  for (const field of documentFields(operand.bytes, operand.start)) {
    if (field.name === '$geometry') {
      if (!isArrayOrDocument(field.type)) continue
      checkPoint(field)
      hasGeometry = true
    } else if (field.name === '$minDistance' || field.name === '$maxDistance') {
      if (!isNumber(field.type)) throw new DatabaseError('BadValue', `${field.name} must be a number`)
      const distance = numberOf(field)
      if (!(distance >= 0 && Number.isFinite(distance))) {
        throw new DatabaseError('BadValue', `${field.name} must be non-negative`)
      }
    } else {
      throw new DatabaseError('BadValue', `invalid argument in geo near query: ${field.name}`)
    }
  }
  if (!hasGeometry) throw new DatabaseError('BadValue', '$geometry is required for geo near query')
}

function checkPoint(field: Field): void {
  const given = shown(asDocument(field))
  try {
    readQueriedPoint(field)
  } catch (error) {
    if (!(error instanceof InvalidGeometry)) throw error
    const message = `invalid point in geo near query $geometry argument: ${given}  ${error.description}`
    throw new DatabaseError('BadValue', message)
  }
  if (isPair(field)) throw new DatabaseError('BadValue', `$near requires geojson point, given ${given}`)
}

/** An array is shown as a document here. */
function asDocument({ bytes, start, end }: Value): Value {
  return documentValue(bytes.subarray(start, end))
}
