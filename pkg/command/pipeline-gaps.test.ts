/** `$densify`, `$fill` and the boundaries of `$bucketAuto`, as MongoDB's published sources and tests have them. */
import { Decimal128, Double } from 'bson'
import { expect, it } from 'vitest'
import { openServer } from './testdata/server.ts'

async function rows(documents: object[], stage: object): Promise<unknown[]> {
  const server = await openServer()
  await server.run({ create: 'c' })
  if (documents.length > 0) await server.run({ insert: 'c', documents })
  const { cursor } = await server.run({ aggregate: 'c', pipeline: [stage], cursor: {} })
  return (cursor as { firstBatch: unknown[] }).firstBatch
}

const densify = (range: object, more: object = {}) => ({ $densify: { field: 'x', range, ...more } })

it('densifies partitions side by side within the bounds of all, and what is left of them at the end', async () => {
  const documents = [
    { _id: 1, x: 1, p: 'a' },
    { _id: 2, x: 4, p: 'a' },
    { _id: 3, x: 2, p: 'b' },
  ]
  const found = await rows(documents, densify({ step: 1, bounds: 'full' }, { partitionByFields: ['p'] }))
  expect(found.map((row) => row as { p: string; x: number }).map(({ p, x }) => `${p}${x}`)).toEqual([
    'a1',
    'b1',
    'b2',
    'a2',
    'a3',
    'a4',
    'b3',
    'b4',
  ])
})

it('densifies between bounds where there is no document', async () => {
  const range = { step: 1, bounds: [1, 3] }
  expect(await rows([], densify(range))).toEqual([{ x: 1 }, { x: 2 }])
  expect(await rows([], densify(range, { partitionByFields: ['p'] }))).toEqual([])
  expect(await rows([{ _id: 1 }], densify(range))).toEqual([{ _id: 1 }, { x: 1 }, { x: 2 }])
})

it('adds the distance to each step, not to the first', async () => {
  const months = [{ x: new Date('2020-01-31') }, { x: new Date('2020-05-01') }]
  const found = (await rows(months, densify({ step: 1, unit: 'month', bounds: 'full' }))) as { x: Date }[]
  expect(found.map(({ x }) => x.toISOString().slice(5, 10))).toEqual(['01-31', '02-29', '03-29', '04-29', '05-01'])
  const tenths = [{ x: new Double(0) }, { x: new Double(0.35) }]
  const steps = (await rows(tenths, densify({ step: 0.1, bounds: 'full' }))) as { x: number }[]
  expect(steps.map(({ x }) => x)).toEqual([0, 0.1, 0.2, 0.1 + 0.2, 0.35])
})

const fill = (output: object, more: object = {}) => ({ $fill: { output, ...more } })

it.each([
  [{ $densify: 1 }, 9],
  [densify({ step: 'a', bounds: 'full' }), 5733401],
  [densify({ step: 0, bounds: 'full' }), 5733401],
  [densify({ step: 1.5, unit: 'day', bounds: 'full' }), 6586400],
  [densify({ step: 1, bounds: 'all' }), 5946802],
  [densify({ step: 1, bounds: 5 }), 5733404],
  [densify({ step: 1, bounds: [1] }), 5733403],
  [densify({ step: 1, bounds: [3, 1] }), 5733402],
  [densify({ step: 1, unit: 'day', bounds: [1, 2] }), 5733409],
  [densify({ step: 1, bounds: [1, new Date(0)] }), 5733406],
  [densify({ step: 0.5, bounds: [1, 2] }), 5876900],
  [densify({ step: 1, bounds: [new Date(0), new Date(1)] }), 5733410],
  [densify({ step: 1, bounds: ['a', 'b'] }), 5946800],
  [densify({ step: 1, bounds: 'partition' }), 5733408],
  [densify({ step: 1, bounds: 'full' }, { partitionByFields: ['x'] }), 8993000],
  [fill({}), 6050203],
  [fill({ x: 1 }), 6050200],
  [fill({ x: { method: 'locf', value: 1 } }), 6050201],
  [fill({ x: { method: 'nearest' } }), 6050202],
  [fill({ x: { method: 1 } }), 14],
  [fill({ x: { how: 'locf' } }), 40415],
  [fill({ x: { method: 'linear' } }), 605001],
  [fill({ x: { value: 1 } }, { partitionBy: 5 }), 14],
  [fill({ x: { value: 1 } }, { partitionBy: '$p', partitionByFields: ['p'] }), 6050204],
  [{ $bucketAuto: { groupBy: '$inf', buckets: 2, granularity: 'R5' } }, 11785400],
])('refuses %j with %d', async (stage, code) => {
  const server = await openServer()
  await server.run({ insert: 'c', documents: [{ _id: 1, x: 1, inf: Number.POSITIVE_INFINITY }] })
  expect(await server.reply({ aggregate: 'c', pipeline: [stage], cursor: {} })).toMatchObject({ ok: 0, code })
})

it('leaves a field alone that $fill says nothing about', async () => {
  expect(await rows([{ _id: 1 }], fill({ x: {} }))).toEqual([{ _id: 1 }])
})

it.each([
  ['R5', [0, 2.5, 63 * 0.1, 10]],
  ['E6', [0, 2.2, 68 * 0.1, 10]],
  ['POWERSOF2', [0, 4, 8, 16]],
])('rounds boundaries to %s as products of doubles, and of decimals as decimals', async (granularity, boundaries) => {
  const stage = { $bucketAuto: { groupBy: '$x', buckets: 3, granularity } }
  const edgesOf = (found: unknown[]) => {
    const ids = found.map((row) => (row as { _id: { min: unknown; max: unknown } })._id)
    return [ids[0]!.min, ...ids.map(({ max }) => max)]
  }
  const numbers = Array.from({ length: 10 }, (_, x) => x)
  expect(
    edgesOf(
      await rows(
        numbers.map((x) => ({ x })),
        stage,
      ),
    ),
  ).toEqual(boundaries)
  const decimals = edgesOf(
    await rows(
      numbers.map((x) => ({ x: Decimal128.fromString(`${x}`) })),
      stage,
    ),
  )
  expect(decimals.every((edge) => edge instanceof Decimal128)).toBe(true)
  expect(decimals.map((edge) => Number(`${edge}`))).toEqual(boundaries.map((edge) => Number(edge.toFixed(3))))
})
