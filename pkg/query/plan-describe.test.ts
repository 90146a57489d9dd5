import { describe, expect, test } from 'vitest'
import { timestampMax } from '../base/timestamp.ts'
import { buildDocument, rawDocument } from '../bson/build.ts'
import { type FindRequest, planFind } from './execute.ts'
import { parseFilter } from './filter/parse.ts'
import { describePlan } from './plan-describe.ts'
import { parseProjection } from './projection/parse.ts'
import { parseSort } from './sort/parse.ts'
import { MemorySource } from './testdata/memory-source.ts'

const source = new MemorySource(
  [buildDocument({ _id: 1, tags: [1] })],
  [
    ['age', false],
    ['tags', false],
    ['name', true],
  ],
)

function explain(filter: Record<string, unknown>, request: Partial<FindRequest> = {}, projection = {}) {
  const filterDocument = buildDocument(filter)
  const node = planFind(source, timestampMax, { filter: parseFilter(filterDocument), ...request })
  return describePlan(node, { ...request, projection: parseProjection(buildDocument(projection)) })
}

const bounds = (filter: Record<string, unknown>, request?: Partial<FindRequest>) =>
  (explain(filter, request) as { inputStage: { indexBounds: unknown } }).inputStage.indexBounds

describe('explain', () => {
  test('names the stages', () => {
    expect(explain({})).toMatchObject({ stage: 'COLLSCAN', direction: 'forward' })
    expect(explain({ _id: 1 })).toMatchObject({ stage: 'IDHACK' })
    expect(explain({ _id: { $in: [2, 1] } })).toMatchObject({
      stage: 'FETCH',
      inputStage: { stage: 'IXSCAN', indexName: '_id_', indexBounds: { _id: ['[1, 1]', '[2, 2]'] } },
    })
    expect(explain({ age: 5 }, { skip: 2, limit: 3 }, { age: 1, 'a.b': 1 })).toMatchObject({
      stage: 'PROJECTION_DEFAULT',
      transformBy: { age: true, 'a.b': true, _id: true },
      inputStage: {
        stage: 'LIMIT',
        limitAmount: 3,
        inputStage: {
          stage: 'SKIP',
          skipAmount: 2,
          inputStage: {
            stage: 'FETCH',
            inputStage: {
              stage: 'IXSCAN',
              indexName: 'age_1',
              keyPattern: rawDocument(buildDocument({ age: 1 })),
              isMultiKey: false,
              direction: 'forward',
            },
          },
        },
      },
    })
    expect(explain({ x: 1 }, { sort: parseSort(buildDocument({ x: 1 })), limit: 5, skip: 1 })).toMatchObject({
      stage: 'SKIP',
      inputStage: { stage: 'SORT', limitAmount: 6, type: 'simple', inputStage: { stage: 'COLLSCAN' } },
    })
  })

  test('prints bounds', () => {
    expect(bounds({ age: { $gte: 30 } })).toEqual({ age: ['[30, inf.0]'] })
    expect(bounds({ age: { $gt: 1.5, $lte: 40n } })).toEqual({ age: ['(1.5, 40]'] })
    expect(bounds({ age: { $lt: 'x' } })).toEqual({ age: ['["", "x")'] })
    expect(bounds({ age: { $gt: 'x' } })).toEqual({ age: ['("x", {})'] })
    expect(bounds({ age: { $in: [3, 1, null] } })).toEqual({ age: ['[null, null]', '[1, 1]', '[3, 3]'] })
    expect(bounds({ age: { $gte: new Date(5) } })).toEqual({ age: ['[new Date(5), new Date(9223372036854775807)]'] })
    expect(bounds({ age: { $gt: 5, $lt: 1 } })).toEqual({ age: [] })
    expect(bounds({ age: { x: [1, 'a'] } })).toEqual({ age: ['[{ x: [ 1, "a" ] }, { x: [ 1, "a" ] }]'] })
    expect(bounds({ name: { $gte: 'a', $lt: 'b' } })).toEqual({ name: ['("b", "a"]'] })
    expect(bounds({}, { sort: parseSort(buildDocument({ age: -1 })) })).toEqual({ age: ['[MaxKey, MinKey]'] })
    expect(bounds({ tags: { $gt: 1, $lt: 5 } })).toEqual({ tags: ['(1, inf.0]'] })
    expect(bounds({ tags: [7, 8] })).toEqual({ tags: ['[7, 7]', '[[ 7, 8 ], [ 7, 8 ]]'] })
  })
})
