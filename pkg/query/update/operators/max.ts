import { simpleOrder } from '../../../bson/value-order.ts'
import { onMissing, type UpdateOperator } from '../update.ts'

/** `{$max: {path: value}}`: sets the value when it is greater than the field's, by the order over all types. */
export const max: UpdateOperator = {
  name: '$max',
  parse(path, operand, target) {
    const { compare } = target.collation ?? simpleOrder
    target.add(path, {
      operator: '$max',
      onMissing: () => onMissing.create,
      modify: (existing) => (existing === undefined || compare(operand, existing) > 0 ? operand : existing),
    })
  },
}
