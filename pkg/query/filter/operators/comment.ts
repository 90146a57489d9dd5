/** `$comment`, `$alwaysTrue`, `$alwaysFalse`: what does not look at documents. */

import { DatabaseError } from '../../../base/errors.ts'
import { bsonType } from '../../../bson/type.ts'
import { numberOf, type Value } from '../../../bson/value.ts'
import type { PathOperator, TopLevelOperator } from '../operator.ts'
import { conjunction } from '../tree.ts'

export const commentOperator: TopLevelOperator = { name: '$comment', parse: () => undefined }

/** Also taken beside the operators of a path. */
export const pathCommentOperator: PathOperator = { name: '$comment', parse: () => conjunction([]) }

export const constantOperators: readonly TopLevelOperator[] = [
  constant('$alwaysTrue', true),
  constant('$alwaysFalse', false),
]

function constant(name: string, value: boolean): TopLevelOperator {
  return {
    name,
    parse(operand) {
      checkOne(name, operand)
      return { kind: 'constant', value }
    },
  }
}

function checkOne(name: string, operand: Value): void {
  if (operand.type === bsonType.boolean || numberOf(operand) !== 1) {
    throw new DatabaseError('FailedToParse', `${name} must be an integer value of 1`)
  }
}
