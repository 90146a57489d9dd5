/** `$slice` and `$elemMatch` in projections. */
import { DatabaseError } from '../../base/errors.ts'
import { buildDocument } from '../../bson/build.ts'
import { bsonType } from '../../bson/type.ts'
import { documentFields, isNumber, numberOf, type Value } from '../../bson/value.ts'
import type { Collation } from '../../collation/collation.ts'
import { collated, parseFilter } from '../filter/parse.ts'
import { refuseOperators } from '../filter/refused-operators.ts'
import type { ElemMatchAction, SliceAction } from './field-tree.ts'

/** undefined: not find's `$slice` of a number or two, but the expression of that name. Throws 28724. */
export function parseSliceAction(operand: Value, source: Value): SliceAction | undefined {
  if (isNumber(operand.type)) {
    const count = whole(operand)
    return count < 0 ? { kind: 'slice', skip: count, count: -count, source } : { kind: 'slice', skip: 0, count, source }
  }
  if (operand.type !== bsonType.array) return undefined
  const [skip, count, extra] = documentFields(operand.bytes, operand.start)
  if (skip === undefined || count === undefined || extra !== undefined) return undefined
  if (!isNumber(skip.type) || !isNumber(count.type)) return undefined
  if (whole(count) <= 0) throw new DatabaseError(28724, '$slice limit must be positive')
  return { kind: 'slice', skip: whole(skip), count: whole(count), source }
}

/** Towards zero; NaN is none. */
function whole(value: Value): number {
  return Math.trunc(numberOf(value)) || 0
}

/** Throws 31274 (no document), 31275 (a nested field), QueryFeatureNotAllowed, and what is wrong with the filter. */
export function parseElemMatchAction(
  path: string,
  operand: Value,
  source: Value,
  collation: Collation | undefined,
): ElemMatchAction {
  if (operand.type !== bsonType.document) {
    throw new DatabaseError(31274, `elemMatch: Invalid argument, object required, but got ${operand.type}`)
  }
  if (path.includes('.')) throw new DatabaseError(31275, 'Cannot use $elemMatch projection on a nested field')
  refuseOperators(operand, { $jsonSchema: 'QueryFeatureNotAllowed' })
  const filter = parseFilter(buildDocument({ [path]: { $elemMatch: operand } }), 0, collated(collation))
  if (filter.kind !== 'elemMatchDocument' && filter.kind !== 'elemMatchValue') {
    throw new DatabaseError('BadValue', '$elemMatch needs an Object')
  }
  return { kind: 'elemMatch', filter, source }
}
