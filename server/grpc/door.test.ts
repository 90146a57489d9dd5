import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  type ChannelCredentials,
  credentials,
  loadPackageDefinition,
  Metadata,
  makeGenericClientConstructor,
  type ServiceClientConstructor,
  status,
} from '@grpc/grpc-js'
import protoLoader from '@grpc/proto-loader'
import { service as healthService } from 'grpc-health-check'
import protobuf from 'protobufjs'
import { describe, expect, it } from 'vitest'
import packageJson from '../../package.json' with { type: 'json' }
import { DatabaseError, errorCodes } from '../../pkg/base/errors.ts'
import { openGrpcDoor } from './door.ts'
import { statusOfCode } from './status.ts'
import { type Clients, deserialize, detailsOf, quietLog, testDoor } from './testdata/door-clients.ts'

const server = testDoor()
const clients = () => (shared ??= server.clients())
let shared: Clients | undefined
let lastCollection = 0
const fresh = () => ({ database: 'grpc', collection: `c${++lastCollection}` })

async function filled(count: number): Promise<{ database: string; collection: string }> {
  const target = fresh()
  await clients().call('Insert', {
    ...target,
    documents: Array.from({ length: count }, (_, n) => ({ _id: n, n: n % 10 })),
  })
  return target
}

/** A filter that takes seconds for the documents of `slow`. */
const slowFilter = {
  $expr: { $eq: [{ $reduce: { input: { $range: [0, 300] }, initialValue: '$n', in: { $add: ['$$value', 1] } } }, -1] },
}

/** What slow filters are tried on. */
async function slow(): Promise<{ database: string; collection: string }> {
  slowTarget ??= filled(60_000)
  return slowTarget
}
let slowTarget: ReturnType<typeof filled> | undefined

const running = () => server.node.database.operations.size

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 5))
}

