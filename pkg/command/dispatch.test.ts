import { Binary, Long, UUID } from 'bson'
import { expect, test } from 'vitest'
import { buildDocument } from '../bson/build.ts'
import { decodeDocument, encodeDocument } from '../bson/convert.ts'
import { readById } from './by-id.ts'
import { find } from './commands/find.ts'
import { ping } from './commands/ping.ts'
import { openServer } from './testdata/server.ts'

test('hello tells what the server is and agrees on compressors in the order of the client', async () => {
  const server = await openServer()
  const client = { driver: { name: 'd', version: '1' }, os: { type: 'Linux' }, application: { name: 'me' } }
  const reply = await server.run({
    hello: 1,
    helloOk: true,
    client,
    compression: ['zlib', 'lz4', 'snappy'],
    $db: 'admin',
    newer: 1,
  })
  expect(reply).toMatchObject({
    helloOk: true,
    isWritablePrimary: true,
    maxBsonObjectSize: 16777216,
    maxMessageSizeBytes: 48000000,
    maxWriteBatchSize: 100000,
    logicalSessionTimeoutMinutes: 30,
    connectionId: 1,
    minWireVersion: 0,
    maxWireVersion: 27,
    compression: ['zlib', 'snappy'],
  })
  expect(server.context.compressors).toEqual(['zlib', 'snappy'])
  expect(server.context.applicationName).toBe('me')
  expect(await server.reply({ hello: 1, client, $db: 'admin' })).toMatchObject({ code: 186 })
  expect(await server.run({ ismaster: 1, $db: 'admin' })).toMatchObject({ ismaster: true })
})

test.each([
  [{ client: {} }, 183],
  [{ client: { driver: { name: 'd' }, os: { type: 'L' } } }, 183],
  [{ client: { driver: { name: 'd', version: '1' }, os: { type: 'L' }, application: { name: 'x'.repeat(200) } } }, 184],
  [{ client: { driver: { name: 'x'.repeat(600), version: '1' }, os: { type: 'L' } } }, 185],
  [{ client: { driver: { name: 1, version: '1' }, os: { type: 'L' } } }, 14],
])('client metadata %# is refused with %d', async (fields, code) => {
  const server = await openServer()
  expect(await server.reply({ hello: 1, ...fields, $db: 'admin' })).toMatchObject({ ok: 0, code })
})

test.each([
  [{ foo: 1 }, 59, "no such command: 'foo'"],
  [{ getFreeMonitoringStatus: 1, $db: 'admin' }, 59, "no such command: 'getFreeMonitoringStatus'"],
  [{ ping: 1, foo: 1 }, 40415, "BSON field 'ping.foo' is an unknown field."],
  [{ listDatabases: 1 }, 13, 'listDatabases may only be run against the admin database.'],
  [{ find: 'c', writeConcern: { w: 1 } }, 72, 'Command find does not support writeConcern'],
  [{ ping: 1, apiVersion: '2' }, 322, 'API version must be "1"'],
  [{ serverStatus: 1, apiVersion: '1', apiStrict: true }, 323, /not in API Version 1/],
  [{ ping: 1, apiStrict: true }, 4886600, /apiVersion/],
  [{ ping: 1, maxTimeMS: -1 }, 2, /maxTimeMS/],
  [{ ping: 1, maxTimeMS: 1.5 }, 9, /maxTimeMS/],
  [{ ping: 1, lsid: { id: 1 } }, 14, /lsid.id/],
  [{ ping: 1, lsid: {} }, 40414, /lsid.id/],
  [{ insert: 'c', documents: [{}], txnNumber: Long.fromNumber(1) }, 72, /session ID/],
  [
    { insert: 'c', documents: [{}], txnNumber: Long.fromNumber(1), lsid: { id: new UUID() } },
    20,
    'Transaction numbers are only allowed on a replica set member or mongos',
  ],
  [{ find: 'c', autocommit: false, startTransaction: true, lsid: { id: new UUID() } }, 72, /transaction number/],
  [{ insert: 'c', documents: [] }, 16, /between 1 and 100000/],
  [{ insert: 'c' }, 40414, "BSON field 'insert.documents' is missing but a required field"],
  [{ insert: 'c', documents: [{}], ordered: 1 }, 14, /insert.ordered/],
  [{ update: 'c', updates: [{ q: {} }] }, 40414, "BSON field 'update.updates.u' is missing but a required field"],
  [{ delete: 'c', deletes: [{ q: {}, limit: 2 }] }, 9, /0 or 1/],
  [{ find: 'c', limit: 'a' }, 14, /find.limit/],
  [{ find: 'c', limit: -1 }, 2, /'limit' value must be >= 0/],
  [{ killOp: 1, op: 1.5, $db: 'admin' }, 2, /whole/],
])('%j is refused with %d', async (command, code, message) => {
  const server = await openServer()
  expect(await server.reply(command as Record<string, unknown>)).toMatchObject({
    ok: 0,
    code,
    errmsg: expect.stringMatching(message) as string,
  })
})

