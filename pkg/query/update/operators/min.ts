import { simpleOrder } from '../../../bson/value-order.ts'
import { onMissing, type UpdateOperator } from '../update.ts'

/** `{$min: {path: value}}`: sets the value when it is less than the field's, by the order over all types. */
export const min: UpdateOperator = {
  name: '$min',
  parse(path, operand, target) {
    const { compare } = target.collation ?? simpleOrder
    target.add(path, {
      operator: '$min',
      onMissing: () => onMissing.create,
      modify: (existing) => (existing === undefined || compare(operand, existing) < 0 ? operand : existing),
    })
  },
}
