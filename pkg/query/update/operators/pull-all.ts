import { DatabaseError } from '../../../base/errors.ts'
import { typeAlias } from '../../../bson/type.ts'
import { simpleOrder } from '../../../bson/value-order.ts'
import { onMissing, type UpdateOperator } from '../update.ts'
import { comparedNs, elementsOf, isArray, without } from './elements.ts'
import { ValueSearch } from './value-search.ts'

/** `{$pullAll: {path: [values]}}`: removes every element that equals one of the values. */
export const pullAll: UpdateOperator = {
  name: '$pullAll',
  parse(path, operand, target) {
    if (!isArray(operand)) {
      throw new DatabaseError(
        'BadValue',
        `$pullAll requires an array argument but was given a ${typeAlias(operand.type)}`,
      )
    }
    const order = target.collation ?? simpleOrder
    const search = new ValueSearch(elementsOf(operand), order)
    target.add(path, {
      operator: '$pullAll',
      nsPerByte: comparedNs(order),
      onMissing: () => onMissing.ignore,
      modify(existing) {
        if (existing === undefined) return undefined
        if (!isArray(existing)) throw new DatabaseError('BadValue', 'Cannot apply $pull to a non-array value')
        return without(existing, ({ type, bytes, start }) => search.find(type, bytes, start) !== undefined)
      },
    })
  },
}
