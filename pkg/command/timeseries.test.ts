import { ObjectId } from 'bson'
import { expect, test } from 'vitest'
import { Engine } from '../engine/engine.ts'
import { openServer } from './testdata/server.ts'

type Server = Awaited<ReturnType<typeof openServer>>

const minute = (n: number): Date => new Date(Date.UTC(2026, 0, 1, 0, n))

async function weather(options: object = {}): Promise<Server> {
  const server = await openServer()
  await server.run({ create: 'weather', timeseries: { timeField: 'at', metaField: 'station' }, ...options })
  return server
}

test('shows its options with what follows from the granularity, and its buckets beside it', async () => {
  const server = await weather({ expireAfterSeconds: 3600 })
  const { cursor } = (await server.run({ listCollections: 1 })) as { cursor: { firstBatch: { name: string }[] } }
  const timeseries = { timeField: 'at', metaField: 'station', granularity: 'seconds', bucketMaxSpanSeconds: 3600 }
  expect(cursor.firstBatch.map(({ name }) => name)).toEqual(['weather', 'system.buckets.weather'])
  expect(cursor.firstBatch[0]).toEqual({
    name: 'weather',
    type: 'timeseries',
    options: { timeseries, expireAfterSeconds: 3600 },
    info: { readOnly: false },
  })
  expect(cursor.firstBatch[1]).toMatchObject({ type: 'collection', options: { clusteredIndex: true, timeseries } })
  await server.run({ collMod: 'weather', timeseries: { granularity: 'hours' }, expireAfterSeconds: 'off' })
  const changed = (await server.run({ listCollections: 1 })) as { cursor: { firstBatch: object[] } }
  expect(changed.cursor.firstBatch[0]).toMatchObject({
    options: { timeseries: { granularity: 'hours', bucketMaxSpanSeconds: 2_592_000 } },
  })
  expect(await server.reply({ collMod: 'weather', timeseries: { granularity: 'minutes' } })).toMatchObject({ code: 72 })
})

test('takes measurements with a date, several with one _id, and gives them in the order of time', async () => {
  const server = await weather()
  const documents = [3, 1, 2, 1].map((n, i) => ({ _id: n, at: minute(n), station: 'a', value: i }))
  await server.run({ insert: 'weather', documents })
  expect(await server.all({ find: 'weather', projection: { value: 1, _id: 0 } })).toEqual(
    [1, 3, 2, 0].map((value) => ({ value })),
  )
  expect(await server.all({ find: 'weather', filter: { _id: 1 }, projection: { value: 1, _id: 0 } })).toEqual(
    [1, 3].map((value) => ({ value })),
  )
  for (const wrong of [{ station: 'a' }, { at: '2026-01-01', station: 'a' }, { at: null }]) {
    const reply = await server.reply({ insert: 'weather', documents: [{ _id: new ObjectId(), ...wrong }] })
    expect(reply).toMatchObject({ n: 0, writeErrors: [{ code: 2 }] })
  }
  await server.run({ delete: 'weather', deletes: [{ q: { _id: 1 }, limit: 0 }] })
  expect(await server.all({ find: 'weather' })).toHaveLength(2)
})

test('is updated only in what its measurements have in common', async () => {
  const server = await weather()
  await server.run({
    insert: 'weather',
    documents: [1, 2].map((n) => ({ at: minute(n), station: { name: 'a' }, value: n })),
  })
  const update = (q: object, u: object, options: object = {}): Promise<Record<string, unknown>> =>
    server.reply({ update: 'weather', updates: [{ q, u, multi: true, ...options }] })
  expect(await update({ 'station.name': 'a' }, { $set: { 'station.name': 'b' } })).toMatchObject({ n: 2, nModified: 2 })
  const refused = { writeErrors: [{ code: 72 }] }
  expect(await update({}, { $set: { value: 1 } })).toMatchObject(refused)
  expect(await update({ value: 1 }, { $set: { station: 'c' } })).toMatchObject(refused)
  expect(await update({}, { $set: { station: 'c' } }, { multi: false })).toMatchObject(refused)
  expect(await update({}, { $set: { station: 'c' } }, { upsert: true })).toMatchObject(refused)
  expect(await update({}, { $rename: { station: 'value' } })).toMatchObject(refused)
  expect(await server.reply({ findAndModify: 'weather', update: { $set: { station: 'c' } } })).toMatchObject({
    code: 72,
  })
})

