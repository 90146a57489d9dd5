/** What an expression operator is, and the usual ways to take arguments. */
import { DatabaseError } from '../../base/errors.ts'
import { bsonType } from '../../bson/type.ts'
import { documentFields, type Value } from '../../bson/value.ts'
import type { ValueOrder } from '../../bson/value-order.ts'
import type { Evaluate, Expression } from '../expression.ts'
import type { Scope } from '../scope.ts'

/** Parses what stands inside an operator. Given to operators, which `parse.ts` knows and which cannot know it. */
export type ParseOperand = (value: Value, scope: Scope) => Expression

export interface Operator {
  /** With the `$`. */
  readonly name: string
  /** `operand`: what stands after the operator's name. */
  parse(operand: Value, scope: Scope, parse: ParseOperand): Expression
}

/** Makes the evaluation from those of the operands; `order`: how values compare where the operator stands. */
export type Make = (operands: readonly Evaluate[], order: ValueOrder) => Evaluate

function operatorOf(name: string, operands: readonly Expression[], make: Make, { order }: Scope): Expression {
  return { kind: 'operator', name, operands, make: (evaluates) => make(evaluates, order), foldable: true }
}

/** An operator of exactly `count` arguments; one argument may stand without an array. Errors: 16020. */
export function fixedOperator(name: string, count: number, make: Make): Operator {
  return {
    name,
    parse(operand, scope, parse) {
      const operands = parseArguments(operand, scope, parse)
      if (operands.length !== count) {
        throw new DatabaseError(
          16020,
          `Expression ${name} takes exactly ${count} arguments. ${operands.length} were passed in.`,
        )
      }
      return operatorOf(name, operands, make, scope)
    },
  }
}

/** An operator of `least` to `most` arguments. Errors: 28667. */
export function rangedOperator(name: string, least: number, most: number, make: Make): Operator {
  return {
    name,
    parse(operand, scope, parse) {
      const operands = parseArguments(operand, scope, parse)
      if (operands.length < least || operands.length > most) {
        throw new DatabaseError(
          28667,
          `Expression ${name} takes at least ${least} arguments, and at most ${most}, but ${operands.length} were passed in.`,
        )
      }
      return operatorOf(name, operands, make, scope)
    },
  }
}

/** An operator of any number of arguments, but at least `least`. */
export function variadicOperator(name: string, make: Make, least = 0): Operator {
  return {
    name,
    parse(operand, scope, parse) {
      const operands = parseArguments(operand, scope, parse)
      if (operands.length < least) {
        throw new DatabaseError(1257300, `${name} needs at least ${least} arguments, had: ${operands.length}`)
      }
      return operatorOf(name, operands, make, scope)
    },
  }
}

/** The elements of an array, or the one argument itself. */
export function parseArguments(operand: Value, scope: Scope, parse: ParseOperand): Expression[] {
  if (operand.type !== bsonType.array) return [parse(operand, scope)]
  return [...documentFields(operand.bytes, operand.start)].map((element) => parse(element, scope))
}
