import { UUID } from 'bson'
import { expect, test } from 'vitest'
import { openServer, type TestServer } from '../command/testdata/server.ts'
import { applyEvent, type Copy, type Event } from './testdata/copy.ts'
import { Dice } from './testdata/dice.ts'

type Document = Record<string, unknown>

interface Stream {
  readonly first: Event[]
  id: bigint
  readonly collection: string
  readonly database: string
  token: Document
}

async function watch(
  server: TestServer,
  options: Document = {},
  {
    collection,
    database = 'test',
    pipeline = [] as Document[],
  }: { collection?: string; database?: string; pipeline?: Document[] } = {},
): Promise<Stream> {
  const reply = await server.run({
    aggregate: collection ?? 1,
    pipeline: [{ $changeStream: options }, ...pipeline],
    cursor: {},
    $db: database,
  })
  const { id, firstBatch, postBatchResumeToken } = reply['cursor'] as {
    id: bigint
    firstBatch: Event[]
    postBatchResumeToken: Document
  }
  return {
    first: firstBatch,
    id: BigInt(id.toString()),
    collection: collection ?? '$cmd.aggregate',
    database,
    token: postBatchResumeToken,
  }
}

const everything: [Document, { database: string }] = [
  { allChangesForCluster: true, showExpandedEvents: true },
  { database: 'admin' },
]

/** Every event there is now. */
async function drain(server: TestServer, stream: Stream): Promise<Event[]> {
  const events = stream.first.splice(0)
  while (stream.id !== 0n) {
    const { cursor } = (await server.run({
      getMore: stream.id,
      collection: stream.collection,
      maxTimeMS: 0,
      $db: stream.database,
    })) as { cursor: { nextBatch: Event[]; id: bigint; postBatchResumeToken: Document } }
    stream.id = BigInt(cursor.id.toString())
    stream.token = cursor.postBatchResumeToken
    if (cursor.nextBatch.length === 0) break
    events.push(...cursor.nextBatch)
  }
  return events
}

const typesOf = (events: readonly Event[]): string[] => events.map(({ operationType }) => operationType)
const tokensOf = (events: readonly Event[]): string[] => events.map(({ _id }) => _id._data)

async function randomChange(server: TestServer, dice: Dice): Promise<void> {
  const collection = dice.pick(['a', 'b'])
  const _id = dice.below(8)
  const value = dice.value()
  const update = (u: unknown): Promise<Document> =>
    server.reply({ update: collection, updates: [{ q: { _id }, u, upsert: dice.below(4) === 0 }] })
  switch (dice.below(14)) {
    case 0:
    case 1:
      await server.reply({
        insert: collection,
        documents: [{ _id, x: value, list: [1, { y: 1 }], in: { p: 1, q: value } }],
      })
      return
    case 2:
      await update({ $set: { x: value, 'in.p': value, 'new.er': 1 } })
      return
    case 3:
      await update({ $unset: { x: 1, 'in.q': 1 }, $inc: { n: 1 } })
      return
    case 4:
      await update({ $push: { list: { $each: [value, 2] } } })
      return
    case 5:
      await update({ $set: { 'list.1': value, [`in.${dice.below(3)}`]: value } })
      return
    case 6:
      await update({ $pull: { list: 2 }, $rename: { x: 'in.x' } })
      return
    case 7:
      await update([
        { $set: { list: { $slice: [{ $ifNull: ['$list', []] }, 2] }, filler: 'f'.repeat(300), x: dice.below(9) } },
      ])
      return
    case 8:
      await update([{ $set: { 'in.p': dice.below(9), y: { z: value } } }, { $unset: 'n' }])
      return
    case 9:
      await update({ x: value, replaced: true })
      return
    case 10:
      await server.reply({ delete: collection, deletes: [{ q: { _id: { $gte: _id } }, limit: dice.below(2) }] })
      return
    case 11:
      await server.reply({
        findAndModify: collection,
        query: { _id },
        update: { $mul: { n: 2 }, $set: { 'list.4': 1 } },
      })
      return
    case 12:
      if (dice.below(3) === 0) await server.reply({ drop: collection })
      else await server.reply({ update: collection, updates: [{ q: {}, u: { $set: { all: value } }, multi: true }] })
      return
    default:
      if (dice.below(3) > 0) await server.reply({ createIndexes: collection, indexes: [{ key: { x: 1 }, name: 'x' }] })
      else
        await server.reply({
          renameCollection: `test.${collection}`,
          to: `test.${dice.pick(['a', 'b', 'c'])}`,
          dropTarget: true,
          $db: 'admin',
        })
  }
}

