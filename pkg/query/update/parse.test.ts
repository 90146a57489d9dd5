import { describe, expect, it } from 'vitest'
import { buildDocument } from '../../bson/build.ts'
import { getField } from '../../bson/value.ts'
import { parseUpdate, parseUpdateValue } from './parse.ts'

function failure(
  update: Record<string, unknown>,
  filters: Record<string, unknown>[] = [],
): { code: number; message: string } {
  try {
    parseUpdate(buildDocument(update), filters.map(buildDocument))
  } catch (error) {
    return error as { code: number; message: string }
  }
  throw new Error('the update was not refused')
}

describe('parseUpdate', () => {
  it('refuses paths that meet, naming where', () => {
    expect(failure({ $set: { a: 1 }, $inc: { a: 1 } })).toMatchObject({
      code: 40,
      message: "Updating the path 'a' would create a conflict at 'a'",
    })
    expect(failure({ $set: { 'a.b': 1 }, $unset: { a: 1 } }).message).toBe(
      "Updating the path 'a' would create a conflict at 'a'",
    )
    expect(failure({ $set: { a: 1, 'a.b.c': 1 } }).message).toBe(
      "Updating the path 'a.b.c' would create a conflict at 'a'",
    )
    expect(failure({ $set: { 'a.0': 1, 'a.$[]': 1 } }).code).toBe(40)
    expect(failure({ $rename: { a: 'b' }, $set: { b: 1 } }).code).toBe(40)
  })

  it('refuses unknown operators and operands that are no documents by name', () => {
    expect(failure({ $foo: { a: 1 } })).toMatchObject({
      code: 9,
      message:
        'Unknown modifier: $foo. Expected a valid update modifier or pipeline-style update specified as an array',
    })
    expect(failure({ $set: { a: 1 }, b: 1 }).code).toBe(9)
    expect(failure({ $set: 1 }).message).toContain('Modifiers operate on fields but we found type int instead')
  })

  it('refuses empty field names and placeholders out of place', () => {
    expect(failure({ $set: { 'a.': 1 } })).toMatchObject({
      code: 56,
      message: "The update path 'a.' contains an empty field name, which is not allowed.",
    })
    expect(failure({ $set: { '': 1 } }).code).toBe(56)
    expect(failure({ $set: { $: 1 } }).code).toBe(2)
    expect(failure({ $set: { '$[]': 1 } }).code).toBe(2)
    expect(failure({ $set: { 'a.$.b.$': 1 } }).code).toBe(2)
  })

  it('wants every array filter used, named once, and known', () => {
    expect(failure({ $set: { 'a.$[x]': 1 } }).message).toBe("No array filter found for identifier 'x' in path 'a.$[x]'")
    expect(failure({ $set: { a: 1 } }, [{ x: 1 }]).message).toContain("'x' was not used")
    expect(failure({ $set: { 'a.$[x]': 1 } }, [{ x: 1 }, { 'x.b': 1 }]).code).toBe(9)
    expect(failure({ $set: { 'a.$[X]': 1 } }, [{ X: 1 }]).code).toBe(2)
  })

  it('refuses operators in replacements, and pipelines by name', () => {
    expect(failure({ a: 1, $set: 1 }).code).toBe(52)
    const command = buildDocument({ u: [{ $set: { a: 1 } }] })
    expect(() => parseUpdateValue(getField(command, 'u')!)).toThrow(/pipeline/)
  })
})
