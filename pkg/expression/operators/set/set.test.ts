import { describe, expect, it } from 'vitest'
import { codeOf, evaluate } from '../../testdata/evaluate.ts'

const document = '{"a":[1,2,2,{"$numberDouble":"1.0"}],"b":[2,3],"n":null,"i":1}'

describe('set operators', () => {
  const cases: readonly (readonly [string, unknown])[] = [
    ['{"$allElementsTrue":["$a"]}', true],
    ['{"$allElementsTrue":[[1,0]]}', false],
    ['{"$allElementsTrue":[[]]}', true],
    ['{"$anyElementTrue":[[null,false,0]]}', false],
    ['{"$anyElementTrue":[[0,"$i"]]}', true],
    ['{"$anyElementTrue":[[]]}', false],
    ['{"$setDifference":["$a","$b"]}', [1]],
    ['{"$setDifference":["$a","$n"]}', null],
    ['{"$setEquals":["$a",[2,1]]}', true],
    ['{"$setEquals":["$a","$b"]}', false],
    ['{"$setEquals":[[1],[1,1],[1]]}', true],
    ['{"$setEquals":[[[1,2]],[[2,1]]]}', false],
    ['{"$setIntersection":["$a","$b",[2]]}', [2]],
    ['{"$setIntersection":[]}', []],
    ['{"$setIntersection":["$a","$none"]}', null],
    ['{"$setIsSubset":[[2],"$a"]}', true],
    ['{"$setIsSubset":["$b","$a"]}', false],
    ['{"$setUnion":["$a","$b"]}', [1, 2, 3]],
    ['{"$setUnion":[]}', []],
    ['{"$setUnion":["$a","$n"]}', null],
    // Constants are looked at last.
    ['{"$setUnion":[{"$literal":"x"},"$none"]}', null],
    ['{"$setIntersection":[{"$literal":"x"},"$n"]}', null],
    ['{"$setUnion":[[2],"$b",[4],"$b"]}', [2, 3, 4]],
  ]
  it.each(cases)('%s', (expression, value) => {
    expect(evaluate(expression, document)).toEqual(value)
  })

  const refusals: readonly (readonly [string, number])[] = [
    ['{"$allElementsTrue":["$n"]}', 17040],
    ['{"$anyElementTrue":["$i"]}', 17041],
    ['{"$setDifference":["$i","$b"]}', 17048],
    ['{"$setDifference":["$a","$i"]}', 17049],
    ['{"$setEquals":["$a"]}', 17045],
    ['{"$setUnion":[{"$literal":"x"},"$none",[1]]}', 17043],
    ['{"$setUnion":["$i","$none"]}', 17043],
    ['{"$setEquals":["$a","$n"]}', 17044],
    ['{"$setEquals":["$a",1]}', 5887502],
    ['{"$setIntersection":["$a","$i"]}', 17047],
    ['{"$setIsSubset":["$n","$a"]}', 17046],
    ['{"$setIsSubset":["$a","$n"]}', 17042],
    ['{"$setUnion":["$a","$i"]}', 17043],
  ]
  it.each(refusals)('%s is refused with %i', (expression, code) => {
    expect(codeOf(expression, document)).toBe(code)
  })
})
