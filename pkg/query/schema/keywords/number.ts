/** `minimum maximum exclusiveMinimum exclusiveMaximum multipleOf`: about numbers of every type. */
import { DatabaseError } from '../../../base/errors.ts'
import { isNumber, numberOf, type Value } from '../../../bson/value.ts'
import { comparisonTest } from '../../filter/operators/comparison.ts'
import { valueItself } from '../../path.ts'
import { remainderIsZero } from '../multiple.ts'
import { booleanOperand, numberOperand } from '../operands.ts'
import { type Keyword, sibling, specified } from '../schema.ts'

export const numberKeywords: readonly Keyword[] = [
  bound('minimum', 'exclusiveMinimum', 'gt', 'gte'),
  exclusive('exclusiveMinimum', 'minimum'),
  bound('maximum', 'exclusiveMaximum', 'lt', 'lte'),
  exclusive('exclusiveMaximum', 'maximum'),
  {
    name: 'multipleOf',
    parse: (operand) => {
      const divisor = numberOperand('multipleOf', operand)
      if (!(numberOf(divisor) > 0)) {
        throw new DatabaseError('FailedToParse', `$jsonSchema keyword 'multipleOf' must have a positive value`)
      }
      return {
        test: (type, bytes, start) => !isNumber(type) || remainderIsZero(type, bytes, start, divisor),
        explain: (value) => ({
          ...specified('multipleOf', operand),
          reason: 'considered value is not a multiple of the specified value',
          consideredValue: value,
        }),
      }
    },
  },
]

function bound(name: string, exclusiveName: string, strict: 'gt' | 'lt', inclusive: 'gte' | 'lte'): Keyword {
  return {
    name,
    parse: (operand, context) => {
      const value = numberOperand(name, operand)
      const exclusiveOperand = sibling(context, exclusiveName)
      const isStrict = exclusiveOperand !== undefined && booleanOperand(exclusiveName, exclusiveOperand)
      const holds = comparisonTest({
        kind: 'comparison',
        path: valueItself,
        operator: isStrict ? strict : inclusive,
        value,
      })
      return {
        test: (type, bytes, start) => !isNumber(type) || holds(type, bytes, start),
        explain: (considered: Value) => ({
          operatorName: name,
          specifiedAs:
            exclusiveOperand === undefined
              ? { [name]: operand }
              : { [name]: operand, [exclusiveName]: exclusiveOperand },
          reason: 'comparison failed',
          consideredValue: considered,
        }),
      }
    },
  }
}

function exclusive(name: string, boundName: string): Keyword {
  return {
    name,
    parse: (operand, context) => {
      booleanOperand(name, operand)
      if (sibling(context, boundName) === undefined) {
        throw new DatabaseError(
          'FailedToParse',
          `$jsonSchema keyword '${boundName}' must be a present if ${name} is present`,
        )
      }
      return undefined
    },
  }
}