async function stored(server: TestServer): Promise<Copy> {
  const copy: Copy = new Map()
  for (const name of ['a', 'b', 'c']) {
    for (const document of await server.all({ find: name, batchSize: 100 })) {
      const key = `test.${name}`
      copy.set(key, (copy.get(key) ?? new Map()).set(JSON.stringify(document['_id']), document))
    }
  }
  return copy
}

test.each([1, 2, 3, 4])(
  'what the events of a random workload make of nothing is what is stored (seed %i)',
  async (seed) => {
    const dice = new Dice(seed)
    const server = await openServer({ seed })
    const stream = await watch(server, ...everything)
    const copy: Copy = new Map()
    for (let round = 0; round < 12; round++) {
      for (let i = dice.below(20); i >= 0; i--) await randomChange(server, dice)
      for (const event of await drain(server, stream)) applyEvent(copy, event)
      expect(copy).toEqual(await stored(server))
    }
  },
)

test.each([5, 6])('resuming after any event gives exactly the rest, also after a restart (seed %i)', async (seed) => {
  const dice = new Dice(seed)
  const server = await openServer({ seed })
  const stream = await watch(server, ...everything)
  for (let i = 0; i < 60; i++) await randomChange(server, dice)
  const events = await drain(server, stream)
  expect(events.length).toBeGreaterThan(20)
  expect(tokensOf(events)).toEqual(tokensOf(events).toSorted())
  const resumed = async (by: TestServer, at: number): Promise<string[]> => {
    const [options, where] = everything
    return tokensOf(await drain(by, await watch(by, { ...options, resumeAfter: events[at]!._id }, where)))
  }
  for (let at = 0; at < events.length; at += 3)
    expect(await resumed(server, at)).toEqual(tokensOf(events.slice(at + 1)))
  server.database.close()
  await server.engine.close()
  const again = await openServer({ seed, world: server.world })
  for (let at = 1; at < events.length; at += 5) expect(await resumed(again, at)).toEqual(tokensOf(events.slice(at + 1)))
})

test('the events of a transaction come together when it commits, and name it', async () => {
  const server = await openServer({ replicaSet: { name: 'rs0' } })
  await server.run({ create: 'c' })
  const stream = await watch(server, {}, { collection: 'c' })
  const id = new UUID()
  const fields = { lsid: { id }, txnNumber: 7n, autocommit: false }
  await server.run({ insert: 'c', documents: [{ _id: 1 }], ...fields, startTransaction: true })
  await server.run({ insert: 'c', documents: [{ _id: 2 }] })
  await server.run({ update: 'c', updates: [{ q: { _id: 1 }, u: { $set: { x: 1 } } }], ...fields })
  expect((await drain(server, stream)).map(({ documentKey }) => documentKey)).toEqual([{ _id: 2 }])
  await server.run({ commitTransaction: 1, ...fields, $db: 'admin' })
  const events = await drain(server, stream)
  expect(
    events.map(({ operationType, lsid, txnNumber }) => [
      operationType,
      (lsid as { id: UUID }).id.toString(),
      String(txnNumber),
    ]),
  ).toEqual([
    ['insert', id.toString(), '7'],
    ['update', id.toString(), '7'],
  ])
  expect(events[0]!.clusterTime).toEqual(events[1]!.clusterTime)
  const rest = await watch(server, { resumeAfter: events[0]!._id }, { collection: 'c' })
  expect(typesOf(await drain(server, rest))).toEqual(['update'])
})

test('a stream that saw nothing resumes with what came since', async () => {
  const server = await openServer()
  const stream = await watch(server, {}, { collection: 'c' })
  expect(await drain(server, stream)).toEqual([])
  await server.run({ insert: 'c', documents: [{ _id: 1 }] })
  const resumed = await watch(server, { resumeAfter: stream.token }, { collection: 'c' })
  expect(typesOf(await drain(server, resumed))).toEqual(['insert'])
  await drain(server, resumed)
  const later = await watch(server, { startAfter: resumed.token }, { collection: 'c' })
  expect(await drain(server, later)).toEqual([])
})

test('a stream begins at an operation time, the entry of that time included', async () => {
  const server = await openServer()
  const stream = await watch(server, {}, { collection: 'c' })
  for (let _id = 0; _id < 4; _id++) await server.run({ insert: 'c', documents: [{ _id }] })
  const events = await drain(server, stream)
  const startAtOperationTime = events[2]!.clusterTime
  const late = await drain(server, await watch(server, { startAtOperationTime }, { collection: 'c' }))
  expect(late.map(({ documentKey }) => documentKey)).toEqual([{ _id: 2 }, { _id: 3 }])
})