describe('DocumentService', () => {
  it('inserts documents, gives those without an _id one, and says which', async () => {
    const target = fresh()
    const { insertedCount, ids } = await clients().call('Insert', { ...target, documents: [{ _id: 7 }, { a: 1 }] })
    expect(insertedCount).toBe(2)
    expect(ids.map(deserialize)).toEqual([{ _id: 7 }, { _id: expect.anything() }])
    const { document } = await clients().call('FindOne', { ...target, filter: { a: 1 } })
    expect(deserialize(document)).toEqual({ ...deserialize(ids[1]), a: 1 })
  })

  it('finds one document, or none', async () => {
    const target = await filled(20)
    const one = await clients().call('FindOne', {
      ...target,
      filter: { n: 3 },
      sort: { _id: -1 },
      projection: { n: 0 },
    })
    expect(deserialize(one.document)).toEqual({ _id: 13 })
    expect(await clients().call('FindOne', { ...target, filter: { n: 11 } })).toEqual({})
  })

  it('streams what a find gives, in order, in messages that clients take', async () => {
    const target = fresh()
    const pad = 'x'.repeat(9000)
    await clients().call('Insert', { ...target, documents: Array.from({ length: 700 }, (_, _id) => ({ _id, pad })) })
    const messages = await clients().all('Find', { ...target, sort: { _id: 1 }, skip: 5, limit: 600 })
    expect(messages.length).toBeGreaterThan(4)
    for (const { documents } of messages) expect(Buffer.concat(documents).length).toBeLessThan(1.1 * 2 ** 20)
    const found = messages.flatMap(({ documents }) => documents.map((each: Buffer) => deserialize(each)['_id']))
    expect(found).toEqual(Array.from({ length: 600 }, (_, n) => n + 5))
  })

  it('gives batches and cursors to those who want one message each', async () => {
    const target = await filled(25)
    const first = await clients().call('FindBatch', { ...target, batchSize: 10, sort: { _id: 1 } })
    expect(first.documents).toHaveLength(10)
    const client = clients()
    const ids: number[] = []
    let { cursorId } = first
    // The id does not fit a double: it is sent back as the message had it.
    const exact = server.node.database.cursors[Symbol.iterator]().next().value!.id
    expect(Number(exact)).toBe(cursorId)
    while (cursorId !== 0) {
      const next = await client.call('GetMore', { ...target, cursorId: String(exact), batchSize: 10 })
      ids.push(...next.documents.map((each: Buffer) => deserialize(each)['_id']))
      cursorId = next.cursorId ?? 0
    }
    expect(ids).toEqual(Array.from({ length: 15 }, (_, n) => n + 10))
    const second = await client.call('AggregateBatch', { ...target, pipeline: [{ $match: {} }], batchSize: 2 })
    expect(second.documents).toHaveLength(2)
    const open = String(server.node.database.cursors[Symbol.iterator]().next().value!.id)
    const killed = await client.call('KillCursors', { ...target, cursorIds: [open, '12345'] })
    expect(killed.killedCursorIds).toEqual([Number(open)])
    expect(await client.failure('GetMore', { ...target, cursorId: open })).toMatchObject({ code: status.NOT_FOUND })
  })

  it('counts, and tells distinct values', async () => {
    const target = await filled(25)
    expect(await clients().call('Count', { ...target, filter: { n: { $lt: 3 } } })).toEqual({ count: 9 })
    const { values } = await clients().call('Distinct', { ...target, key: 'n', filter: { _id: { $lt: 3 } } })
    expect(deserialize(values)).toEqual({ values: [0, 1, 2] })
  })

  it('updates by operators and pipelines, and replaces', async () => {
    const target = await filled(20)
    const client = clients()
    expect(
      await client.call('Update', { ...target, filter: { n: 1 }, update: { $set: { a: 1 } }, multi: true }),
    ).toEqual({
      matchedCount: 2,
      modifiedCount: 2,
    })
    const pipeline = { stages: [{ $set: { b: { $add: ['$n', 1] } } }] }
    await client.call('Update', { ...target, filter: { _id: 2 }, pipeline })
    await client.call('Replace', { ...target, filter: { _id: 3 }, replacement: { r: 1 } })
    expect(deserialize((await client.call('FindOne', { ...target, filter: { b: 3 } })).document)['_id']).toBe(2)
    expect(deserialize((await client.call('FindOne', { ...target, filter: { _id: 3 } })).document)).toEqual({
      _id: 3,
      r: 1,
    })
    const upserted = await client.call('Update', {
      ...target,
      filter: { _id: 99 },
      update: { $set: { a: 1 } },
      upsert: true,
    })
    expect(deserialize(upserted.upsertedId)).toEqual({ _id: 99 })
    for (const [method, fields] of [
      ['Update', { update: { a: 1 } }],
      ['Replace', { replacement: { $set: { a: 1 } } }],
    ] as const)
      expect(await client.failure(method, { ...target, ...fields })).toMatchObject({ code: status.INVALID_ARGUMENT })
  })

  it('deletes one document or many', async () => {
    const target = await filled(20)
    expect(await clients().call('Delete', { ...target, filter: { n: 1 } })).toEqual({ deletedCount: 1 })
    expect(await clients().call('Delete', { ...target, filter: { n: { $gt: 1 } }, multi: true })).toEqual({
      deletedCount: 16,
    })
  })

  it('finds and modifies, as it was or as it has become, or removes', async () => {
    const target = await filled(5)
    const client = clients()
    const change = { ...target, filter: { _id: 1 }, update: { $inc: { n: 5 } } }
    expect(deserialize((await client.call('FindAndModify', change)).document)).toEqual({ _id: 1, n: 1 })
    expect(deserialize((await client.call('FindAndModify', { ...change, returnNew: true })).document)).toEqual({
      _id: 1,
      n: 11,
    })
    const removed = await client.call('FindAndModify', { ...target, sort: { _id: -1 }, remove: true })
    expect(deserialize(removed.document)).toEqual({ _id: 4, n: 4 })
    expect(await client.call('FindAndModify', { ...change, filter: { _id: 50 } })).toEqual({ change: undefined })
  })

  it('writes in bulk, and tells what was upserted', async () => {
    const target = await filled(5)
    const answer = await clients().call('BulkWrite', {
      ...target,
      writes: [
        { insertOne: { document: { _id: 10 } } },
        { update: { filter: { n: { $lt: 2 } }, update: { $set: { x: 1 } }, multi: true } },
        { update: { filter: { _id: 77 }, update: { $set: { x: 1 } }, upsert: true } },
        { replaceOne: { filter: { _id: 3 }, replacement: { y: 1 } } },
        { delete: { filter: { _id: 10 } } },
      ],
    })
    expect(answer).toMatchObject({
      insertedCount: 1,
      matchedCount: 3,
      modifiedCount: 3,
      deletedCount: 1,
      upsertedCount: 1,
    })
    expect(answer.upsertedIds.map((each: { index: number; id: Buffer }) => [each.index, deserialize(each.id)])).toEqual(
      [[2, { _id: 77 }]],
    )
    const failed = await clients().failure('BulkWrite', {
      ...target,
      writes: [{ insertOne: { document: { _id: 1 } } }],
    })
    expect(failed.code).toBe(status.ALREADY_EXISTS)
  })

  it('takes the further fields of a command as options', async () => {
    const target = await filled(5)
    const options = { let: { wanted: 3 }, comment: 'from a test' }
    const { document } = await clients().call('FindOne', {
      ...target,
      filter: { $expr: { $eq: ['$_id', '$$wanted'] } },
      options,
    })
    expect(deserialize(document)['_id']).toBe(3)
    const unknown = await clients().failure('FindOne', { ...target, options: { surprise: 1 } })
    expect(detailsOf(unknown).command.code).toBe(40415)
  })
})

