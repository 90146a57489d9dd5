import { describe, expect, it } from 'vitest'
import { buildDocument } from '../bson/build.ts'
import { parseExtendedJson, stringifyExtendedJson } from '../bson/ejson.ts'
import { documentValue, getField } from '../bson/value.ts'
import { BsonWriter } from '../bson/writer.ts'
import { ExpressionCompiler } from './compile.ts'
import { missing } from './expression.ts'
import { parseExpression } from './parse.ts'
import { Scope } from './scope.ts'

const nowMs = 1_700_000_000_000

/** The value of an expression (in extended JSON) over a document, as canonical extended JSON; undefined when it is missing. */
function evaluate(expression: string, document = '{"_id":1}'): unknown {
  const source = getField(parseExtendedJson(`{"e":${expression}}`), 'e')!
  const compiler = new ExpressionCompiler()
  const compiled = compiler.compile(parseExpression(source, Scope.outermost()))
  const context = compiler.context(nowMs)
  const bytes = parseExtendedJson(document)
  context.reset(bytes, 0, bytes.length)
  const value = compiled(context)
  if (value === missing) return undefined
  const writer = new BsonWriter()
  writer.beginDocument()
  writer.value('v', value)
  writer.end()
  return (JSON.parse(stringifyExtendedJson(writer.finish(), { relaxed: false })) as { v: unknown }).v
}

function code(expression: string, document?: string): number {
  try {
    evaluate(expression, document)
  } catch (error) {
    return (error as { code: number }).code
  }
  throw new Error('the expression was not refused')
}

const int = (n: number) => ({ $numberInt: String(n) })

describe('paths', () => {
  it('lead through documents, and map over arrays', () => {
    expect(evaluate('"$a.b"', '{"a":{"b":7}}')).toEqual(int(7))
    expect(evaluate('"$a.b"', '{"a":[{"b":1},{"c":2},5,{"b":3}]}')).toEqual([int(1), int(3)])
    expect(evaluate('"$a.b.c"', '{"a":[{"b":[{"c":1}]},{"b":{"c":2}}]}')).toEqual([[int(1)], int(2)])
    expect(evaluate('"$a.b"', '{"a":5}')).toBeUndefined()
    expect(evaluate('"$$ROOT.a"', '{"a":5}')).toEqual(int(5))
    expect(evaluate('"$$ROOT"', '{"a":5}')).toEqual({ a: int(5) })
  })

  it('are refused with the codes of their faults', () => {
    expect(code('"$"')).toBe(16872)
    expect(code('"$$"')).toBe(9)
    expect(code('"$a."')).toBe(40353)
    expect(code('"$a..b"')).toBe(15998)
    expect(code('"$a.$b"')).toBe(16410)
    expect(code('"$$nobody"')).toBe(17276)
  })
})

describe('documents and arrays', () => {
  it('leave out what is missing, or make it null', () => {
    expect(evaluate('{"x":"$a","y":"$nothing"}', '{"a":1}')).toEqual({ x: int(1) })
    expect(evaluate('["$a","$nothing"]', '{"a":1}')).toEqual([int(1), null])
    expect(evaluate('{"x":{"$literal":"$a"},"y":["$$REMOVE"]}')).toEqual({ x: '$a', y: [null] })
  })

  it('are refused when they mix operators and fields', () => {
    expect(code('{"$add":[1],"$foo":1}')).toBe(15983)
    expect(code('{"$foo":1}')).toBe(168)
    expect(code('{"a.b":1}')).toBe(16412)
  })
})

