import { describe, expect, it } from 'vitest'
import { codeOf, evaluate } from '../../testdata/evaluate.ts'

/** Element type, padding, elements, as base64. */
function vector(...bytes: number[]): string {
  return JSON.stringify({ $binary: { base64: Buffer.from(bytes).toString('base64'), subType: '09' } })
}

describe('vectors', () => {
  it('are compared by product, angle and distance', () => {
    expect(evaluate('{"$similarityDotProduct":[[1,2,3],[4,5,6]]}')).toBe(32)
    expect(evaluate('{"$similarityDotProduct":{"vectors":[[1,2,3],[4,5,6]],"score":true}}')).toBe(16.5)
    expect(evaluate('{"$similarityCosine":[[1,2],[3,4]]}')).toBeCloseTo(11 / Math.sqrt(125), 12)
    expect(evaluate('{"$similarityCosine":{"vectors":[[1,0],[-1,0]],"score":true}}')).toBe(0)
    expect(evaluate('{"$similarityCosine":[[0,0],[1,2]]}')).toBe(0)
    expect(evaluate('{"$similarityEuclidean":[[1,2],[4,6]]}')).toBe(5)
    expect(evaluate('{"$similarityEuclidean":{"vectors":[[1,2],[1,5]],"score":true}}')).toBe(0.25)
    expect(evaluate('{"$similarityCosine":["$none",[1]]}')).toBeNull()
  })

  it('may be binary: int8, float32 or bits', () => {
    const product = (a: string, b: string) => evaluate(`{"$similarityDotProduct":[${a},${b}]}`)
    expect(product(vector(0x03, 0, 1, 0xff), '[10,3]')).toBe(7)
    expect(product(vector(0x27, 0, 0, 0, 0x80, 0x3f), '[3]')).toBe(3)
    expect(product(vector(0x10, 4, 0b1011_0000), '[1,2,4,8]')).toBe(13)
  })

  it('are refused when they are none, or unlike', () => {
    expect(codeOf('{"$similarityDotProduct":[1,[1]]}')).toBe(10413200)
    expect(codeOf(`{"$similarityDotProduct":[${vector(0x77, 0)},[1]]}`)).toBe(10413200)
    expect(codeOf('{"$similarityDotProduct":[[1],[1,2]]}')).toBe(10413202)
    expect(codeOf('{"$similarityCosine":[["x"],[1]]}')).toBe(10413203)
    expect(codeOf('{"$similarityEuclidean":[[1],["x"]]}')).toBe(10413204)
    expect(codeOf('{"$similarityEuclidean":[[1]]}')).toBe(9)
  })
})