describe('CatalogService', () => {
  it('makes, lists, renames and drops collections, indexes and databases', async () => {
    const client = clients()
    const target = { database: 'catalog', collection: 'a' }
    await client.call('CreateCollection', { ...target, options: { capped: true, size: 4096 } })
    const { collections } = await client.call('ListCollections', { database: 'catalog' })
    expect(collections.map(deserialize)).toMatchObject([{ name: 'a', options: { capped: true } }])
    await client.call('RenameCollection', { ...target, targetCollection: 'b' })
    const renamed = { database: 'catalog', collection: 'b' }
    expect(
      await client.call('CreateIndexes', {
        ...renamed,
        indexes: [
          { key: { x: 1 }, name: 'x_1' },
          { key: { y: 1 }, name: 'y_1' },
        ],
      }),
    ).toEqual({
      indexesBefore: 1,
      indexesAfter: 3,
    })
    await client.call('DropIndexes', { ...renamed, names: ['x_1'] })
    const { indexes } = await client.call('ListIndexes', renamed)
    expect(indexes.map((each: Buffer) => deserialize(each)['name'])).toEqual(['_id_', 'y_1'])
    const names = async () =>
      (await client.call('ListDatabases', {})).databases.map(({ name }: { name: string }) => name) as string[]
    expect(await names()).toContain('catalog')
    await client.call('DropCollection', renamed)
    await client.call('DropDatabase', { database: 'catalog' })
    expect(await names()).not.toContain('catalog')
  })
})

describe('CommandService', () => {
  it('pings, and runs any command', async () => {
    expect(await clients().call('Ping')).toEqual({ version: packageJson.version })
    const { reply } = await clients().call('RunCommand', { database: 'admin', command: { buildInfo: 1 } })
    expect(deserialize(reply)).toMatchObject({ ok: 1, gitVersion: expect.any(String) })
    const own = await clients().call('RunCommand', { command: { ping: 1, $db: 'admin' } })
    expect(deserialize(own.reply)).toEqual({ ok: 1 })
  })
})