describe('operators', () => {
  it('compute with the widest type', () => {
    expect(evaluate('{"$add":[1,2]}')).toEqual(int(3))
    expect(evaluate('{"$add":[{"$numberInt":"2147483647"},1]}')).toEqual({ $numberLong: '2147483648' })
    expect(evaluate('{"$add":[{"$numberLong":"9223372036854775807"},1]}')).toEqual({
      $numberDouble: expect.any(String),
    })
    expect(evaluate('{"$multiply":[2,{"$numberDecimal":"1.5"}]}')).toEqual({ $numberDecimal: '3.0' })
    expect(evaluate('{"$divide":[1,2]}')).toEqual({ $numberDouble: '0.5' })
    expect(evaluate('{"$mod":[-7,3]}')).toEqual(int(-1))
    expect(evaluate('{"$add":[1,null]}')).toBeNull()
    expect(evaluate('{"$subtract":[{"$date":{"$numberLong":"1000"}},400]}')).toEqual({ $date: { $numberLong: '600' } })
    expect(code('{"$divide":[1,0]}')).toBe(2)
    expect(code('{"$add":["x",1]}')).toBe(14)
    expect(code('{"$subtract":[1]}')).toBe(16020)
  })

  it('compare over all types, missing first', () => {
    expect(evaluate('{"$cmp":["$nothing",null]}')).toEqual(int(-1))
    expect(evaluate('{"$eq":[1,{"$numberDouble":"1.0"}]}')).toBe(true)
    expect(evaluate('{"$lt":["a",[1]]}')).toBe(true)
    expect(evaluate('{"$gt":["$nothing",{"$minKey":1}]}')).toBe(true)
  })

  it('choose, and evaluate only what they choose', () => {
    expect(
      evaluate('{"$cond":{"if":{"$gt":["$a",1]},"then":"big","else":{"$divide":[1,"$zero"]}}}', '{"a":2,"zero":0}'),
    ).toBe('big')
    expect(evaluate('{"$ifNull":["$nothing",null,3]}')).toEqual(int(3))
    expect(evaluate('{"$and":[1,"x",{"$not":["$nothing"]}]}')).toBe(true)
    expect(evaluate('{"$or":[0,null,"$nothing"]}')).toBe(false)
    expect(evaluate('{"$let":{"vars":{"x":"$a"},"in":{"$add":["$$x","$$x"]}}}', '{"a":2}')).toEqual(int(4))
  })

  it('work on strings and arrays', () => {
    expect(evaluate('{"$concat":["a","$s"]}', '{"s":"b"}')).toBe('ab')
    expect(evaluate('{"$toUpper":"straße é"}')).toBe('STRAßE é')
    expect(evaluate('{"$size":"$a"}', '{"a":[1,2]}')).toEqual(int(2))
    expect(evaluate('{"$in":[{"$numberDouble":"2.0"},"$a"]}', '{"a":[1,2]}')).toBe(true)
    expect(evaluate('{"$arrayElemAt":["$a",-1]}', '{"a":[1,2]}')).toEqual(int(2))
    expect(code('{"$size":"$a"}', '{"a":1}')).toBe(17124)
    expect(code('{"$in":[1,2]}')).toBe(40081)
  })

  it('are evaluated when parsed, if all in them is constant', () => {
    const parse = (text: string) =>
      parseExpression(getField(parseExtendedJson(`{"e":${text}}`), 'e')!, Scope.outermost())
    expect(parse('{"$add":[1,{"$multiply":[2,3]}]}').kind).toBe('constant')
    expect(parse('{"a":[{"$add":[1,1]}]}').kind).toBe('constant')
    expect(parse('{"$add":[1,"$a"]}').kind).toBe('operator')
    expect(() => parse('{"$ifNull":["$a",{"$divide":[1,0]}]}')).toThrow(/by zero/)
    expect(() => parse('{"$add":[{"$divide":[1,0]},{"$subtract":[1]}]}')).toThrow(/exactly 2 arguments/)
    expect(evaluate('{"x":[{"$add":[1,1]},"$$REMOVE"],"y":"$$REMOVE"}')).toEqual({ x: [int(2), null] })
    expect(evaluate('{"$cond":[true,"$a",2]}', '{"a":7}')).toEqual(int(7))
  })

  it('take the time from the context', () => {
    expect(evaluate('"$$NOW"')).toEqual({ $date: { $numberLong: String(nowMs) } })
  })
})

