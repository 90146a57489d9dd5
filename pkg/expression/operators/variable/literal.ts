import type { Operator } from '../operator.ts'

/** `{$literal: value}`: the value as it stands, neither path nor operator. */
export const literal: Operator = {
  name: '$literal',
  parse: (operand) => ({ kind: 'constant', value: operand }),
}
