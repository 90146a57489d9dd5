import { describe, expect, it } from 'vitest'
import { timestampOf } from '../../../base/timestamp.ts'
import { buildDocument } from '../../../bson/build.ts'
import { stringValue, timestampValue } from '../../../bson/value.ts'
import { scopeWithLet } from '../../command-let.ts'
import { Scope } from '../../scope.ts'
import { codeOf, evaluate } from '../../testdata/evaluate.ts'

const document = '{"a":{"b":5},"n":null,"$ref":"c","list":[1,2]}'

describe('operators that choose, and variables', () => {
  const cases: readonly (readonly [string, unknown])[] = [
    ['{"$cond":["$none",1,2]}', 2],
    ['{"$cond":{"else":2,"then":1,"if":"$a"}}', 1],
    ['{"$ifNull":["$n","$none","$a.b"]}', 5],
    ['{"$ifNull":["$n","$none"]}', undefined],
    ['{"$switch":{"branches":[{"case":{"$eq":["$a.b",4]},"then":"x"},{"case":"$a","then":"y"}]}}', 'y'],
    ['{"$switch":{"branches":[{"case":"$n","then":"x"}],"default":"z"}}', 'z'],
    ['{"$switch":{"branches":[{"case":false,"then":{"$divide":[1,0]}},{"case":"$a","then":1}]}}', 1],
    ['{"$switch":{"branches":[{"case":true,"then":1},{"case":{"$divide":[1,0]},"then":2}]}}', 1],
    ['{"$let":{"vars":{"x":"$a","y":1},"in":{"$add":["$$x.b","$$y"]}}}', 6],
    ['{"$let":{"vars":{"x":1},"in":{"$let":{"vars":{"x":2,"y":"$$x"},"in":["$$x","$$y"]}}}}', [2, 1]],
    ['{"$let":{"vars":{"CURRENT":"$a"},"in":["$b","$$ROOT.a.b","$$CURRENT.b"]}}', [5, 5, 5]],
    ['{"$literal":{"$add":["$a",1]}}', { $add: ['$a', 1] }],
    ['{"$const":"$a"}', '$a'],
    ['{"$meta":"recordId"}', undefined],
    ['"$$ROOT.$ref"', 'c'],
    ['"$$REMOVE.x"', undefined],
    ['{"$and":["$a",{"$or":["$n","$list"]},{"$not":"$none"}]}', true],
  ]
  it.each(cases)('%s', (expression, value) => {
    expect(evaluate(expression, document)).toEqual(value)
  })

  const refusals: readonly (readonly [string, number])[] = [
    ['{"$cond":[1,2]}', 16020],
    ['{"$cond":{"then":1,"else":2}}', 17080],
    ['{"$cond":{"if":1,"else":2}}', 17081],
    ['{"$cond":{"if":1,"then":2}}', 17082],
    ['{"$cond":{"if":1,"then":2,"else":3,"x":4}}', 17083],
    ['{"$ifNull":["$a"]}', 1257300],
    ['{"$switch":1}', 40060],
    ['{"$switch":{"branches":1}}', 40061],
    ['{"$switch":{"branches":[1]}}', 40062],
    ['{"$switch":{"branches":[{"case":1,"then":1,"x":1}]}}', 40063],
    ['{"$switch":{"branches":[{"then":1}]}}', 40064],
    ['{"$switch":{"branches":[{"case":1}]}}', 40065],
    ['{"$switch":{"branches":[{"case":"$n","then":1}]}}', 40066],
    ['{"$switch":{"branches":[{"case":1,"then":1}],"x":1}}', 40067],
    ['{"$switch":{"branches":[]}}', 40068],
    ['{"$switch":{"branches":[{"case":false,"then":1}]}}', 40069],
    ['{"$switch":{"branches":[{"case":true,"then":1}],"default":{"$divide":[1,0]}}}', 2],
    ['{"$let":1}', 16874],
    ['{"$let":{"vars":{},"in":1,"x":1}}', 16875],
    ['{"$let":{"in":1}}', 16876],
    ['{"$let":{"vars":{}}}', 16877],
    ['{"$let":{"vars":1,"in":1}}', 10065],
    ['{"$let":{"vars":{"X":1},"in":1}}', 9],
    ['{"$let":{"vars":{"x":1,"y":"$$x"},"in":1}}', 17276],
    ['"$$x."', 40353],
    ['"$$x..y"', 15998],
    ['"$$CLUSTER_TIME"', 10071200],
    ['{"$meta":1}', 17307],
    ['{"$meta":"x"}', 17308],
    ['{"$meta":"textScore"}', 40218],
    ['{"$function":{"body":"x","args":[],"lang":"js"}}', 238],
    ['{"$rank":{}}', 168],
  ]
  it.each(refusals)('%s is refused with %i', (expression, code) => {
    expect(codeOf(expression, document)).toBe(code)
  })
})

describe('scopes', () => {
  it('give constants that expressions are folded with', () => {
    const scope = Scope.outermost()
      .withConstant('who', stringValue('me'))
      .withConstant('CLUSTER_TIME', timestampValue(timestampOf(7, 1)))
    expect(evaluate('{"$concat":["$$who","!"]}', '{}', false, scope)).toBe('me!')
    expect(evaluate('"$$CLUSTER_TIME"', '{}', true, scope)).toEqual({ $timestamp: { t: 7, i: 1 } })
    expect(evaluate('{"$let":{"vars":{"who":1},"in":"$$who"}}', '{}', false, scope)).toBe(1)
    expect(codeOf('"$$other"', '{}', scope)).toBe(17276)
  })

  it('hold the variables of a command, each seeing those before it', () => {
    const bytes = buildDocument({ one: 1, two: { $add: ['$$one', 1] }, doc: { x: [1, { $literal: '$y' }] } })
    const scope = scopeWithLet(Scope.outermost(), bytes)
    expect(evaluate('["$$one","$$two","$$doc.x","$$NOW"]', '{}', false, scope)).toEqual([
      1,
      2,
      [1, '$y'],
      { $date: '2023-11-14T22:13:20Z' },
    ])
  })

  it.each([
    [{ a: '$x' }, 4890500],
    [{ a: '$$ROOT' }, 4890500],
    [{ a: '$$b', b: 1 }, 17276],
    [{ NOW: 1 }, 4738901],
    [{ a: '$$NOW' }, 51144],
    [{ a: '$$CLUSTER_TIME' }, 51144],
    [{ 'a.b': 1 }, 9],
    [{ A: 1 }, 9],
    [{ a: { $divide: [1, 0] } }, 2],
  ])('refuse %j with %i', (let_, code) => {
    let found = 0
    try {
      scopeWithLet(Scope.outermost(), buildDocument(let_))
    } catch (error) {
      found = (error as { code: number }).code
    }
    expect(found).toBe(code)
  })
})
