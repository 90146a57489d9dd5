/** Random updates over random documents, against a model on plain values; and patched in place = rebuilt. */
import { expect, it } from 'vitest'
import type { Timestamp } from '../../base/timestamp.ts'
import { buildDocument } from '../../bson/build.ts'
import { applyUpdate, type UpdateResult } from './apply.ts'
import { parseUpdate } from './parse.ts'
import type { Update } from './update.ts'

type Model = { [name: string]: number | string | Model }

const context = { nowMs: 0, timestamp: 0 as Timestamp }
const names = ['a', 'b', 'c', 'dd', 'e']

function generator(seed: number): (n: number) => number {
  return (n) => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0
    return Math.floor((seed / 2 ** 32) * n)
  }
}

function randomDocument(random: (n: number) => number, depth: number): Model {
  const document: Model = {}
  for (const name of names.toSorted(() => random(3) - 1)) {
    const kind = random(4)
    if (kind === 0) document[name] = random(100)
    else if (kind === 1) document[name] = 'x'.repeat(random(5))
    else if (kind === 2 && depth < 3) document[name] = randomDocument(random, depth + 1)
  }
  return document
}

/** Sets, removes or adds to the value at a path; undefined when MongoDB would refuse. */
function applyToModel(document: Model, operator: string, path: string, operand: number | string): Model | undefined {
  const [first, ...rest] = path.split('.') as [string, ...string[]]
  const copy: Model = { ...document }
  const value = copy[first]
  if (rest.length === 0) {
    if (operator === '$unset') delete copy[first]
    else if (operator === '$set') copy[first] = operand
    else if (value === undefined) copy[first] = operand
    else if (typeof value !== 'number') return undefined
    else copy[first] = value + Number(operand)
    return copy
  }
  if (value !== undefined && typeof value !== 'object') return operator === '$unset' ? copy : undefined
  if (value === undefined && operator === '$unset') return copy
  const inner = applyToModel(value ?? {}, operator, rest.join('.'), operand)
  if (inner === undefined) return undefined
  copy[first] = inner
  return copy
}

it('does to bytes what the model does to values', () => {
  let refused = 0
  let done = 0
  for (let seed = 1; seed <= 4000; seed++) {
    const random = generator(seed)
    const document: Model = { _id: seed, ...randomDocument(random, 0) }
    const update: Record<string, Record<string, number | string>> = {}
    let model: Model | undefined = document
    const paths: string[] = []
    for (let i = 0; i <= random(3); i++) {
      const path = Array.from({ length: 1 + random(3) }, () => names[random(names.length)]!).join('.')
      if (paths.some((other) => `${other}.`.startsWith(`${path}.`) || `${path}.`.startsWith(`${other}.`))) continue
      paths.push(path)
      const operator = ['$set', '$unset', '$inc'][random(3)]!
      const operand = operator === '$set' && random(2) === 0 ? 'y'.repeat(random(4)) : random(50)
      update[operator] = { ...update[operator], [path]: operand }
    }
    // New fields come in the order of their paths.
    const changes = Object.entries(update).flatMap(([operator, fields]) =>
      Object.entries(fields).map(([path, operand]) => ({ operator, path, operand })),
    )
    for (const { operator, path, operand } of changes.toSorted((a, b) => (a.path < b.path ? -1 : 1))) {
      model = model && applyToModel(model, operator, path, operand)
    }
    const apply = (): Outcome => applied(parseUpdate(buildDocument(update)), buildDocument(document), 0)
    if (model === undefined) {
      refused++
      expect(apply, `seed ${seed}`).toThrow()
    } else {
      done++
      const expected = buildDocument(model)
      const changed = !equalBytes(expected, buildDocument(document))
      expect(apply(), `seed ${seed}`).toEqual({ document: expected, changed })
    }
  }
  expect(Math.min(refused, done)).toBeGreaterThan(300)
})

it('gives the same whether it patches in place or rebuilds', () => {
  let patched = 0
  for (let seed = 1; seed <= 2000; seed++) {
    const random = generator(seed)
    const document = buildDocument({ _id: seed, ...randomDocument(random, 2) })
    const operand = { [names[random(5)]!]: random(9), [names[random(5)]!]: random(9) }
    const update = parseUpdate(buildDocument(random(2) === 0 ? { $set: operand } : { $max: operand }))
    if (update.kind !== 'operators') throw new Error('not an update with operators')
    if (update.flat !== undefined) patched++
    const rebuilding: Update = { ...update, flat: undefined }
    expect(applied(update, document, 0), `seed ${seed}`).toEqual(applied(rebuilding, document, 0))
  }
  expect(patched).toBe(2000)
})

it('applies to a document in the middle of other bytes', () => {
  const document = buildDocument({ _id: 1, n: 1, s: 'abc' })
  const page = new Uint8Array(document.length + 20).fill(0xff)
  page.set(document, 7)
  for (const update of [
    { $inc: { n: 1 } },
    { $set: { s: 'abcd' } },
    { $unset: { n: 1 } },
    { $set: { n: 1 } },
    { n: 5 },
  ]) {
    const parsed = parseUpdate(buildDocument(update))
    expect(applied(parsed, page, 7)).toEqual(applied(parsed, document, 0))
  }
})

type Outcome = Pick<UpdateResult, 'document' | 'changed'>

/** What an update does to the document at `start`, after a look at whether what it says to have kept was there. */
function applied(update: Update, bytes: Uint8Array, start: number): Outcome {
  const { document, changed, kept } = applyUpdate(update, bytes, start, context)
  if (kept !== undefined) {
    const { length } = document
    const before = bytes.subarray(start, start + length)
    expect(kept.head + kept.tail).toBeLessThan(length)
    expect(document.subarray(0, kept.head)).toEqual(before.subarray(0, kept.head))
    expect(document.subarray(length - kept.tail)).toEqual(before.subarray(length - kept.tail))
  }
  return { document, changed }
}

function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i])
}