describe('a failed call', () => {
  it('has details that name the error by code and name, with the whole reply', async () => {
    const target = await filled(3)
    const error = await clients().failure('Insert', { ...target, documents: [{ _id: 1 }] })
    expect(error.code).toBe(status.ALREADY_EXISTS)
    expect(error.details).toMatch(/^E11000 duplicate key error/)
    expect(detailsOf(error)).toMatchObject({
      reason: 'DuplicateKey',
      domain: 'lauradb',
      metadata: { code: '11000' },
      command: { code: 11000, codeName: 'DuplicateKey', reply: { n: 0, writeErrors: [{ keyValue: { _id: 1 } }] } },
    })
  })

  it('has details also when the error is long or in other letters', async () => {
    const name = `ключ-${'я'.repeat(5000)}`
    const error = await clients().failure('RunCommand', { database: 'd', command: { [name]: 1 } })
    expect(error).toMatchObject({ code: status.UNIMPLEMENTED })
    expect(error.details).toContain('ключ')
    expect(detailsOf(error).reason).toBe('CommandNotFound')
  })

  it.each([
    ['DuplicateKey', status.ALREADY_EXISTS],
    ['NamespaceNotFound', status.NOT_FOUND],
    ['MaxTimeMSExpired', status.DEADLINE_EXCEEDED],
    ['Interrupted', status.CANCELLED],
    ['WriteConflict', status.ABORTED],
    ['OutOfDiskSpace', status.RESOURCE_EXHAUSTED],
    ['ShutdownInProgress', status.UNAVAILABLE],
    ['DocumentValidationFailure', status.FAILED_PRECONDITION],
    ['CommandNotFound', status.UNIMPLEMENTED],
    ['Unauthorized', status.PERMISSION_DENIED],
    ['DataCorruptionDetected', status.DATA_LOSS],
    ['InternalError', status.INTERNAL],
    ['BadValue', status.INVALID_ARGUMENT],
  ] as const)('%s is status %i', (name, expected) => {
    expect(statusOfCode(errorCodes[name])).toBe(expected)
  })

  it.each([
    ['a message that is cut short', Buffer.from([0x0a, 0x05, 0x61]), status.INVALID_ARGUMENT],
    ['a field that has another type', Buffer.from([0x08, 0x01, 0x10]), status.INVALID_ARGUMENT],
    ['a varint without an end', Buffer.alloc(40, 0xff), status.INVALID_ARGUMENT],
    [
      'a filter that is no BSON',
      Buffer.from([0x0a, 1, 0x64, 0x12, 1, 0x63, 0x1a, 3, 1, 2, 3]),
      status.INVALID_ARGUMENT,
    ],
    ['nothing at all', Buffer.alloc(0), status.INVALID_ARGUMENT],
  ])('is the answer to %s', async (_, bytes, code) => {
    const error = await clients()
      .raw('/lauradb.v1.DocumentService/FindOne', bytes)
      .catch((failure: unknown) => failure)
    expect(error).toMatchObject({ code })
    expect(await clients().call('Ping')).toBeTruthy()
  })
})

