import { describe, expect, it } from 'vitest'
import { codeOf, evaluate } from '../../testdata/evaluate.ts'

const document = '{"a":{"x":1,"y.z":2,"$p":3},"b":{"x":9,"w":0},"n":null,"s":"x","l":[{"x":1},{"y":2},null]}'

describe('object operators', () => {
  const cases: readonly (readonly [string, unknown])[] = [
    ['{"$getField":"s"}', 'x'],
    ['{"$getField":{"field":"y.z","input":"$a"}}', 2],
    ['{"$getField":{"field":{"$literal":"$p"},"input":"$a"}}', 3],
    ['{"$getField":{"field":"$s","input":"$a"}}', 1],
    ['{"$getField":{"$concat":["a"]}}', { x: 1, 'y.z': 2, $p: 3 }],
    ['{"$getField":{"field":"x","input":"$n"}}', null],
    ['{"$getField":{"field":"x","input":"$none"}}', undefined],
    ['{"$getField":{"field":"x","input":"$s"}}', undefined],
    ['{"$let":{"vars":{"CURRENT":"$b"},"in":{"$getField":"w"}}}', 0],
    ['{"$setField":{"field":"x","input":"$a","value":"$s"}}', { x: 'x', 'y.z': 2, $p: 3 }],
    ['{"$setField":{"field":"new.one","input":"$b","value":1}}', { x: 9, w: 0, 'new.one': 1 }],
    ['{"$setField":{"field":"x","input":"$b","value":"$$REMOVE"}}', { w: 0 }],
    ['{"$setField":{"field":"x","input":"$none","value":1}}', null],
    ['{"$unsetField":{"field":"x","input":"$b"}}', { w: 0 }],
    ['{"$unsetField":{"field":"v","input":"$b"}}', { x: 9, w: 0 }],
    ['{"$mergeObjects":["$b",{"v":1,"x":2},"$n","$none"]}', { x: 2, w: 0, v: 1 }],
    ['{"$mergeObjects":"$l"}', { x: 1, y: 2 }],
    ['{"$mergeObjects":[]}', {}],
  ]
  it.each(cases)('%s', (expression, value) => {
    expect(evaluate(expression, document)).toEqual(value)
    expect(Object.keys(Object(evaluate(expression, document)))).toEqual(Object.keys(Object(value)))
  })

  const refusals: readonly (readonly [string, number])[] = [
    ['{"$getField":{"field":"a","input":"$a","x":1}}', 3041701],
    ['{"$getField":{"input":"$a"}}', 3041702],
    ['{"$getField":{"field":"a"}}', 3041703],
    ['{"$getField":{"field":"$none","input":"$a"}}', 3041704],
    ['{"$setField":1}', 4161100],
    ['{"$setField":{"field":"a","input":"$a","value":1,"x":1}}', 4161101],
    ['{"$setField":{"input":"$a","value":1}}', 4161102],
    ['{"$setField":{"field":"a","input":"$a"}}', 4161103],
    ['{"$setField":{"field":"a","input":"$s","value":1}}', 4161105],
    ['{"$setField":{"field":{"$concat":["a"]},"input":"$a","value":1}}', 4161106],
    ['{"$setField":{"field":1,"input":"$a","value":1}}', 4161107],
    ['{"$setField":{"field":"$s","input":"$a","value":1}}', 4161108],
    ['{"$setField":{"field":"a","value":1}}', 4161109],
    ['{"$setField":{"field":"a\\u0000","input":"$a","value":1}}', 9534700],
    ['{"$unsetField":{"field":"a","input":"$s"}}', 4161105],
    ['{"$mergeObjects":["$a","$s"]}', 40400],
  ]
  it.each(refusals)('%s is refused with %i', (expression, code) => {
    expect(codeOf(expression, document)).toBe(code)
  })
})
