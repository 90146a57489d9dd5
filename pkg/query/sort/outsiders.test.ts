import { Double } from 'bson'
import { describe, expect, it } from 'vitest'
import { buildDocument } from '../../bson/build.ts'
import { decodeDocument, encodeDocument } from '../../bson/convert.ts'
import { KeyWriter } from '../../bson/key.ts'
import { compileSort } from './key.ts'
import { Outsiders } from './outsiders.ts'
import { parseSort } from './parse.ts'
import { Sorter } from './sorter.ts'

function randomFrom(seed: number): () => number {
  let state = seed
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 2 ** 32
  }
}

function documents(seed: number): Uint8Array[] {
  const random = randomFrom(seed)
  const whole = (below: number) => Math.floor(random() * below)
  const values: readonly (() => unknown)[] = [
    () => whole(40) - 20,
    () => random() * 40 - 20,
    () => BigInt(whole(40)),
    () => new Date(whole(40) - 20),
    () => [Number.NaN, -0, Infinity, -Infinity, 2 ** 53, null, 'text', true, { x: 1 }][whole(9)],
    () => Array.from({ length: whole(3) }, () => whole(30) - 15),
    () => undefined,
  ]
  // Mostly of one kind, so that bounds of that kind come about.
  const usual = values[whole(5)]!
  return Array.from({ length: 5000 }, (_, _id) => {
    const value = (random() < 0.9 ? usual : values[whole(values.length)]!)()
    return encodeDocument({ _id, ...(value === undefined ? {} : { n: value }), m: whole(3) })
  })
}

function firstOf(sort: Record<string, number>, limit: number, input: readonly Uint8Array[], early: boolean): unknown[] {
  const parsed = parseSort(buildDocument(sort))
  const keyOf = compileSort(parsed)
  const key = new KeyWriter()
  const sorter = new Sorter({ limit })
  const outsiders = Outsiders.of(parsed)!
  let leftOut = 0
  for (const document of input) {
    if (early && outsiders.includes(document, 0)) {
      leftOut++
      continue
    }
    keyOf(document, 0, key.reset())
    if (early) sorter.addInsider(outsiders, key.bytes, key.length, 0, document)
    else sorter.add(key.bytes, key.length, 0, document)
  }
  if (early) expect(leftOut).toBeGreaterThan(0)
  const found: unknown[] = []
  while (found.length < limit && sorter.next()) {
    found.push(decodeDocument(sorter.document.slice(sorter.documentStart, sorter.documentEnd)))
  }
  sorter.close()
  return found
}

describe('the first rows of a sort', () => {
  it.each([1, 2, 3, 4, 5, 6])('are the same when rows are left out early (seed %d)', (seed) => {
    const input = documents(seed)
    for (const sort of [{ n: 1 }, { n: -1 }, { n: 1, m: -1 }, { n: -1, m: 1 }] as Record<string, number>[]) {
      for (const limit of [1, 20]) expect(firstOf(sort, limit, input, true)).toEqual(firstOf(sort, limit, input, false))
    }
  })

  it('are kept when zeros differ in sign only', () => {
    const input = [0, 0, -0, -0, 5, -5].map((n, _id) =>
      encodeDocument({ _id, n: n === 0 ? new Double(n) : n, m: 9 - _id }),
    )
    for (const n of [1, -1]) {
      const sort = { n, m: 1 }
      expect(firstOf(sort, 2, input, true)).toEqual(firstOf(sort, 2, input, false))
    }
  })

  it('are not told by fields that lie deeper', () => {
    expect(Outsiders.of(parseSort(buildDocument({ 'a.b': 1 })))).toBeUndefined()
  })
})
