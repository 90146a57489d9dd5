import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { mutated, mutations } from './mutations.ts'

const root = join(import.meta.dirname, '..')

test.each(mutations)(
  'the mutation "$name" fits the source, and the tests that must notice it are there',
  (mutation) => {
    const source = readFileSync(join(root, mutation.file), 'utf8')
    expect(mutated(mutation, source)).not.toBe(source)
    for (const path of mutation.tests) expect(existsSync(join(root, path))).toBe(true)
  },
)

test('a mutation that does not fit is an error', () => {
  const mutation = { ...mutations[0]!, from: 'x' }
  expect(() => mutated(mutation, 'x and x')).toThrow('has not exactly once')
  expect(() => mutated(mutation, 'y')).toThrow('has not exactly once')
})
