import { describe, expect, it } from 'vitest'
import { parseSize } from './size.ts'

describe('parseSize', () => {
  it.each([
    ['0', 0],
    ['1048576', 1048576],
    ['64k', 65536],
    ['256MB', 268435456],
    ['256 mb', 268435456],
    ['256MiB', 268435456],
    ['256M', 268435456],
    ['1GiB', 1073741824],
    ['1.5g', 1610612736],
    ['2T', 2199023255552],
  ])('reads %j', (text, bytes) => {
    expect(parseSize(text)).toBe(bytes)
  })

  it.each(['', 'MB', '-1', '1XB', '1e9', '1 2', '99999999999T'])('does not read %j', (text) => {
    expect(parseSize(text)).toBe(undefined)
  })
})
