/** Stages that leave out what nobody reads give the same results as those that do not. */
import { describe, expect, it } from 'vitest'
import { buildArray } from '../bson/build.ts'
import { decodeDocument, encodeDocument } from '../bson/convert.ts'
import { FieldGathering } from './needed-fields.ts'
import { parsePipeline } from './parse.ts'
import { DocumentRows } from './rows.ts'
import { runPipeline } from './run.ts'

function randomFrom(seed: number): () => number {
  let state = seed
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 2 ** 32
  }
}

function documents(seed: number): Uint8Array[] {
  const random = randomFrom(seed)
  const pick = <T>(values: readonly T[]): T => values[Math.floor(random() * values.length)]!
  const whole = () => Math.floor(random() * 6)
  const list = () => Array.from({ length: whole() }, () => pick<unknown>([whole(), 'text', null, { b: whole() }, [1]]))
  return Array.from({ length: 80 }, (_, _id) => {
    const fields: [string, unknown][] = [
      ['tags', pick<() => unknown>([list, list, list, whole, () => null, () => ({ b: 1 })])()],
      ['n', pick<unknown>([whole(), random() * 9, null, 'x'])],
      ['a', pick<unknown>([{ b: whole(), c: { d: whole() } }, [{ b: whole() }, 3], whole()])],
      ['unread', 'x'.repeat(whole() * 40)],
    ]
    const some = fields.filter(() => random() < 0.85)
    if (random() < 0.3) some.reverse()
    return encodeDocument(new Map<string, unknown>([['_id', _id], ...some]))
  })
}

function run(stages: readonly Record<string, unknown>[], input: readonly Uint8Array[]): unknown[] {
  let steps = 0
  const pause = () => steps++ % 3 === 0
  const rows = runPipeline(parsePipeline(buildArray(stages)), new DocumentRows(input), { nowMs: 0, pause })
  const found: unknown[] = []
  for (;;) {
    if (rows.next()) found.push(decodeDocument(rows.bytes.slice(rows.start, rows.end)))
    else if (rows.paused === true) rows.save()
    else break
  }
  rows.close()
  return found
}

const groups: readonly Record<string, unknown>[] = [
  { _id: '$tags', count: { $sum: 1 } },
  { _id: null, count: { $sum: 1 } },
  { _id: { tag: '$tags', n: '$n' }, total: { $sum: '$a.b' }, list: { $push: '$tags.b' } },
  { _id: '$n', all: { $push: '$$ROOT' } },
  { _id: '$a.c', top: { $top: { sortBy: { n: -1, _id: 1 }, output: '$tags' } } },
  { _id: null, kinds: { $push: { $let: { vars: { x: '$tags' }, in: { $type: '$$x' } } } } },
]

const makers: readonly Record<string, unknown>[] = [
  { $unwind: '$tags' },
  { $unwind: { path: '$tags', preserveNullAndEmptyArrays: true } },
  { $unwind: { path: '$tags', includeArrayIndex: 'n' } },
  { $unwind: '$a.b' },
  {
    $setWindowFields: {
      partitionBy: '$n',
      sortBy: { 'a.b': 1, _id: -1 },
      output: { tags: { $push: '$tags', window: { documents: [-1, 'current'] } }, 'a.b': { $sum: '$n' } },
    },
  },
  {
    $setWindowFields: {
      sortBy: { _id: 1 },
      output: { n: { $rank: {} }, 'tags.b': { $shift: { output: '$a', by: 1 } } },
    },
  },
  { $sort: { n: -1, 'a.b': 1 } },
]

/** Stages that pass documents on, as they are or shaped. */
const passers: readonly Record<string, unknown>[] = [
  { $match: { n: { $gt: 1 }, $or: [{ 'a.b': { $gte: 0 } }, { tags: { $exists: true } }] } },
  { $match: { $expr: { $ne: ['$n', '$a.b'] } } },
  { $sort: { 'a.b': 1, _id: -1 } },
  { $skip: 7 },
  { $limit: 40 },
  { $project: { tags: 1, n: { $ifNull: ['$a.b', 3] }, 'a.b': 1 } },
  { $project: { _id: 0, a: { c: '$n', b: 1 }, tags: '$tags' } },
  { $project: { 'a.b': 0, n: 0 } },
  { $unset: 'tags' },
  { $set: { n: '$tags', 'a.b': { $size: { $cond: [{ $isArray: '$tags' }, '$tags', []] } } } },
  { $set: { tags: '$$ROOT' } },
]

/** Reads whole documents, so that nothing before it is narrowed. */
const whole = { $replaceRoot: { newRoot: '$$ROOT' } }

describe('documents without the fields that nobody reads', () => {
  it.each([1, 2])('give the same groups (seed %d)', (seed) => {
    const input = documents(seed)
    for (const maker of makers) {
      for (const group of groups) {
        const [narrow, wide] = [
          [maker, { $group: group }],
          [maker, whole, { $group: group }],
        ] as const
        expect(run(narrow, input), JSON.stringify(narrow)).toEqual(run(wide, input))
        const twice = [maker, { $unwind: '$tags' }, { $group: group }]
        const wideTwice = [maker, whole, { $unwind: '$tags' }, whole, { $group: group }]
        expect(run(twice, input), JSON.stringify(twice)).toEqual(run(wideTwice, input))
      }
    }
  })

  it.each(passers)('give the same groups through %j', (passer) => {
    const input = documents(3)
    for (const maker of makers) {
      for (const group of groups) {
        const narrow = [maker, passer, { $group: group }]
        const wide = [maker, whole, passer, whole, { $group: group }]
        expect(run(narrow, input), JSON.stringify(narrow)).toEqual(run(wide, input))
      }
    }
  })

  it('are those of the paths that expressions name', () => {
    const needs = (group: Record<string, unknown>) =>
      parsePipeline(buildArray([{ $group: group }]))[0]!.needs!(undefined)
    expect(needs({ _id: '$a.b', n: { $sum: { $add: ['$c', { $size: '$d' }] } } })).toEqual(
      new Map([
        ['a', 'value'],
        ['c', 'value'],
        ['d', 'size'],
      ]),
    )
    expect(needs({ _id: { $size: '$d' }, n: { $first: '$d' } })).toEqual(new Map([['d', 'value']]))
    expect(needs({ _id: null, n: { $push: '$$CURRENT' } })).toBeUndefined()
    expect(new FieldGathering().others(undefined).fields).toBeUndefined()
  })
})
