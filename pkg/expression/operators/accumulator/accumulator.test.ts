import { describe, expect, it } from 'vitest'
import { codeOf, evaluate } from '../../testdata/evaluate.ts'

const document = '{"a":[4,null,2,"x",9],"n":[1,2,3,4],"s":"x","e":[]}'

describe('accumulators over arrays', () => {
  const cases: readonly (readonly [string, unknown])[] = [
    ['{"$sum":"$a"}', 15],
    ['{"$sum":["$n",5]}', 5],
    ['{"$avg":"$n"}', 2.5],
    ['{"$avg":"$e"}', null],
    ['{"$avg":[{"$numberLong":"9223372036854775807"},{"$numberLong":"-9223372036854775808"}]}', 0],
    ['{"$max":"$a"}', 'x'],
    ['{"$min":"$a"}', 2],
    ['{"$min":["$none",null]}', null],
    ['{"$first":"$a"}', 4],
    ['{"$last":"$e"}', undefined],
    ['{"$firstN":{"n":2,"input":"$a"}}', [4, null]],
    ['{"$lastN":{"n":{"$add":[1,1]},"input":"$a"}}', ['x', 9]],
    ['{"$maxN":{"n":3,"input":"$a"}}', ['x', 9, 4]],
    ['{"$minN":{"n":9,"input":"$a"}}', [2, 4, 9, 'x']],
    ['{"$stdDevPop":"$n"}', Math.sqrt(1.25)],
    ['{"$stdDevSamp":"$n"}', Math.sqrt(5 / 3)],
    ['{"$stdDevSamp":[1]}', null],
    ['{"$stdDevPop":"$s"}', null],
    ['{"$median":{"input":"$n","method":"approximate"}}', 2],
    ['{"$median":{"input":"$n","method":"continuous"}}', 2.5],
    ['{"$median":{"input":"$s","method":"approximate"}}', null],
    ['{"$percentile":{"input":"$a","p":[0,0.5,1],"method":"approximate"}}', [2, 4, 9]],
    ['{"$percentile":{"input":"$e","p":[{"$divide":[1,2]}],"method":"discrete"}}', [null]],
  ]
  for (const [expression, result] of cases) {
    it(`${expression} is ${JSON.stringify(result)}`, () => {
      expect(evaluate(expression, document)).toEqual(result)
    })
  }

  const refusals: readonly (readonly [string, number])[] = [
    ['{"$first":"$s"}', 28689],
    ['{"$firstN":5}', 5787900],
    ['{"$firstN":{"n":1,"input":[],"x":1}}', 5787901],
    ['{"$firstN":{"n":"x","input":[]}}', 5787902],
    ['{"$firstN":{"n":1.5,"input":[]}}', 5787903],
    ['{"$firstN":{"input":[]}}', 5787906],
    ['{"$firstN":{"n":1}}', 5787907],
    ['{"$maxN":{"n":0,"input":[]}}', 5787908],
    ['{"$minN":{"n":1,"input":"$s"}}', 5788200],
    ['{"$percentile":{"input":"$n","p":"$n","method":"approximate"}}', 7750300],
    ['{"$percentile":{"input":"$n","p":[],"method":"approximate"}}', 7750301],
    ['{"$percentile":{"input":"$n","p":["x"],"method":"approximate"}}', 7750302],
    ['{"$percentile":{"input":"$n","p":[2],"method":"approximate"}}', 7750303],
    ['{"$median":{"input":"$n"}}', 40414],
    ['{"$median":{"input":"$n","method":"fast"}}', 2],
  ]
  for (const [expression, code] of refusals) {
    it(`${expression} is refused with ${code}`, () => {
      expect(codeOf(expression, document)).toBe(code)
    })
  }
})