test('a command without $db is refused', async () => {
  const server = await openServer()
  const message = { body: encodeDocument({ ping: 1 }), sequences: new Map(), replyExpected: true }
  expect(Buffer.from(await server.database.dispatch(server.context, message)).toString('latin1')).toContain(
    '$db argument',
  )
})

test('a defect in a command is an InternalError for the client and is told to the server', async () => {
  const told: unknown[] = []
  const server = await openServer({ onInternalError: (error) => told.push(error) })
  const broken = { ...ping, run: () => JSON.parse('{') as undefined }
  expect(() => server.database.execute(server.context, broken, 'test', undefined)).toThrowError(
    expect.objectContaining({ code: 1, codeName: 'InternalError' }),
  )
  expect(told).toHaveLength(1)
})

test('an acknowledged write is on disk, one with j: false need not be', async () => {
  const server = await openServer()
  await server.run({ insert: 'c', documents: [{ _id: 1 }] })
  const { engine, database, context } = server
  expect(engine.statistics().durableIndex).toBe(engine.lastIndex)
  const quick = { insert: 'c', documents: [{ _id: 2 }], writeConcern: { w: 1, j: false }, $db: 'test' }
  const answer = database.dispatch(context, { body: encodeDocument(quick), sequences: new Map(), replyExpected: true })
  expect(answer).not.toBeInstanceOf(Promise)
  expect(engine.statistics().durableIndex).toBeLessThan(engine.lastIndex)
})

test('a batch of inserts is one entry of the log', async () => {
  const server = await openServer()
  await server.run({ create: 'c' })
  const before = server.engine.lastIndex
  await server.run({ insert: 'c', documents: Array.from({ length: 500 }, (_, i) => ({ _id: i })) })
  expect(server.engine.lastIndex).toBe(before + 1)
})

test('a find by _id is answered in the turn of its caller', async () => {
  const server = await openServer()
  await server.run({ insert: 'c', documents: [{ _id: 'a', n: 1 }] })
  const { database, context } = server
  const body = encodeDocument({ find: 'c', filter: { _id: 'a' }, limit: 1, singleBatch: true, $db: 'test' })
  expect(database.dispatch(context, { body, sequences: new Map(), replyExpected: true })).toBeInstanceOf(Uint8Array)
  const into = { bytes: new Uint8Array(0), start: 0, end: 0 }
  expect(readById(database, 'test', 'c', buildDocument({ _id: 'a' }), into)).toBe(true)
  expect(into.bytes.slice(into.start, into.end)).toEqual(encodeDocument({ _id: 'a', n: 1 }))
  expect(readById(database, 'test', 'c', buildDocument({ _id: 'b' }), into)).toBe(false)
  expect(readById(database, 'test', 'c', encodeDocument({ _id: { $gt: 1 } }), into)).toBeUndefined()
})

test('an embedded request gives its documents as bytes', async () => {
  const server = await openServer()
  const documents = Array.from({ length: 5 }, (_, i) => ({ _id: i }))
  await server.run({ insert: 'c', documents })
  const batch = await server.database.execute(server.context, find, 'test', {
    collection: 'c',
    filter: encodeDocument({ _id: { $gte: 2 } }),
    sort: undefined,
    projection: undefined,
    hint: undefined,
    skip: 0,
    limit: 0,
    batchSize: undefined,
    singleBatch: false,
    noCursorTimeout: false,
    tailable: false,
    awaitData: false,
  })
  expect(batch.documents()).toEqual(documents.slice(2).map((document) => encodeDocument(document)))
  expect(batch.cursorId).toBe(0n)
})

test('replies keep their bytes when others are built after them', async () => {
  const server = await openServer()
  const text = 'x'.repeat(3000)
  await server.run({ insert: 'c', documents: Array.from({ length: 100 }, (_, i) => ({ _id: i, text })) })
  const { database, context } = server
  const replies: Uint8Array[] = []
  for (let i = 0; i < 100; i++) {
    const body = encodeDocument({ find: 'c', filter: { _id: i }, $db: 'test' })
    replies.push(await database.dispatch(context, { body, sequences: new Map(), replyExpected: true }))
  }
  for (const [i, reply] of replies.entries())
    expect(decodeDocument(reply)).toEqual({ cursor: { firstBatch: [{ _id: i, text }], id: 0, ns: 'test.c' }, ok: 1 })
})

