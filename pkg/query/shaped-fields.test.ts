import { expect, it } from 'vitest'
import { encodeDocument } from '../bson/convert.ts'
import { RootFields } from '../expression/root-fields.ts'
import { FieldFinder } from './field-finder.ts'
import { findByShape } from './shaped-fields.ts'

const names = ['a', 'name', 'list', 'gone', 'ü']

function documents(): Uint8Array[] {
  let state = 7
  const below = (n: number) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return Math.floor((state / 2 ** 32) * n)
  }
  return Array.from({ length: 6000 }, (_, _id) => {
    const fields: [string, unknown][] = [
      ['a', [below(9), below(9) / 7, null, new Date(0), 'text'][below(12)] ?? 1],
      ['name', 'n'.repeat(below(90))],
      ['names', true],
      ['list', below(5) === 0 ? 'x' : [below(3), { a: 1 }]],
      ['ü', { a: { name: 1 } }],
    ]
    // Mostly of one shape, so that the code for it stays in use.
    const some = below(10) === 0 ? fields.filter(() => below(3) > 0) : fields
    if (below(20) === 0) some.reverse()
    return encodeDocument(new Map<string, unknown>([['_id', _id], ...some]))
  })
}

function found(fields: RootFields, document: Uint8Array): unknown[] {
  fields.load(document, 0)
  return names.map((_, slot) =>
    fields.types[slot] === 0 ? 0 : [fields.types[slot], fields.starts[slot], fields.ends[slot]],
  )
}

it('finds by the shape of documents what is found in any', () => {
  const input = documents()
  const [plain, shaped] = [new RootFields(), new RootFields()]
  for (const name of names) {
    plain.slotOf(name)
    shaped.slotOf(name)
  }
  findByShape(shaped, { bytes: input[0]!, start: 0 })
  const finder = new FieldFinder('list')
  for (const document of input) {
    const expected = found(plain, document)
    expect(found(shaped, document)).toEqual(expected)
    const list = expected[names.indexOf('list')]
    expect(finder.find(document, 0)).toBe(list !== 0)
    if (list !== 0) expect([finder.type, finder.at]).toEqual((list as number[]).slice(0, 2))
  }
})
