import { DatabaseError } from '../../base/errors.ts'
import { NumberSum } from '../../bson/number-sum.ts'
import { bsonType } from '../../bson/type.ts'
import { int32Value, type Value } from '../../bson/value.ts'
import type { Accumulation, Accumulator } from './accumulator.ts'
import { SlidingSum } from './sliding-sum.ts'

const one = int32Value(1)

/** `{$count: {}}`: how many documents. */
export const count: Accumulator = {
  name: '$count',
  parse(operand) {
    if (operand.type !== bsonType.document || operand.bytes[operand.start + 4] !== 0) {
      throw new DatabaseError('TypeMismatch', '$count takes no arguments, i.e. $count:{}')
    }
    return {
      expression: { kind: 'constant', value: one },
      open: () => new Count(),
      openSliding: () => new SlidingSum('sum'),
    }
  },
}

class Count implements Accumulation {
  readonly usedBytes = 120
  readonly #sum = new NumberSum()

  add(value: Value): void {
    this.#sum.addValue(value)
  }

  result(): Value {
    return this.#sum.total()
  }
}