describe('deadlines and cancellation', () => {
  it('a deadline ends the work, not only the call', async () => {
    const target = await slow()
    const error = await clients().failure('Count', { ...target, filter: slowFilter }, { deadline: Date.now() + 100 })
    expect(error.code).toBe(status.DEADLINE_EXCEEDED)
    await until(() => running() === 0)
  })

  it('becomes the maxTimeMS of the command', async () => {
    const target = await slow()
    const waiting = clients().failure('Count', { ...target, filter: slowFilter }, { deadline: Date.now() + 3000 })
    await until(() => running() > 0)
    const [operation] = server.node.database.operations.values()
    expect(operation!.remainingMs).toBeGreaterThan(1000)
    expect(operation!.remainingMs).toBeLessThanOrEqual(3000)
    operation!.kill(new DatabaseError('Interrupted', 'enough seen'))
    expect(await waiting).toMatchObject({ code: status.CANCELLED, details: 'enough seen' })
  })

  it('a call that is cancelled is interrupted', async () => {
    const target = await slow()
    const client = server.clients()
    const stream = client.stream('Find', { ...target, filter: slowFilter })
    const ended = new Promise((resolve) => stream.on('error', resolve))
    await until(() => running() > 0)
    stream.cancel()
    expect(await ended).toMatchObject({ code: status.CANCELLED })
    await until(() => running() === 0)
  })

  it('a stream that is left closes its cursor, and reads no more than was asked for', async () => {
    const target = fresh()
    const pad = 'x'.repeat(100_000)
    for (let n = 0; n < 3; n++)
      await clients().call('Insert', { ...target, documents: Array.from({ length: 100 }, () => ({ pad })) })
    const stream = server.clients().stream('Find', { ...target, batchSize: 5 })
    stream.on('error', () => undefined)
    await new Promise((resolve) => stream.once('data', resolve))
    stream.pause()
    const cursors = () => server.node.database.cursors.counts().open
    expect(cursors()).toBe(1)
    stream.cancel()
    await until(() => cursors() === 0)
  })
})

describe('limits', () => {
  it('a message beyond 48 MB is refused, and the connection serves on', async () => {
    const client = server.clients()
    const error = await client
      .raw('/lauradb.v1.CommandService/Ping', Buffer.alloc(49_000_000))
      .catch((failure: unknown) => failure)
    expect(error).toMatchObject({ code: status.RESOURCE_EXHAUSTED })
    expect(await client.call('Ping')).toBeTruthy()
  })

  it('metadata beyond 64 KB is refused, and others are served', async () => {
    const metadata = new Metadata()
    metadata.set('x-large', 'x'.repeat(100_000))
    const client = server.clients()
    const path = '/lauradb.v1.CommandService/Ping'
    const outcome = await new Promise((resolve) => {
      const make = makeGenericClientConstructor({}, 'any')
      const raw = new make(server.target, credentials.createInsecure())
      const same = (message: Buffer) => message
      raw.makeUnaryRequest(path, same, same, Buffer.alloc(0), metadata, (error) => {
        raw.close()
        resolve(error)
      })
    })
    expect(outcome).toMatchObject({ code: expect.any(Number) })
    expect(await client.call('Ping')).toBeTruthy()
  })

  it('a method that is not there is UNIMPLEMENTED', async () => {
    const error = await clients()
      .raw('/lauradb.v1.DocumentService/Nothing', Buffer.alloc(0))
      .catch((failure: unknown) => failure)
    expect(error).toMatchObject({ code: status.UNIMPLEMENTED })
  })
})

/** As much of the standard's reflection.proto as is asked for here. */
const reflectionProto = `
  syntax = "proto3";
  package grpc.reflection.v1;
  service ServerReflection { rpc ServerReflectionInfo(stream Request) returns (stream Response); }
  message Request { oneof message_request { string file_containing_symbol = 4; string list_services = 7; } }
  message Response { oneof message_response { Files file_descriptor_response = 4; Services list_services_response = 6; } }
  message Files { repeated bytes file_descriptor_proto = 1; }
  message Services { repeated Named service = 1; }
  message Named { string name = 1; }
`

