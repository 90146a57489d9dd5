import { DatabaseError } from '../../../base/errors.ts'
import { typeAlias } from '../../../bson/type.ts'
import { isNumber, numberOf, type Value } from '../../../bson/value.ts'
import { describeElement, describeValue } from '../describe.ts'
import { onMissing, type UpdateOperator } from '../update.ts'
import { arrayOf, elementsOf, isArray } from './elements.ts'

/** `{$pop: {path: 1 | -1}}`: removes the last or the first element. */
export const pop: UpdateOperator = {
  name: '$pop',
  parse(path, operand, target) {
    const fromFront = isFront(path, operand)
    target.add(path, {
      operator: '$pop',
      onMissing: () => onMissing.check,
      modify(existing) {
        if (existing === undefined) return undefined
        if (!isArray(existing)) {
          throw new DatabaseError(
            'TypeMismatch',
            `Path '${path}' contains an element of non-array type '${typeAlias(existing.type)}'`,
          )
        }
        const elements = elementsOf(existing)
        if (elements.length === 0) return existing
        return arrayOf(fromFront ? elements.slice(1) : elements.slice(0, -1))
      },
    })
  },
}

function isFront(path: string, operand: Value): boolean {
  if (!isNumber(operand.type)) {
    throw new DatabaseError('FailedToParse', `Expected a number in: ${describeElement(path, operand).slice(1, -1)}`)
  }
  const number = numberOf(operand)
  if (number !== 1 && number !== -1) {
    throw new DatabaseError('FailedToParse', `$pop expects 1 or -1, found: ${describeValue(operand)}`)
  }
  return number === -1
}