describe('root fields', () => {
  it('are found whatever the order and number of names, document after document', () => {
    const compiler = new ExpressionCompiler()
    const source = documentValue(buildDocument({ a: '$a', b: '$b', n: '$name' }))
    const compiled = compiler.compile(parseExpression(source, Scope.outermost()))
    const context = compiler.context(nowMs)
    const documents: Record<string, unknown>[] = [
      { a: 1, b: 2, name: 'x' },
      { a: 3, b: 4, name: 'y' },
      { name: 'z', a: 5 },
      {},
      { a: 1, aa: 9, b: 2, nam: 1, name: 'w' },
      { b: 7 },
      ...Array.from({ length: 3 }, (_, i) =>
        Object.fromEntries([...Array.from({ length: 100 }, (_, k) => [`f${k}`, k]), ['name', `n${i}`], ['b', i]]),
      ),
    ]
    for (const document of [...documents, ...documents]) {
      const bytes = buildDocument(document)
      context.reset(bytes, 0, bytes.length)
      const { bytes: result, start, end } = compiled(context)
      const { a, b, name: n } = document
      expect(result.subarray(start, end)).toEqual(buildDocument({ a, b, n }))
    }
  })
})

describe('large values', () => {
  const text = 'x'.repeat(16_000_000)
  const numbers = JSON.stringify(Array.from({ length: 400_000 }, (_, i) => i % 100))

  it('may be gone through once, however large they are', () => {
    expect(evaluate('"$a.b"', `{"a":{"c":"${text}","b":7}}`)).toEqual(int(7))
    expect(evaluate('{"$size":{"$split":["$t","y"]}}', `{"t":"${text}"}`)).toEqual(int(1))
    expect(
      evaluate('{"$strLenBytes":{"$replaceAll":{"input":"$t","find":"y","replacement":"z"}}}', `{"t":"${text}"}`),
    ).toEqual(int(text.length))
    expect(evaluate('{"$regexMatch":{"input":"$t","regex":"y$"}}', `{"t":"${text}"}`)).toBe(false)
    expect(evaluate('{"$sum":"$n"}', `{"n":${numbers}}`)).toEqual(int(19_800_000))
    expect(evaluate('{"$type":{"$mergeObjects":["$$ROOT",{"b":1}]}}', `{"t":"${text}"}`)).toBe('object')
    const million = `{"n":[${'7,'.repeat(1_000_000)}8]}`
    expect(evaluate('{"$indexOfArray":["$n",8]}', million)).toEqual(int(1_000_000))
    expect(evaluate('{"$slice":["$n",-1]}', million)).toEqual([int(8)])
    expect(evaluate('{"$in":[8,"$n"]}', million)).toBe(true)
    expect(evaluate('{"$arrayElemAt":["$n",-1]}', million)).toEqual(int(8))
  })

  it('may not be gone through again and again', () => {
    const many = (expression: string) => `{"$map":{"input":{"$range":[0,50]},"in":${expression}}}`
    expect(code(many('{"$sum":"$n"}'), `{"n":${numbers}}`)).toBe(262)
    expect(code(many('{"$split":["$t","y"]}'), `{"t":"${text}"}`)).toBe(262)
    expect(code(many('"$a.b"'), `{"a":{"c":"${text}","b":7}}`)).toBe(262)
    const fields = Array.from({ length: 100_000 }, (_, i) => `"f${i}":0`).join(',')
    expect(code('{"$mergeObjects":["$$ROOT"]}', `{${fields}}`)).toBe(262)
    const sums = Array.from({ length: 20 }, () => '{"$sum":"$n"}').join(',')
    expect(code(`[${sums}]`, `{"n":${numbers}}`)).toBe(262)
  })
})
