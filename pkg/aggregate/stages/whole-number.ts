import { DatabaseError } from '../../base/errors.ts'
import { wholeInt64Of } from '../../bson/number.ts'
import { typeAlias } from '../../bson/type.ts'
import { isNumber, type Value } from '../../bson/value.ts'

/** The whole number that `$skip` and `$limit` take. Errors: `code` for anything else, or a negative one. */
export function wholeNumber(stage: string, code: number, operand: Value): number {
  const refuse = (what: string): never => {
    throw new DatabaseError(
      code,
      `invalid argument to ${stage} stage: ${what} in: ${stage}: ${typeAlias(operand.type)}`,
    )
  }
  if (!isNumber(operand.type)) return refuse('Expected a number')
  const number = wholeInt64Of(operand)
  if (number === undefined) return refuse('Expected an integer')
  if (number < 0n) return refuse('Expected a non-negative number')
  return Number(number)
}
