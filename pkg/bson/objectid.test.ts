import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { DatabaseError } from '../base/errors.ts'
import { ObjectIdGenerator, objectIdHex, parseObjectId } from './objectid.ts'

function randomOf(first: number) {
  return { next: () => first, bytes: (length: number) => Uint8Array.from({ length }, (_, i) => 0xa0 + i) }
}

describe('ObjectIdGenerator', () => {
  it('writes seconds, what is its own, and a counter', () => {
    const generator = new ObjectIdGenerator(randomOf(0x010203 / 0x1000000), () => 0x65432100 * 1000 + 999)
    expect(objectIdHex(generator.next())).toBe('65432100a0a1a2a3a4010203')
    expect(objectIdHex(generator.next())).toBe('65432100a0a1a2a3a4010204')
  })

  it('goes from the last counter to the first', () => {
    const generator = new ObjectIdGenerator(randomOf(0xffffff / 0x1000000), () => 0xfedcba98 * 1000)
    expect(objectIdHex(generator.next())).toBe('fedcba98a0a1a2a3a4ffffff')
    expect(objectIdHex(generator.next())).toBe('fedcba98a0a1a2a3a4000000')
  })

  it('writes into a larger array', () => {
    const target = new Uint8Array(20)
    expect(new ObjectIdGenerator(randomOf(0), () => 1000).next(target, 3)).toBe(target)
    expect(objectIdHex(target, 3)).toBe('00000001a0a1a2a3a4000000')
    expect([...target.subarray(0, 3), ...target.subarray(15)]).toEqual([0, 0, 0, 0, 0, 0, 0, 0])
  })
})

describe('parseObjectId', () => {
  it('is the inverse of objectIdHex', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 12, maxLength: 12 }), (bytes) => {
        expect(parseObjectId(objectIdHex(bytes))).toEqual(bytes)
        expect(parseObjectId(objectIdHex(bytes).toUpperCase())).toEqual(bytes)
      }),
    )
  })

  it('refuses all but 24 hex digits', () => {
    for (const hex of [
      '',
      '0123456789abcdef0123456',
      '0123456789abcdef0123456g',
      '0123456789abcdef012345678',
      ' 123456789abcdef01234567',
      '0123456789abcdef01234567\n',
    ]) {
      expect(() => parseObjectId(hex)).toThrow(DatabaseError)
    }
  })
})
