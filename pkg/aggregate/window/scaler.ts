import { DatabaseError } from '../../base/errors.ts'
import { bsonType } from '../../bson/type.ts'
import { documentFields, doubleValue, isNumber, nullValue, numberOf, type Value } from '../../bson/value.ts'
import { type Expression, isNullish } from '../../expression/expression.ts'
import { parseExpression } from '../../expression/parse.ts'
import { max } from '../accumulators/max.ts'
import { min } from '../accumulators/min.ts'
import { wholePartition } from './frame.ts'
import { framedFunction } from './framed.ts'
import type { WindowFunctionDefinition } from './window-function.ts'

/** `{$minMaxScaler: {input, min, max}}`: where the value lies between the least and the greatest of the frame, on a scale from min to max. */
export const minMaxScaler: WindowFunctionDefinition = {
  name: '$minMaxScaler',
  parse(operand, { scope, frame }) {
    if (operand.type !== bsonType.document) {
      throw new DatabaseError('FailedToParse', '$minMaxScaler expects an object')
    }
    let input: Expression | undefined
    let least = 0
    let greatest = 1
    let inputValue: Value = nullValue
    for (const field of documentFields(operand.bytes, operand.start)) {
      if (field.name === 'input') {
        input = parseExpression(field, scope)
        inputValue = field
      } else if (field.name !== 'min' && field.name !== 'max') {
        throw new DatabaseError('FailedToParse', `$minMaxScaler got unexpected argument: ${field.name}`)
      } else if (!isNumber(field.type)) {
        throw new DatabaseError('FailedToParse', `'${field.name}' of $minMaxScaler must be a number`)
      } else if (field.name === 'min') least = numberOf(field)
      else greatest = numberOf(field)
    }
    if (input === undefined) throw new DatabaseError('FailedToParse', "$minMaxScaler requires an 'input' expression")
    if (!(least < greatest)) throw new DatabaseError('FailedToParse', "'min' of $minMaxScaler must be less than 'max'")
    const expression = input
    const within = frame ?? wholePartition
    const lows = framedFunction(min.parse(inputValue, scope), within)
    const highs = framedFunction(max.parse(inputValue, scope), within)
    return {
      compile(compiler) {
        const evaluate = compiler.compile(expression)
        const [openLow, openHigh] = [lows.compile(compiler), highs.compile(compiler)]
        return (partition, run) => {
          const [low, high] = [openLow(partition, run), openHigh(partition, run)]
          return {
            reset() {
              low.reset()
              high.reset()
            },
            valueOf(i) {
              const [from, to] = [low.valueOf(i), high.valueOf(i)]
              if (from === undefined || to === undefined) return undefined
              const value = partition.evaluate(i, evaluate)
              if (isNullish(value)) return nullValue
              if (!isNumber(value.type)) {
                throw new DatabaseError(10487001, "'input' of $minMaxScaler must evaluate to a number")
              }
              const width = numberOf(to) - numberOf(from)
              const share = width === 0 ? 0 : (numberOf(value) - numberOf(from)) / width
              return doubleValue(share * (greatest - least) + least)
            },
          }
        }
      },
    }
  },
}
