import { addNumbers } from '../../../bson/number.ts'
import { bsonType } from '../../../bson/type.ts'
import { readInt32, type Value } from '../../../bson/value.ts'
import { type ApplyState, type Modifier, onMissing, type UpdateOperator } from '../update.ts'
import { overflow, refuseNonNumericField, refuseNonNumericOperand, sameNumber } from './arithmetic.ts'

/** `{$inc: {path: number}}`: adds, with int32 growing to int64, and int64 overflow refused. */
export const inc: UpdateOperator = {
  name: '$inc',
  parse(path, operand, target) {
    refuseNonNumericOperand('increment', path, operand)
    target.add(path, new Increment(operand))
  },
}

class Increment implements Modifier {
  readonly operator = '$inc'
  readonly #amount: Value
  /** The amount when it is an int32; int32 plus int32 is by far the most common, and has its own way without garbage. */
  readonly #amountInt32: number | undefined
  readonly #sum = new Uint8Array(4)
  readonly #sumValue: Value = { type: bsonType.int32, bytes: this.#sum, start: 0, end: 4 }

  constructor(amount: Value) {
    this.#amount = amount
    this.#amountInt32 = amount.type === bsonType.int32 ? readInt32(amount.bytes, amount.start) : undefined
  }

  onMissing(): typeof onMissing.create {
    return onMissing.create
  }

  modify(existing: Value | undefined, state: ApplyState, fieldName: string): Value {
    if (existing === undefined) return this.#amount
    const amount = this.#amountInt32
    if (amount !== undefined && existing.type === bsonType.int32) {
      const sum = readInt32(existing.bytes, existing.start) + amount
      if (sum === (sum | 0)) {
        const bytes = this.#sum
        bytes[0] = sum
        bytes[1] = sum >> 8
        bytes[2] = sum >> 16
        bytes[3] = sum >> 24
        return this.#sumValue
      }
    }
    refuseNonNumericField('$inc', existing, state, fieldName)
    const sum = addNumbers(existing, this.#amount)
    if (sum === undefined) throw overflow('$inc', existing, state)
    return sameNumber(sum, existing) ? existing : sum
  }
}