test('the end of a collection ends its stream, which then begins anew after the invalidate event only', async () => {
  const server = await openServer()
  await server.run({ create: 'c' })
  const stream = await watch(server, {}, { collection: 'c' })
  await server.run({ insert: 'c', documents: [{ _id: 1 }] })
  await server.run({ drop: 'c' })
  await server.run({ insert: 'c', documents: [{ _id: 2 }] })
  const events = await drain(server, stream)
  expect(typesOf(events)).toEqual(['insert', 'drop', 'invalidate'])
  expect(stream.id).toBe(0n)
  const resumeAfter = events[2]!._id
  expect(
    await server.reply({ aggregate: 'c', pipeline: [{ $changeStream: { resumeAfter } }], cursor: {} }),
  ).toMatchObject({
    code: 260,
    codeName: 'InvalidResumeToken',
  })
  const again = await watch(server, { startAfter: events[2]!._id }, { collection: 'c' })
  expect(await drain(server, again)).toMatchObject([{ operationType: 'insert', documentKey: { _id: 2 } }])
  const atDrop = await watch(server, { resumeAfter: events[1]!._id }, { collection: 'c' })
  expect(typesOf(await drain(server, atDrop))).toEqual(['invalidate'])
})

test('a token of an event that the stream does not show fails once it comes to one that it shows', async () => {
  const server = await openServer()
  const elsewhere = await watch(server, {}, { collection: 'elsewhere' })
  await server.run({ insert: 'elsewhere', documents: [{ _id: 1 }] })
  const [event] = await drain(server, elsewhere)
  const stream = await watch(server, { resumeAfter: event!._id }, { collection: 'c' })
  expect(await drain(server, stream)).toEqual([])
  await server.run({ insert: 'c', documents: [{ _id: 1 }] })
  expect(await server.reply({ getMore: stream.id, collection: 'c', maxTimeMS: 0 })).toMatchObject({
    codeName: 'ChangeStreamFatalError',
    errmsg: expect.stringContaining('the resume token was not found'),
  })
})

test('images before and after come from the log, where the collection keeps them', async () => {
  const server = await openServer()
  await server.run({ create: 'kept', changeStreamPreAndPostImages: { enabled: true } })
  await server.run({ create: 'plain' })
  const options = { fullDocument: 'whenAvailable', fullDocumentBeforeChange: 'whenAvailable' }
  const stream = await watch(server, options)
  for (const c of ['kept', 'plain']) {
    await server.run({ insert: c, documents: [{ _id: 1, x: 1, y: 'long enough to be worth a patch in the log' }] })
    await server.run({ update: c, updates: [{ q: { _id: 1 }, u: { $set: { x: 2 } } }] })
    await server.run({ update: c, updates: [{ q: { _id: 1 }, u: { x: 3 } }] })
    await server.run({ delete: c, deletes: [{ q: {}, limit: 0 }] })
  }
  const events = await drain(server, stream)
  const y = 'long enough to be worth a patch in the log'
  const images = events.map(({ fullDocument, fullDocumentBeforeChange }) => [fullDocument, fullDocumentBeforeChange])
  expect(images).toEqual([
    [{ _id: 1, x: 1, y }, undefined],
    [
      { _id: 1, x: 2, y },
      { _id: 1, x: 1, y },
    ],
    [
      { _id: 1, x: 3 },
      { _id: 1, x: 2, y },
    ],
    [undefined, { _id: 1, x: 3 }],
    [{ _id: 1, x: 1, y }, undefined],
    [null, null],
    [{ _id: 1, x: 3 }, null],
    [undefined, null],
  ])
  const required = await watch(
    server,
    { fullDocumentBeforeChange: 'required', resumeAfter: events[4]!._id },
    { collection: 'plain' },
  )
    .then((opened) => server.reply({ getMore: opened.id, collection: 'plain', maxTimeMS: 0 }))
    .catch((error: Error) => ({ errmsg: error.message, code: 47 }))
  expect(required).toMatchObject({ code: 47 })
})

test('what a pipeline does to an event is done, but its _id must stay', async () => {
  const server = await openServer()
  const pipeline = [
    { $match: { operationType: 'insert', 'fullDocument.x': { $gt: 1 } } },
    { $project: { 'fullDocument.x': 1 } },
  ]
  const stream = await watch(server, {}, { collection: 'c', pipeline })
  await server.run({
    insert: 'c',
    documents: [
      { _id: 1, x: 1 },
      { _id: 2, x: 2 },
    ],
  })
  expect(await drain(server, stream)).toMatchObject([{ fullDocument: { x: 2 } }])
  const bad = await watch(server, {}, { collection: 'c', pipeline: [{ $project: { _id: 0 } }] })
  await server.run({ insert: 'c', documents: [{ _id: 3 }] })
  expect(await server.reply({ getMore: bad.id, collection: 'c', maxTimeMS: 0 })).toMatchObject({
    code: 280,
    codeName: 'ChangeStreamFatalError',
    errorLabels: ['NonResumableChangeStreamError'],
  })
})

