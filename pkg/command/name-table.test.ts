import fc from 'fast-check'
import { expect, test } from 'vitest'
import { NameTable } from './name-table.ts'

const encoder = new TextEncoder()

test('finds every name of its list and no other', () => {
  const name = fc.string({ minLength: 1, maxLength: 12, unit: 'grapheme-ascii' })
  fc.assert(
    fc.property(fc.uniqueArray(name, { maxLength: 60 }), fc.array(name), (names, others) => {
      const table = new NameTable(names)
      for (const text of [...names, ...others]) {
        const bytes = encoder.encode(`<${text}>`)
        expect(table.indexOf(bytes, 1, bytes.length - 1)).toBe(names.indexOf(text))
      }
    }),
  )
})
