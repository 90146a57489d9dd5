import type { RootFields } from '../expression/root-fields.ts'
import { fieldsPredicate } from './filter/fields.ts'
import type { Sample } from './filter/generated.ts'
import type { FieldTest } from './filter/operator.ts'
import { parsePath, skipValue } from './path.ts'

/** With more fields than this the code would be long for little. */
const fieldsMax = 8

/** Lets `fields` be found by code made for documents of the sample's shape: worth it for very many of them. */
export function findByShape(fields: RootFields, sample: Sample): void {
  const { types, starts, ends, names } = fields
  if (names.length === 0 || names.length > fieldsMax) return
  const tests = names.map((name, slot): FieldTest => {
    const part = parsePath(name).parts[0]!
    const test = (type: number, bytes: Uint8Array, at: number): boolean => {
      types[slot] = type
      starts[slot] = at
      ends[slot] = skipValue(bytes, type, at)
      return true
    }
    return { part, test }
  })
  fields.findBy(fieldsPredicate(tests, sample))
}
