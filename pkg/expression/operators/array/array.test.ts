import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { codeOf, evaluate } from '../../testdata/evaluate.ts'

const numbers =
  '{"a":[5,1,4,2,3],"n":null,"i":7,"s":"x","o":{"x":1,"y":[2]},"d":[{"k":1,"v":"b"},{"k":2,"v":"a"},{"v":"c"}]}'

describe('array operators', () => {
  const cases: readonly (readonly [string, unknown])[] = [
    ['{"$arrayElemAt":["$a",0]}', 5],
    ['{"$arrayElemAt":["$a",-1]}', 3],
    ['{"$arrayElemAt":["$a",9]}', undefined],
    ['{"$arrayElemAt":["$a",-6]}', undefined],
    ['{"$arrayElemAt":["$n",0]}', null],
    ['{"$arrayToObject":[[["a",1],["b",2],["a",3]]]}', { a: 3, b: 2 }],
    ['{"$arrayToObject":{"$literal":[{"v":1,"k":"a"}]}}', { a: 1 }],
    ['{"$arrayToObject":{"$literal":[]}}', {}],
    ['{"$concatArrays":["$a",["$none"],[[6]]]}', [5, 1, 4, 2, 3, null, [6]]],
    ['{"$concatArrays":["$a","$none"]}', null],
    ['{"$concatArrays":[]}', []],
    ['{"$filter":{"input":"$a","cond":{"$gt":["$$this",2]}}}', [5, 4, 3]],
    ['{"$filter":{"input":"$a","as":"x","cond":{"$gt":["$$x",2]},"limit":2}}', [5, 4]],
    ['{"$filter":{"input":"$a","cond":true,"limit":"$none"}}', [5, 1, 4, 2, 3]],
    ['{"$filter":{"input":"$none","cond":true}}', null],
    ['{"$in":[{"$numberDouble":"4.0"},"$a"]}', true],
    ['{"$indexOfArray":["$a",2]}', 3],
    ['{"$indexOfArray":["$a",2,0,3]}', -1],
    ['{"$indexOfArray":["$a",2,9]}', -1],
    ['{"$indexOfArray":["$n",2]}', null],
    ['{"$isArray":"$a"}', true],
    ['{"$isArray":["$i"]}', false],
    ['{"$map":{"input":"$a","in":{"$add":["$$this","$i"]}}}', [12, 8, 11, 9, 10]],
    ['{"$map":{"input":"$d","as":"e","in":"$$e.k"}}', [1, 2, null]],
    ['{"$map":{"input":[[1,2],[3]],"in":{"$map":{"input":"$$this","in":["$$this"]}}}}', [[[1], [2]], [[3]]]],
    [
      '{"$objectToArray":"$o"}',
      [
        { k: 'x', v: 1 },
        { k: 'y', v: [2] },
      ],
    ],
    ['{"$range":[0,5]}', [0, 1, 2, 3, 4]],
    ['{"$range":[5,0,-2]}', [5, 3, 1]],
    ['{"$range":[0,5,-1]}', []],
    ['{"$reduce":{"input":"$a","initialValue":0,"in":{"$add":["$$value","$$this"]}}}', 15],
    ['{"$reduce":{"input":"$a","initialValue":[],"in":["$$this","$$value"]}}', [3, [2, [4, [1, [5, []]]]]]],
    ['{"$reduce":{"input":"$a","initialValue":{},"in":{"$mergeObjects":["$$value",{"x":"$$this"}]}}}', { x: 3 }],
    ['{"$reduce":{"input":"$n","initialValue":0,"in":1}}', null],
    ['{"$reverseArray":"$a"}', [3, 2, 4, 1, 5]],
    ['{"$size":"$a"}', 5],
    ['{"$slice":["$a",2]}', [5, 1]],
    ['{"$slice":["$a",-2]}', [2, 3]],
    ['{"$slice":["$a",-9,2]}', [5, 1]],
    ['{"$slice":["$a",1,9]}', [1, 4, 2, 3]],
    ['{"$slice":["$a","$n"]}', null],
    ['{"$sortArray":{"input":"$a","sortBy":1}}', [1, 2, 3, 4, 5]],
    ['{"$sortArray":{"input":"$a","sortBy":-1}}', [5, 4, 3, 2, 1]],
    ['{"$map":{"input":{"$sortArray":{"input":"$d","sortBy":{"k":-1}}},"in":"$$this.v"}}', ['a', 'b', 'c']],
    ['{"$sortArray":{"input":[{"a":{"b":2}},{"a":{"b":1}}],"sortBy":{"a.b":1}}}', [{ a: { b: 1 } }, { a: { b: 2 } }]],
    ['{"$zip":{"inputs":[[1,2,3],["a"]]}}', [[1, 'a']]],
    [
      '{"$zip":{"inputs":[[1,2],["a"]],"useLongestLength":true}}',
      [
        [1, 'a'],
        [2, null],
      ],
    ],
    [
      '{"$zip":{"inputs":[[1,2],["a"]],"useLongestLength":true,"defaults":[0,"z"]}}',
      [
        [1, 'a'],
        [2, 'z'],
      ],
    ],
    ['{"$zip":{"inputs":[[1],"$none"]}}', null],
  ]
  it.each(cases)('%s', (expression, value) => {
    expect(evaluate(expression, numbers)).toEqual(value)
  })

  const refusals: readonly (readonly [string, number])[] = [
    ['{"$arrayElemAt":["$a"]}', 16020],
    ['{"$arrayElemAt":["$i",0]}', 28689],
    ['{"$arrayElemAt":["$a","$s"]}', 28690],
    ['{"$arrayElemAt":["$a",1.5]}', 28691],
    ['{"$arrayToObject":"$s"}', 40386],
    ['{"$arrayToObject":"$a"}', 40398],
    ['{"$arrayToObject":{"$literal":[["a",1],{"k":"a","v":1}]}}', 40396],
    ['{"$arrayToObject":{"$literal":[{"k":"a","v":1},["a",1]]}}', 40391],
    ['{"$arrayToObject":{"$literal":[["a"]]}}', 40397],
    ['{"$arrayToObject":{"$literal":[[1,2]]}}', 40395],
    ['{"$arrayToObject":{"$literal":[{"k":"a"}]}}', 40392],
    ['{"$arrayToObject":{"$literal":[{"k":"a","w":1}]}}', 40393],
    ['{"$arrayToObject":{"$literal":[{"k":1,"v":1}]}}', 40394],
    ['{"$arrayToObject":{"$literal":[["a\\u0000",1]]}}', 4940400],
    ['{"$arrayToObject":{"$literal":[{"k":"a\\u0000","v":1}]}}', 4940401],
    ['{"$concatArrays":["$a",1]}', 28664],
    ['{"$filter":1}', 28646],
    ['{"$filter":{"input":"$a","cond":1,"x":1}}', 28647],
    ['{"$filter":{"cond":1}}', 28648],
    ['{"$filter":{"input":"$a"}}', 28650],
    ['{"$filter":{"input":"$i","cond":1}}', 28651],
    ['{"$filter":{"input":"$a","cond":1,"limit":1.5}}', 327391],
    ['{"$filter":{"input":"$a","cond":1,"limit":0}}', 327392],
    ['{"$filter":{"input":"$a","cond":1,"as":"A"}}', 9],
    ['{"$in":[1,"$i"]}', 40081],
    ['{"$indexOfArray":["$a"]}', 28667],
    ['{"$indexOfArray":["$i",1]}', 40090],
    ['{"$indexOfArray":["$a",1,"x"]}', 9711600],
    ['{"$indexOfArray":["$a",1,-1]}', 9711601],
    ['{"$map":[]}', 16878],
    ['{"$map":{"input":"$a","in":1,"x":1}}', 16879],
    ['{"$map":{"in":1}}', 16880],
    ['{"$map":{"input":"$a"}}', 16882],
    ['{"$map":{"input":"$i","in":1}}', 16883],
    ['{"$map":{"input":"$a","as":1,"in":1}}', 9],
    ['{"$objectToArray":"$a"}', 40390],
    ['{"$range":["$s",1]}', 34443],
    ['{"$range":[1.5,1]}', 34444],
    ['{"$range":[1,"$n"]}', 34445],
    ['{"$range":[1,{"$numberLong":"2147483648"}]}', 34446],
    ['{"$range":[1,2,"$s"]}', 34447],
    ['{"$range":[1,2,0.5]}', 34448],
    ['{"$range":[1,2,0]}', 34449],
    ['{"$range":[0,2147483647]}', 146],
    ['{"$reduce":1}', 40075],
    ['{"$reduce":{"input":"$a","initialValue":1,"in":1,"x":1}}', 40076],
    ['{"$reduce":{"initialValue":1,"in":1}}', 40077],
    ['{"$reduce":{"input":"$a","in":1}}', 40078],
    ['{"$reduce":{"input":"$a","initialValue":1}}', 40079],
    ['{"$reduce":{"input":"$i","initialValue":1,"in":1}}', 40080],
    ['{"$reverseArray":"$i"}', 34435],
    ['{"$size":"$i"}', 17124],
    ['{"$slice":["$i",1]}', 28724],
    ['{"$slice":["$a","$s"]}', 28725],
    ['{"$slice":["$a",0.5]}', 28726],
    ['{"$slice":["$a",0,"$s"]}', 28727],
    ['{"$slice":["$a",0,0.5]}', 28728],
    ['{"$slice":["$a",0,0]}', 28729],
    ['{"$sortArray":1}', 2942500],
    ['{"$sortArray":{"input":"$a","sortBy":1,"x":1}}', 2942501],
    ['{"$sortArray":{"sortBy":1}}', 2942502],
    ['{"$sortArray":{"input":"$a"}}', 2942503],
    ['{"$sortArray":{"input":"$i","sortBy":1}}', 2942504],
    ['{"$sortArray":{"input":"$a","sortBy":{"x":2}}}', 2942505],
    ['{"$sortArray":{"input":"$a","sortBy":2}}', 2942506],
    ['{"$sortArray":{"input":"$a","sortBy":"x"}}', 2942507],
    ['{"$zip":1}', 34460],
    ['{"$zip":{"inputs":"$a"}}', 34461],
    ['{"$zip":{"inputs":[[1]],"useLongestLength":true,"defaults":1}}', 34462],
    ['{"$zip":{"inputs":[[1]],"useLongestLength":1}}', 34463],
    ['{"$zip":{"inputs":[[1]],"x":1}}', 34464],
    ['{"$zip":{"inputs":[]}}', 34465],
    ['{"$zip":{"inputs":[[1]],"defaults":[1]}}', 34466],
    ['{"$zip":{"inputs":[[1]],"defaults":[1,2],"useLongestLength":true}}', 34467],
    ['{"$zip":{"inputs":[[1],"$i"]}}', 34468],
  ]
  it.each(refusals)('%s is refused with %i', (expression, code) => {
    expect(codeOf(expression, numbers)).toBe(code)
  })

  it('agree with JavaScript on arrays of integers', () => {
    const element = fc.integer({ min: -9, max: 9 })
    fc.assert(
      fc.property(fc.array(element), fc.array(element), element, element, (a, b, i, n) => {
        const document = JSON.stringify({ a, b, i, n })
        expect(evaluate('{"$reverseArray":"$a"}', document)).toEqual([...a].reverse())
        expect(evaluate('{"$concatArrays":["$a","$b"]}', document)).toEqual([...a, ...b])
        expect(evaluate('{"$arrayElemAt":["$a","$i"]}', document)).toEqual(a.at(i))
        expect(evaluate('{"$indexOfArray":["$a","$n"]}', document)).toBe(a.indexOf(n))
        expect(evaluate('{"$slice":["$a","$n"]}', document)).toEqual(n < 0 ? a.slice(n) : a.slice(0, n))
        expect(evaluate('{"$sortArray":{"input":"$a","sortBy":-1}}', document)).toEqual([...a].sort((x, y) => y - x))
        expect(evaluate('{"$setUnion":["$a","$b"]}', document)).toEqual([...new Set([...a, ...b])])
        expect(evaluate('{"$setDifference":["$a","$b"]}', document)).toEqual(
          [...new Set(a)].filter((x) => !b.includes(x)),
        )
        expect(evaluate('{"$setIntersection":["$a","$b"]}', document)).toEqual(
          [...new Set(a)].filter((x) => b.includes(x)),
        )
        expect(evaluate('{"$setIsSubset":["$a","$b"]}', document)).toBe(a.every((x) => b.includes(x)))
        expect(evaluate('{"$setEquals":["$a","$b"]}', document)).toBe(
          a.every((x) => b.includes(x)) && b.every((x) => a.includes(x)),
        )
      }),
      { numRuns: 60 },
    )
  })

  it('refuse to grow, and to go on, without end', () => {
    const doubling = (body: string) =>
      `{"$reduce":{"input":{"$range":[0,40]},"initialValue":["${'x'.repeat(1000)}"],"in":${body}}}`
    expect(codeOf(doubling('{"$concatArrays":["$$value","$$value"]}'), '{}', undefined, 1e9)).toBe(146)
    expect(codeOf(doubling('["$$value","$$value"]'), '{}', undefined, 1e9)).toBe(146)
    expect(codeOf(doubling('{"a":"$$value","b":"$$value"}'), '{}', undefined, 1e9)).toBe(146)
    expect(codeOf(doubling('["$$value"]').replace('40', '500'))).toBe(15)
    const many = '{"$range":[0,10000]}'
    const soFar = (expression: string) => codeOf(expression, '{}', undefined, 100_000)
    expect(soFar(`{"$add":[${Array.from({ length: 10 }, () => `{"$size":${many}}`).join(',')}]}`)).toBe(262)
    expect(soFar(`{"$map":{"input":${many},"in":{"$in":["$$this",${many}]}}}`)).toBe(262)
    expect(soFar(`{"$reduce":{"input":${many},"initialValue":"","in":{"$concat":["$$value","xxxx"]}}}`)).toBe(262)
    // What is done for each element counts, and functions of decimals do far more than others.
    const body = '{"$add":["$$this",{"$multiply":["$$this",{"$subtract":["$$this",{"$abs":"$$this"}]}]}]}'
    expect(soFar(`{"$map":{"input":{"$range":[0,30000]},"in":${body}}}`)).toBe(262)
    expect(soFar('{"$map":{"input":{"$range":[0,300]},"in":{"$exp":{"$toDecimal":"$$this"}}}}')).toBe(262)
  })
})
