import type { Value } from '../../../bson/value.ts'
import { type Modifier, onMissing, type UpdateOperator } from '../update.ts'

/** `{$set: {path: value}}` */
export const set: UpdateOperator = {
  name: '$set',
  parse(path, operand, target) {
    target.add(path, new SetValue(operand))
  },
}

export class SetValue implements Modifier {
  readonly operator = '$set'
  readonly value: Value

  constructor(value: Value) {
    this.value = value
  }

  onMissing(): typeof onMissing.create {
    return onMissing.create
  }

  modify(): Value {
    return this.value
  }
}
