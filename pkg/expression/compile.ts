/** Compiles expressions to functions from a context to a value. */

import { assert } from '../base/assert.ts'
import { bsonType } from '../bson/type.ts'
import type { Value } from '../bson/value.ts'
import { BsonWriter } from '../bson/writer.ts'
import { ArrayResult } from './array-result.ts'
import { EvaluationContext, outOfSteps } from './context.ts'
import {
  type ArrayExpression,
  type Evaluate,
  type Expression,
  missing,
  type ObjectExpression,
  type OperatorExpression,
  type PathExpression,
  rootVariable,
} from './expression.ts'
import { pathOfValue } from './field-path.ts'
import { refuseOversize } from './memory-limit.ts'
import { countedOperand, loops } from './operand-cost.ts'
import { resultOf } from './result.ts'
import { RootFields } from './root-fields.ts'
import { type ExpressionSource, sourceOf } from './source.ts'

/** A constant of so many bytes costs nothing to speak of. */
const smallBytes = 64

/** Bytes that a path looks through in the time of a step. */
const pathBytesPerStep = 32
const pathBytesIncluded = 128

/** A value that a path goes through; `isInLoop`: for each element of an array. */
function counted(context: EvaluationContext, value: Value, isInLoop: boolean): Value {
  const sizeBytes = value.end - value.start
  if (sizeBytes <= pathBytesIncluded) return value
  const steps = sizeBytes / pathBytesPerStep
  if (isInLoop) context.spend(steps)
  else context.spendOnce(steps, sizeBytes)
  return value
}

/**
 * Compiles the expressions that are evaluated together against the same documents, so that the fields they read are found
 * in one walk. What it compiles goes with the contexts it makes, and with no others.
 */
export class ExpressionCompiler {
  readonly #fields = new RootFields()
  /** Of what is being compiled: the loops around it. */
  #loopDepth = 0
  /** Of the expressions that may take long, in the order in which they were compiled. */
  readonly #sources: ExpressionSource[] = []

  /** To be made when everything has been compiled. `nowMs`: `$$NOW`, in milliseconds since the epoch. */
  context(nowMs: number, random?: () => number): EvaluationContext {
    return new EvaluationContext(nowMs, this.#fields, random)
  }

  /** An expression that stands by itself: what takes too many steps of it can be computed elsewhere. */
  compile(expression: Expression): Evaluate {
    if (takesNoSteps(expression)) return this.#compile(expression)
    const source = sourceOf(expression)
    if (source === undefined) return this.#compileParts(expression)
    const evaluate = this.#compile(expression)
    const sources = this.#sources
    const at = sources.push(source) - 1
    return (context) => {
      const { known } = context
      if (known?.has(at) === true) return known.value(at)
      try {
        return evaluate(context)
      } catch (error) {
        throw error === outOfSteps ? context.detour(sources, at) : error
      }
    }
  }

  /** An expression that is evaluated several times for one document: throws `outOfSteps`, of which whoever evaluates it makes a detour. */
  compilePart(expression: Expression): Evaluate {
    return this.#compile(expression)
  }

  /** What a stage has put together: an operator of its own, whose operands stand by themselves. */
  #compileParts(expression: Expression): Evaluate {
    assert(expression.kind === 'operator', 'what is no operator was written by somebody')
    return expression.make(expression.operands.map((operand) => this.compile(operand)))
  }

  #compile(expression: Expression): Evaluate {
    switch (expression.kind) {
      case 'constant': {
        const { value } = expression
        return () => value
      }
      case 'path':
        return this.#compilePath(expression)
      case 'object':
        return this.#compileObject(expression)
      case 'array':
        return this.#compileArray(expression)
      case 'operator':
        return expression.make(this.#compileOperands(expression))
    }
  }

  #compileOperands({ name, operands }: OperatorExpression): Evaluate[] {
    const isInLoop = this.#loopDepth > 0
    const isLoop = loops.has(name)
    if (isLoop) this.#loopDepth++
    const evaluates = operands.map((operand) => {
      const evaluate = this.#compile(operand)
      const isSmall = operand.kind === 'constant' && operand.value.end - operand.value.start <= smallBytes
      return isSmall ? evaluate : countedOperand(name, evaluate, isInLoop)
    })
    if (isLoop) this.#loopDepth--
    return evaluates
  }

  #compilePath({ variable, names }: PathExpression): Evaluate {
    const isInLoop = this.#loopDepth > 0
    if (variable === rootVariable) {
      const [first, ...rest] = names
      if (first === undefined) return (context) => context.root()
      const slot = this.#fields.slotOf(first)
      if (rest.length === 0) return (context) => context.field(slot)
      const path = pathOfValue(rest)
      return (context) => path(counted(context, context.field(slot), isInLoop))
    }
    if (names.length === 0) return (context) => context.variables[variable] ?? missing
    const path = pathOfValue(names)
    return (context) => path(counted(context, context.variables[variable] ?? missing, isInLoop))
  }

  /** A field whose value is missing is left out. */
  #compileObject({ fields }: ObjectExpression): Evaluate {
    const names = fields.map(({ name }) => name)
    const values = fields.map(({ expression }) => this.#compile(expression))
    const writer = new BsonWriter(128)
    return (context) => {
      writer.reset()
      writer.beginDocument()
      for (let i = 0; i < values.length; i++) {
        const value = values[i]!(context)
        if (value === missing) continue
        refuseOversize(writer.length + value.end - value.start)
        writer.value(names[i]!, value)
      }
      writer.end()
      return resultOf(context, bsonType.document, writer)
    }
  }

  /** An element whose value is missing is null. */
  #compileArray({ elements }: ArrayExpression): Evaluate {
    const values = elements.map((element) => this.#compile(element))
    const result = new ArrayResult()
    return (context) => {
      result.reset()
      for (const value of values) result.add(value(context))
      return result.value(context)
    }
  }
}

function takesNoSteps(expression: Expression): boolean {
  if (expression.kind === 'constant') return true
  if (expression.kind !== 'path') return false
  return expression.names.length <= (expression.variable === rootVariable ? 1 : 0)
}