describe('health and reflection', () => {
  it('tells that every service serves', async () => {
    const make = makeGenericClientConstructor(healthService as never, 'Health')
    const client = new make(server.target, credentials.createInsecure()) as unknown as {
      check(request: object, callback: (error: Error | null, answer: { status: string }) => void): void
      close(): void
    }
    const check = (service: string) =>
      new Promise((resolve) => client.check({ service }, (error, answer) => resolve(error ?? answer.status)))
    expect(await check('')).toBe('SERVING')
    expect(await check('lauradb.v1.DocumentService')).toBe('SERVING')
    expect(await check('other')).toMatchObject({ code: status.NOT_FOUND })
    client.close()
  })

  it('describes itself, so that a client needs no files', async () => {
    const loaded = loadPackageDefinition(
      protoLoader.fromJSON(protobuf.parse(reflectionProto).root.toJSON(), { oneofs: true }),
    ) as unknown as { grpc: { reflection: { v1: { ServerReflection: ServiceClientConstructor } } } }
    const client = new loaded.grpc.reflection.v1.ServerReflection(server.target, credentials.createInsecure())
    const ask = (request: object) =>
      new Promise<Record<string, unknown>>((resolve, reject) => {
        const call = client['ServerReflectionInfo']!() as NodeJS.ReadWriteStream
        call.on('data', (answer) => {
          resolve(answer as Record<string, unknown>)
          call.end()
        })
        call.on('error', reject)
        call.write(request as never)
      })
    const list = (await ask({ listServices: '*' })) as { listServicesResponse: { service: { name: string }[] } }
    expect(list.listServicesResponse.service.map(({ name }) => name)).toEqual(
      expect.arrayContaining(['lauradb.v1.DocumentService', 'lauradb.v1.CatalogService', 'lauradb.v1.CommandService']),
    )
    const found = (await ask({ fileContainingSymbol: 'lauradb.v1.CommandService' })) as {
      fileDescriptorResponse: { fileDescriptorProto: Buffer[] }
    }
    expect(Buffer.concat(found.fileDescriptorResponse.fileDescriptorProto).includes('SessionRequest')).toBe(true)
    client.close()
  })
})

describe('TLS', () => {
  const file = (name: string) => join(import.meta.dirname, 'testdata', name)
  const read = (name: string) => readFileSync(file(name))
  const ping = async (port: number, channel: ChannelCredentials) => {
    const make = makeGenericClientConstructor({}, 'any')
    const client = new make(`localhost:${port}`, channel)
    const same = (message: Buffer) => message
    const path = '/lauradb.v1.CommandService/Ping'
    const outcome = await new Promise((resolve) =>
      client.makeUnaryRequest(path, same, same, Buffer.alloc(0), { deadline: Date.now() + 5000 }, (error, answer) =>
        resolve(error ?? answer),
      ),
    )
    client.close()
    return outcome
  }

  it('serves those who trust it, and with an authority only those whom that one trusts', async () => {
    const open = (ca?: string) =>
      openGrpcDoor({
        bind: '127.0.0.1',
        port: 0,
        database: server.node.database,
        tls: { cert: file('server.pem'), key: file('server-key.pem'), ...(ca === undefined ? {} : { ca }) },
        log: quietLog,
        failed: (error) => server.defects.push(error),
      })
    const plain = await open()
    expect(await ping(plain.port, credentials.createSsl(read('ca.pem')))).toBeInstanceOf(Buffer)
    expect(await ping(plain.port, credentials.createInsecure())).toMatchObject({ code: status.UNAVAILABLE })
    await plain.stop(1000)
    const mutual = await open(file('ca.pem'))
    expect(await ping(mutual.port, credentials.createSsl(read('ca.pem')))).toMatchObject({ code: status.UNAVAILABLE })
    const known = credentials.createSsl(read('ca.pem'), read('client-key.pem'), read('client.pem'))
    expect(await ping(mutual.port, known)).toBeInstanceOf(Buffer)
    await mutual.stop(1000)
  })
})

describe('the .proto files', () => {
  it('agree with what is read of requests: an empty one of every method is answered', async () => {
    for (const method of [
      'FindBatch',
      'AggregateBatch',
      'GetMore',
      'KillCursors',
      'Count',
      'Distinct',
      'Insert',
      'Update',
      'Replace',
      'Delete',
      'FindAndModify',
      'BulkWrite',
      'DropDatabase',
      'ListCollections',
      'CreateCollection',
      'DropCollection',
      'RenameCollection',
      'ListIndexes',
      'CreateIndexes',
      'DropIndexes',
      'RunCommand',
    ])
      expect((await clients().failure(method)).code, method).not.toBe(status.INTERNAL)
  })
})
