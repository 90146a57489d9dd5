import fc from 'fast-check'
import { expect, test } from 'vitest'
import { buildDocument } from './build.ts'
import { nestsDeeper } from './depth.ts'

function nested(levels: number, name: string, array: boolean): unknown {
  let value: unknown = array ? [] : {}
  for (let i = 1; i < levels; i++) value = array ? [value] : { [name]: value }
  return value
}

test('levels are counted with the outermost document, by documents and arrays', () => {
  for (const name of ['', 'a', 'a longer name'])
    for (const levels of [1, 2, 3, 50, 180, 201]) {
      const document = buildDocument(nested(levels, name, false) as Record<string, unknown>)
      expect(nestsDeeper(document, 0, levels)).toBe(false)
      expect(nestsDeeper(document, 0, levels - 1)).toBe(true)
      const around = buildDocument({ 'another field': 1, a: nested(levels, name, true) })
      expect(nestsDeeper(around, 0, levels + 1)).toBe(false)
      expect(nestsDeeper(around, 0, levels)).toBe(true)
    }
})

test('it agrees with counting', () => {
  const { tree } = fc.letrec<{ tree: unknown }>((tie) => ({
    tree: fc.oneof(
      { maxDepth: 8 },
      fc.integer(),
      fc.array(tie('tree'), { maxLength: 3 }),
      fc.dictionary(fc.constantFrom('', 'a', 'b'), tie('tree'), { maxKeys: 3 }),
    ),
  }))
  const levelsOf = (value: unknown): number =>
    typeof value === 'object' && value !== null
      ? 1 + Math.max(0, ...Object.values(value as Record<string, unknown>).map(levelsOf))
      : 0
  fc.assert(
    fc.property(tree, fc.nat(9), (value, levels) => {
      const document = { value }
      expect(nestsDeeper(buildDocument(document), 0, levels)).toBe(levelsOf(document) > levels)
    }),
  )
})