test.each([
  [
    { aggregate: 'c', pipeline: [{ $changeStream: {} }, { $group: { _id: 1 } }] },
    20,
    '$group is not permitted in a $changeStream pipeline',
  ],
  [
    { aggregate: 'c', pipeline: [{ $match: {} }, { $changeStream: {} }] },
    40602,
    '$changeStream is only valid as the first stage in a pipeline',
  ],
  [
    { aggregate: 'c', pipeline: [{ $changeStream: { fullDocument: 'all' } }] },
    2,
    "Enumeration value 'all' for field '$changeStream.fullDocument' is not a valid value.",
  ],
  [
    { aggregate: 'c', pipeline: [{ $changeStream: { nonsense: 1 } }] },
    40415,
    "BSON field '$changeStream.nonsense' is an unknown field.",
  ],
  [
    { aggregate: 'c', pipeline: [{ $changeStream: { resumeAfter: {} } }] },
    40647,
    'Bad resume token: _data of missing or of wrong type: missing',
  ],
  [
    { aggregate: 'c', pipeline: [{ $changeStream: { resumeAfter: { _data: 'xyz' } } }] },
    9,
    'resume token string was not a valid hex string',
  ],
  [
    { aggregate: 'c', pipeline: [{ $changeStream: { resumeAfter: { _data: '82' } } }] },
    260,
    'Invalid resume token: 82',
  ],
  [
    { aggregate: 1, pipeline: [{ $changeStream: { allChangesForCluster: true } }] },
    72,
    "A $changeStream with 'allChangesForCluster:true' may only be opened on the 'admin' database, and with no collection name; found test",
  ],
  [
    { aggregate: 1, pipeline: [{ $changeStream: {} }], $db: 'admin' },
    73,
    '$changeStream may not be opened on the internal admin database',
  ],
  [
    { aggregate: 'system.profile', pipeline: [{ $changeStream: {} }] },
    73,
    '$changeStream may not be opened on the internal test.system.profile collection',
  ],
  [
    { aggregate: 'c', pipeline: [{ $changeStreamSplitLargeEvent: {} }] },
    20,
    '$changeStreamSplitLargeEvent can only be used in a $changeStream pipeline',
  ],
  [
    { aggregate: 'c', pipeline: [{ $changeStream: {} }], readConcern: { level: 'local' } },
    72,
    "Aggregation stage $changeStream cannot run with a readConcern other than 'majority'. Current readConcern: local",
  ],
])('%j is refused', async (command, code, errmsg) => {
  const server = await openServer()
  expect(await server.reply({ ...command, cursor: {} })).toMatchObject({ ok: 0, code, errmsg })
})

test('an event that is too large for a document comes in parts, and resumes between them', async () => {
  const server = await openServer()
  await server.run({ create: 'c', changeStreamPreAndPostImages: { enabled: true } })
  const large = 'x'.repeat(12 * 1024 * 1024)
  const options = { fullDocumentBeforeChange: 'required' }
  const whole = await watch(server, options, { collection: 'c' })
  const pipeline = [{ $changeStreamSplitLargeEvent: {} }]
  const stream = await watch(server, options, { collection: 'c', pipeline })
  await server.run({ insert: 'c', documents: [{ _id: 1, large }] })
  await server.run({ update: 'c', updates: [{ q: { _id: 1 }, u: { _id: 1, large: `${large}y` } }] })
  const events = await drain(server, stream)
  expect(events.map(({ splitEvent }) => splitEvent)).toEqual([
    undefined,
    { fragment: 1, of: 2 },
    { fragment: 2, of: 2 },
  ])
  expect(events[2]).toHaveProperty('fullDocumentBeforeChange')
  const rest = await watch(server, { ...options, resumeAfter: events[1]!._id }, { collection: 'c', pipeline })
  expect((await drain(server, rest)).map(({ splitEvent }) => splitEvent)).toEqual([{ fragment: 2, of: 2 }])
  expect(await server.reply({ getMore: whole.id, collection: 'c', maxTimeMS: 0, batchSize: 1 })).toMatchObject({
    ok: 1,
  })
  const tooLarge = await server.reply({ getMore: whole.id, collection: 'c', maxTimeMS: 0 })
  expect(tooLarge).toMatchObject({ codeName: 'BSONObjectTooLarge' })
})
