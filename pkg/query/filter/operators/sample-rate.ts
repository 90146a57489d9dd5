/** `$sampleRate`: each document by chance. */
import { DatabaseError } from '../../../base/errors.ts'
import { buildDocument } from '../../../bson/build.ts'
import { documentValue, isNumber, numberOf } from '../../../bson/value.ts'
import type { TopLevelOperator } from '../operator.ts'
import { exprOperator } from './expr.ts'

export const sampleRateOperator: TopLevelOperator = {
  name: '$sampleRate',
  parse(operand, context) {
    if (!isNumber(operand.type)) throw new DatabaseError('BadValue', 'argument to $sampleRate must be a numeric type')
    const rate = numberOf(operand)
    if (!(rate >= 0 && rate <= 1)) {
      throw new DatabaseError('BadValue', 'numeric argument to $sampleRate must be in [0, 1]')
    }
    if (rate === 0 || rate === 1) return { kind: 'constant', value: rate === 1 }
    return exprOperator.parse(documentValue(buildDocument({ $lt: [{ $rand: {} }, rate] })), context)
  },
}
