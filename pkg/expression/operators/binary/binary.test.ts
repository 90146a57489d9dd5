import { describe, expect, it } from 'vitest'
import { codeOf, evaluate } from '../../testdata/evaluate.ts'
import { xxHash64 } from './xx-hash.ts'

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex')

describe('XXH64', () => {
  it('is that of the specification, for contents on all of its paths', () => {
    const text = (length: number) => Buffer.from('0123456789abcdef'.repeat(10).slice(0, length))
    expect(hex(xxHash64(text(0)))).toBe('ef46db3751d8e999')
    expect(hex(xxHash64(Buffer.from('abc')))).toBe('44bc2cf5ad770999')
    expect(hex(xxHash64(Buffer.from('Nobody inspects the spammish repetition')))).toBe('fbcea83c8a378bf1')
    expect(new Set([1, 4, 8, 31, 32, 33, 64].map((length) => hex(xxHash64(text(length))))).size).toBe(7)
  })
})

describe('sizes and hashes', () => {
  it('measure', () => {
    expect(evaluate('[{"$binarySize":"é"},{"$binarySize":{"$binary":{"base64":"AAEC","subType":"00"}}}]')).toEqual([
      2, 3,
    ])
    expect(evaluate('{"$bsonSize":"$$ROOT"}', '{"a":1}')).toBe(12)
    expect(evaluate('{"$subtype":{"$binary":{"base64":"AAEC","subType":"05"}}}')).toBe(5)
    expect(evaluate('[{"$binarySize":null},{"$bsonSize":"$none"}]')).toEqual([null, null])
    expect(codeOf('{"$binarySize":5}')).toBe(51276)
    expect(codeOf('{"$bsonSize":5}')).toBe(31393)
  })

  it('hash', () => {
    const hexOf = (algorithm: string) => evaluate(`{"$hexHash":{"input":"abc","algorithm":"${algorithm}"}}`)
    expect(hexOf('md5')).toBe('900150983CD24FB0D6963F7D28E17F72')
    expect(hexOf('xxh64')).toBe('44BC2CF5AD770999')
    expect(evaluate('{"$hash":{"input":"abc","algorithm":"md5"}}')).toEqual({
      $binary: { base64: 'kAFQmDzST7DWlj99KOF/cg==', subType: '00' },
    })
    expect(evaluate('{"$hash":{"input":null,"algorithm":"md5"}}')).toBeNull()
    expect(codeOf('{"$hash":{"input":"x"}}')).toBe(9)
    expect(codeOf('{"$hash":{"input":[1],"algorithm":"md5"}}')).toBe(10754000)
    expect(codeOf('{"$hash":{"input":"x","algorithm":null}}')).toBe(10754001)
    expect(codeOf('{"$hash":{"input":"x","algorithm":"MD5"}}')).toBe(10754002)
    expect(evaluate('{"$eq":[{"$toHashedIndexKey":1},{"$toHashedIndexKey":{"$numberLong":"1"}}]}')).toBe(true)
    expect(evaluate('{"$eq":[{"$toHashedIndexKey":"$none"},{"$toHashedIndexKey":null}]}')).toBe(true)
  })
})

describe('random values', () => {
  it('differ from one evaluation to the next, within their bounds', () => {
    const drawn = evaluate('{"$map":{"input":{"$range":[0,200]},"in":{"$rand":{}}}}') as number[]
    expect(new Set(drawn).size).toBe(200)
    expect(drawn.every((n) => n >= 0 && n < 1)).toBe(true)
    expect(Math.abs(drawn.reduce((a, b) => a + b) / 200 - 0.5)).toBeLessThan(0.2)
    expect(evaluate('{"$ne":[{"$createObjectId":{}},{"$createObjectId":{}}]}')).toBe(true)
    expect(codeOf('{"$rand":1}')).toBe(10065)
    expect(codeOf('{"$rand":[1]}')).toBe(3040501)
  })
})
