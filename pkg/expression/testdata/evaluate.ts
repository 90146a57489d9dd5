/** Evaluates expressions written in extended JSON, for tests. */
import { parseExtendedJson, stringifyExtendedJson } from '../../bson/ejson.ts'
import { validateDocument } from '../../bson/validate.ts'
import { getField } from '../../bson/value.ts'
import { BsonWriter } from '../../bson/writer.ts'
import { ExpressionCompiler } from '../compile.ts'
import { missing } from '../expression.ts'
import { parseExpression } from '../parse.ts'
import { Scope } from '../scope.ts'

export const testNowMs = 1_700_000_000_000

/**
 * The value as relaxed extended JSON (`canonical`: as canonical), undefined when it is missing. It is evaluated twice, for
 * what an expression keeps from one document to the next must not show.
 */
export function evaluate(
  expression: string,
  document = '{}',
  canonical = false,
  scope = Scope.outermost(),
  stepsMax?: number,
): unknown {
  const source = getField(parseExtendedJson(`{"e":${expression}}`), 'e')!
  const compiler = new ExpressionCompiler()
  const compiled = compiler.compile(parseExpression(source, scope))
  const context = compiler.context(testNowMs)
  if (stepsMax !== undefined) context.stepsMax = stepsMax
  const bytes = parseExtendedJson(document)
  context.reset(bytes, 0, bytes.length)
  compiled(context)
  context.reset(bytes, 0, bytes.length)
  const value = compiled(context)
  if (value === missing) return undefined
  const writer = new BsonWriter()
  writer.beginDocument()
  writer.value('v', value)
  writer.end()
  const result = writer.finish()
  validateDocument(result, 0, result.length)
  return (JSON.parse(stringifyExtendedJson(result, { relaxed: !canonical })) as { v: unknown }).v
}

/** The code of the error it ends with, when parsed or evaluated. */
export function codeOf(expression: string, document?: string, scope?: Scope, stepsMax?: number): number {
  try {
    evaluate(expression, document, false, scope, stepsMax)
  } catch (error) {
    return (error as { code: number }).code
  }
  throw new Error(`${expression} was not refused`)
}