test('counters and statistics are what happened', async () => {
  const server = await openServer()
  await server.run({ insert: 'c', documents: [{ _id: 1 }, { _id: 2 }] })
  await server.run({ find: 'c' })
  await server.run({ update: 'c', updates: [{ q: {}, u: { $set: { a: 1 } }, multi: true }] })
  await server.run({ delete: 'c', deletes: [{ q: {}, limit: 0 }] })
  await server.reply({ find: 'c', limit: 'x' })
  expect(await server.run({ serverStatus: 1 })).toMatchObject({
    connections: { current: 1 },
    opcounters: { insert: 2, query: 1, update: 1, delete: 1 },
    asserts: { user: 1 },
    metrics: {
      commands: { find: { total: 2, failed: 1 }, insert: { total: 1, failed: 0 } },
      document: { inserted: 2, returned: 2, updated: 2, deleted: 2 },
    },
  })
})

test('sessions begin with their first use and are ended by time or by command', async () => {
  const server = await openServer()
  const lsid = { id: new UUID() }
  await server.run({ ping: 1, lsid })
  await server.run({ ping: 1, lsid })
  expect(server.database.sessions.size).toBe(1)
  const started = await server.run({ startSession: 1 })
  expect(started).toMatchObject({ timeoutMinutes: 30 })
  expect(server.database.sessions.size).toBe(2)
  await server.run({ endSessions: [lsid, started['id']] })
  expect(server.database.sessions.size).toBe(0)
  await server.run({ ping: 1, lsid })
  await server.run({ killAllSessions: [] })
  expect(server.database.sessions.size).toBe(0)
})

test('parameters are shown and changed', async () => {
  const server = await openServer()
  const admin = (command: object) => server.reply({ ...command, $db: 'admin' })
  expect(await admin({ getParameter: 1, featureCompatibilityVersion: 1 })).toEqual({
    featureCompatibilityVersion: { version: '8.2' },
    ok: 1,
  })
  expect(await admin({ setParameter: 1, cursorTimeoutMillis: 1000 })).toMatchObject({ was: 600000 })
  expect(server.database.parameters.cursorTimeoutMillis).toBe(1000)
  expect(await admin({ setParameter: 1, nonsense: 1 })).toMatchObject({ code: 72 })
  expect(await admin({ setParameter: 1, logLevel: 9 })).toMatchObject({ code: 2 })
  expect(await admin({ getParameter: 1, nonsense: 1 })).toMatchObject({ code: 72 })
})

test('every command is listed, with its name in the table', async () => {
  const server = await openServer()
  const { commands } = (await server.run({ listCommands: 1 })) as { commands?: Record<string, unknown> }
  for (const name of ['find', 'insert', 'aggregate', 'hello', 'getMore', 'bulkWrite', 'explain', 'listCommands'])
    expect(commands).toHaveProperty(name)
})

const id = new UUID()
const uid = new Binary(new Uint8Array(32))

test.each([
  [{ endSessions: [{ id, uid: 'x' }] }, 14],
  [{ endSessions: [{ id, uid: new UUID() }] }, 14],
  [{ endSessions: [{ id, uid: new Binary(new Uint8Array(31)) }] }, 12],
  [{ refreshSessions: [{ id, txnNumber: 1 }] }, 14],
  [{ killSessions: [{ id, more: 1 }] }, 40415],
  [{ ping: 1, lsid: { id, uid: 1 } }, 14],
  [{ killAllSessionsByPattern: [{ lsid: { id } }] }, 40414],
  [{ killAllSessionsByPattern: [{ uid: new Binary(new Uint8Array(3)) }] }, 12],
  [{ killAllSessionsByPattern: [{ users: [{ user: 'a' }] }] }, 40414],
  [{ killAllSessionsByPattern: [{ users: [1] }] }, 14],
  [{ killAllSessionsByPattern: [{ roles: [{ role: 'a', db: 1 }] }] }, 14],
])('%j is refused with %d for its session', async (command, code) => {
  const server = await openServer()
  expect(await server.reply({ ...command, $db: 'admin' })).toMatchObject({ code })
})

test('sessions may be named with the digest of their user', async () => {
  const server = await openServer()
  await server.run({ ping: 1, lsid: { id, uid } })
  await server.run({
    killAllSessionsByPattern: [{ lsid: { id, uid } }, { users: [{ user: 'a', db: 'b' }] }],
    $db: 'admin',
  })
  await server.run({ endSessions: [{ id, uid }] })
})
