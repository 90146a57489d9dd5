import { multiplyNumbers } from '../../../bson/number.ts'
import { int32Value, type Value } from '../../../bson/value.ts'
import { onMissing, type UpdateOperator } from '../update.ts'
import { overflow, refuseNonNumericField, refuseNonNumericOperand, sameNumber } from './arithmetic.ts'

const int32Zero = int32Value(0)

/** `{$mul: {path: number}}`: multiplies; a missing field becomes a zero of the operand's type. */
export const mul: UpdateOperator = {
  name: '$mul',
  parse(path, operand, target) {
    refuseNonNumericOperand('multiply', path, operand)
    target.add(path, {
      operator: '$mul',
      onMissing: () => onMissing.create,
      modify(existing, state, fieldName): Value {
        if (existing !== undefined) refuseNonNumericField('$mul', existing, state, fieldName)
        const product = multiplyNumbers(existing ?? int32Zero, operand)
        if (product === undefined) throw overflow('$mul', existing ?? int32Zero, state)
        return existing !== undefined && sameNumber(product, existing) ? existing : product
      },
    })
  },
}
