/**
 * Constant folding: what depends on constants alone is evaluated once, when it is parsed. Its error is raised then, whether or
 * not there is ever a document, and whether or not the branch it stands in would ever be taken: MongoDB does the same.
 */
import { DatabaseError, errorCodes } from '../base/errors.ts'
import { arrayValue, documentValue, nullValue, type Value } from '../bson/value.ts'
import { BsonWriter, indexName } from '../bson/writer.ts'
import { EvaluationContext } from './context.ts'
import { type ConstantExpression, type Evaluate, type Expression, missing } from './expression.ts'
import { ownedValue } from './owned-value.ts'
import { RootFields } from './root-fields.ts'

export function foldConstants(expression: Expression): Expression {
  switch (expression.kind) {
    case 'constant':
    case 'path':
      return expression
    case 'object': {
      const fields = expression.fields.map(({ name, expression: inner }) => ({
        name,
        expression: foldConstants(inner),
      }))
      const values = constantsOf(fields.map((field) => field.expression))
      if (values === undefined) return { kind: 'object', fields }
      return constant(documentOfFields(fields.map(({ name }, i) => [name, values[i]!])))
    }
    case 'array': {
      const elements = expression.elements.map(foldConstants)
      const values = constantsOf(elements)
      if (values === undefined) return { kind: 'array', elements }
      return constant(arrayOfElements(values))
    }
    case 'operator': {
      if (expression.simplify !== undefined) return expression.simplify(foldConstants)
      const operands = expression.operands.map(foldConstants)
      const values = expression.foldable === true ? constantsOf(operands) : undefined
      if (values === undefined) return { ...expression, operands }
      const evaluate = expression.make(values.map((value) => () => value))
      return cheapConstant(evaluate) ?? { ...expression, operands }
    }
  }
}

/** The value, unless it takes long to compute or much memory to keep: then it is better computed when it is needed. */
function cheapConstant(evaluate: Evaluate): ConstantExpression | undefined {
  noContext.reset(noContext.bytes, noContext.start, noContext.end)
  try {
    const value = evaluate(noContext)
    return value.end - value.start > foldedSizeMax ? undefined : constant(ownedValue(value))
  } catch (error) {
    if (error instanceof DatabaseError && error.code === errorCodes.ExceededTimeLimit) return undefined
    throw error
  }
}

const foldedSizeMax = 64 * 1024

/** The values, if all are constants. */
function constantsOf(expressions: readonly Expression[]): Value[] | undefined {
  const values: Value[] = []
  for (const expression of expressions) {
    if (expression.kind !== 'constant') return undefined
    values.push(expression.value)
  }
  return values
}

function constant(value: Value): ConstantExpression {
  return { kind: 'constant', value }
}

/** What operators are evaluated against that read neither documents nor variables. */
const noContext = new EvaluationContext(0, new RootFields())
noContext.stepsMax = 100_000

function documentOfFields(fields: readonly (readonly [string, Value])[]): Value {
  const writer = new BsonWriter(64)
  writer.beginDocument()
  for (const [name, value] of fields) if (value !== missing) writer.value(name, value)
  writer.end()
  return documentValue(writer.finish())
}

function arrayOfElements(values: readonly Value[]): Value {
  const writer = new BsonWriter(64)
  writer.beginDocument()
  values.forEach((value, i) => {
    writer.value(indexName(i), value === missing ? nullValue : value)
  })
  writer.end()
  return arrayValue(writer.finish())
}
