/** `$where`: refused, always. */
import { DatabaseError } from '../../../base/errors.ts'
import type { TopLevelOperator } from '../operator.ts'

export const whereOperator: TopLevelOperator = {
  name: '$where',
  parse(_operand, context) {
    if (context.inElement) throw new DatabaseError('BadValue', '$where can only be applied to the top-level document')
    throw new DatabaseError('NotImplemented', '$where is not supported: JavaScript is not run here. Use $expr instead.')
  },
}