test('shows and counts its indexes without the one it keeps for itself', async () => {
  const server = await weather()
  const names = async (): Promise<string[]> => {
    const { cursor } = (await server.run({ listIndexes: 'weather' })) as { cursor: { firstBatch: { name: string }[] } }
    return cursor.firstBatch.map(({ name }) => name)
  }
  expect(await names()).toEqual(['station_1_at_1'])
  expect(await server.run({ createIndexes: 'weather', indexes: [{ key: { at: 1 }, name: 'at_1' }] })).toMatchObject({
    numIndexesBefore: 1,
    numIndexesAfter: 2,
  })
  expect(await names()).toEqual(['station_1_at_1', 'at_1'])
  expect(await server.run({ dropIndexes: 'weather', index: '*' })).toMatchObject({ nIndexesWas: 2 })
  expect(await names()).toEqual([])
  expect(await server.reply({ dropIndexes: 'weather', index: '_time_' })).toMatchObject({ code: 27 })
  const refusals: [object, number][] = [
    [{ key: { value: 1 }, name: 'v', unique: true }, 72],
    [{ key: { value: 1 }, name: 'v', sparse: true }, 72],
    [{ key: { value: 'hashed' }, name: 'v' }, 67],
    [{ key: { '$**': 1 }, name: 'v' }, 7246201],
    [{ key: { at: 1 }, name: 'v', expireAfterSeconds: 60 }, 72],
  ]
  for (const [index, code] of refusals)
    expect(await server.reply({ createIndexes: 'weather', indexes: [index] })).toMatchObject({ code })
})

test('lets measurements go when they are old enough', async () => {
  const server = await weather({ expireAfterSeconds: 60 })
  const now = server.world.clock.nowMs()
  const documents = [-120_000, -61_000, 0].map((age, i) => ({ at: new Date(now + age), station: 'a', value: i }))
  await server.run({ insert: 'weather', documents })
  await server.world.clock.sleep(120_000)
  const left = await server.all({ find: 'weather' })
  expect(left.map(({ value }) => value)).not.toContain(0)
  expect(left.map(({ value }) => value)).not.toContain(1)
})

test('is written by $out, and only with the options it has', async () => {
  const server = await openServer()
  await server.run({ insert: 'raw', documents: [{ _id: 1, at: minute(1), value: 5 }] })
  const out = (timeseries: object | undefined): Promise<Record<string, unknown>> =>
    server.reply({
      aggregate: 'raw',
      pipeline: [{ $out: { db: 'test', coll: 'series', timeseries } }],
      cursor: {},
    })
  expect(await out({ timeField: 'at' })).toMatchObject({ ok: 1 })
  expect(await server.all({ find: 'series' })).toEqual([{ _id: 1, at: minute(1), value: 5 }])
  expect(await out({ timeField: 'at', granularity: 'hours' })).toMatchObject({ code: 7406103 })
  expect(await out(undefined)).toMatchObject({ ok: 1 })
  const { cursor } = (await server.run({ listCollections: 1, filter: { name: 'series' } })) as {
    cursor: { firstBatch: object[] }
  }
  expect(cursor.firstBatch[0]).toMatchObject({ type: 'timeseries' })
})

test('keeps its kind and its measurements over a restart', async () => {
  const server = await weather()
  await server.run({ insert: 'weather', documents: [2, 1].map((_id) => ({ _id, at: minute(_id), station: 's' })) })
  const engine = await Engine.open(server.world.restart(), 'data')
  const collection = engine.collection('test', 'weather')!
  expect([collection.hasIdIndex, collection.documentCount, collection.idIndex.layout]).toEqual([false, 2, 'shared'])
  expect((await engine.check()).problems).toEqual([])
})

test('buckets are read with the cursors of a collection', async () => {
  const server = await weather()
  await server.run({ insert: 'weather', documents: [{ at: minute(1), station: 1 }] })
  const buckets = { find: 'system.buckets.weather', noCursorTimeout: true, allowPartialResults: true }
  expect(await server.all(buckets)).toHaveLength(1)
})
