import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Long, UUID } from 'bson'
import { expect, test } from 'vitest'
import type { CollectionId, LogIndex, RecordId } from '../base/ids.ts'
import { timestampOf } from '../base/timestamp.ts'
import { buildDocument } from '../bson/build.ts'
import { openServer, type TestServer } from '../command/testdata/server.ts'
import { namespaceNote, OperationWriter, operationKind } from '../engine/operation.ts'
import { encodeSessionWrite, sessionState } from '../engine/session-records.ts'
import { SeededRandom } from '../sim/random.ts'
import { ChangeEntry } from './change.ts'
import { buildEvent } from './change-event.ts'
import { EntryParts } from './entry-parts.ts'

type Document = Record<string, unknown>

/** What a transaction logs: notes and operations on some collections, indexes of new ones, its session's record. */
function payload(random: SeededRandom, count: number): Uint8Array {
  const writer = new OperationWriter()
  const uuids = Array.from({ length: 6 }, () => random.bytes(16))
  let noted = 0
  const note = (id: number) => {
    if (noted === id) return
    noted = id
    writer.namespace(namespaceNote(id as CollectionId, uuids[id]!, 'db', `c${id}`))
  }
  writer.moment(random.integer(2 ** 45))
  for (let n = 0; n < count; n++) {
    const id = 1 + random.integer(5)
    const [collection, record] = [id as CollectionId, n as RecordId]
    const length = random.chance(0.01) ? random.integer(1_500_000) : random.integer(2000)
    const document = buildDocument({ _id: n, text: 'x'.repeat(length) })
    const image = () => {
      if (random.chance(0.4)) writer.note(operationKind.preImage, document, 0, document.length)
    }
    const key = buildDocument({ _id: n })
    const kinds = [
      () => writer.insert(collection, record, document),
      () => {
        image()
        writer.replace(collection, record, document)
      },
      () => {
        writer.note(operationKind.preImage, document, 0, document.length)
        const parts = [key, buildDocument({ a: n }), buildDocument({}), buildDocument({}), buildDocument({})]
        const described = Buffer.concat(parts)
        writer.described(described, described.length)
        writer.patch(collection, record, 4, 3, document)
      },
      () => {
        writer.note(operationKind.key, key, 0, key.length)
        writer.remove(collection, record)
      },
      () => {
        for (let i = random.integer(3); i >= 0; i--)
          writer.catalog(
            operationKind.createIndex,
            buildDocument({ id: BigInt(id), definition: { name: `i${i}`, text: 'x'.repeat(length) } }),
          )
      },
      () => writer.event(buildDocument({ db: 'db', operationType: 'modify', index: 'x' })),
    ]
    note(id)
    kinds[random.integer(kinds.length)]!()
  }
  const session = random.bytes(16)
  const commit = { session, txnNumber: 7n, state: sessionState.committed, wallMs: 12345, first: 0, count: 0 }
  if (random.chance(0.7)) writer.session(encodeSessionWrite({ ...commit, result: new Uint8Array(0) }))
  return writer.bytes.slice(0, writer.length)
}

function* eventsOf(entry: ChangeEntry): Generator<string> {
  for (const change of entry.changes)
    for (const images of [false, true])
      yield Buffer.from(
        buildEvent(entry, change, { expanded: true, postImage: images, preImage: images }, undefined),
      ).toString('latin1')
}

test.each([1, 2, 3, 4, 5, 6])('parts tell what the whole does (seed %i)', (seed) => {
  const bytes = payload(new SeededRandom(seed), 2500)
  const index = 5 as LogIndex
  const timestamp = timestampOf(1_700_000_000, 3)
  const source = {
    length: bytes.length,
    read: (target: Uint8Array, offset: number, length: number, position: number) => {
      target.set(bytes.subarray(position, position + length), offset)
      return Math.min(length, bytes.length - position)
    },
  }
  const expected = eventsOf(new ChangeEntry(index, timestamp, bytes))
  const parts = new EntryParts({ index, timestamp }, source)
  let count = 0
  let largest = 0
  while (!parts.isOver) {
    const part = parts.next()
    if (part === undefined) continue
    count++
    largest = Math.max(largest, part.bytes.length)
    for (const event of eventsOf(part))
      if (event !== expected.next().value) throw new Error(`an event differs in part ${count}`)
  }
  expect(expected.next().done).toBe(true)
  expect(parts.next()).toBe(undefined)
  expect(count).toBeGreaterThan(3)
  expect(largest).toBeLessThan(6_000_000)
})

/** Commits a transaction that takes several parts, and returns its stream from before it. */
async function large(server: TestServer): Promise<{ readonly token: Document; readonly events: number }> {
  await server.run({ create: 'c' })
  const { cursor } = (await server.run({ aggregate: 'c', pipeline: [{ $changeStream: {} }], cursor: {} })) as {
    cursor: { postBatchResumeToken: Document }
  }
  const fields = { lsid: { id: new UUID() }, txnNumber: Long.fromNumber(1), autocommit: false }
  const documents = Array.from({ length: 3000 }, (_, _id) => ({ _id, text: 'x'.repeat(1000) }))
  await server.run({ insert: 'c', documents, ...fields, startTransaction: true })
  await server.run({
    update: 'c',
    updates: [{ q: { _id: { $lt: 500 } }, u: { $set: { n: 1 } }, multi: true }],
    ...fields,
  })
  await server.run({ commitTransaction: 1, $db: 'admin', ...fields })
  await server.run({ insert: 'c', documents: [{ _id: 'last' }] })
  return { token: cursor.postBatchResumeToken, events: documents.length + 500 + 1 }
}

/** Events after `token`, up to `countMax`. */
async function eventsAfter(server: TestServer, token: Document, countMax: number): Promise<Document[]> {
  const pipeline = [{ $changeStream: { resumeAfter: token } }]
  const reply = await server.run({ aggregate: 'c', pipeline, cursor: { batchSize: 100 } })
  const first = reply['cursor'] as { id: bigint; firstBatch: Document[] }
  const events = [...first.firstBatch]
  const id = BigInt(first.id.toString())
  while (events.length < countMax) {
    const { cursor } = (await server.run({ getMore: id, collection: 'c', maxTimeMS: 0, batchSize: 500 })) as {
      cursor: { nextBatch: Document[] }
    }
    if (cursor.nextBatch.length === 0) break
    events.push(...cursor.nextBatch)
  }
  await server.run({ killCursors: 'c', cursors: [id] })
  return events
}

test('a stream goes on in the middle of a large transaction, whether it is read in parts or at once', async () => {
  const replicaSet = { name: 'rs0', member: 'db.example:27017' }
  const server = await openServer({ replicaSet, engine: { logWindowBytes: 1024 * 1024 } })
  const { token, events } = await large(server)
  const all = await eventsAfter(server, token, events + 1)
  expect(all).toHaveLength(events)
  expect(new Set(all.map(({ _id }) => JSON.stringify(_id))).size).toBe(events)
  expect(all[events - 2]).toMatchObject({
    operationType: 'update',
    documentKey: { _id: 499 },
    txnNumber: expect.anything() as unknown,
  })
  expect(all[events - 1]).toMatchObject({ documentKey: { _id: 'last' } })
  const again = await openServer({ replicaSet, world: server.world.restart(), engine: { logWindowBytes: 2 ** 26 } })
  for (const at of [0, 900, 901, 2400, 3100, events - 2]) {
    const rest = await eventsAfter(again, all[at]!['_id'] as Document, events)
    expect(rest).toEqual(all.slice(at + 1))
  }
  const third = await openServer({ replicaSet, world: again.world.restart(), engine: { logWindowBytes: 4096 } })
  for (const at of [0, 2400, events - 3]) {
    const rest = await eventsAfter(third, all[at]!['_id'] as Document, events)
    expect(rest).toEqual(all.slice(at + 1))
  }
})

const megabytes = Number(process.env['LAURA_TRANSACTION_MEGABYTES'] ?? 150)

test('who watches needs little memory for a transaction much larger than it', { timeout: 600_000 }, () => {
  const directory = mkdtempSync(join(tmpdir(), 'laura-watch-'))
  try {
    const program = 'pkg/change/testdata/watch-large.ts'
    const output = execFileSync(process.execPath, [program, directory, String(megabytes)], { encoding: 'utf8' })
    const report = JSON.parse(output) as { rssBefore: number; rssPeak: number; events: number }
    expect(report.events).toBe(megabytes * 1000)
    expect((report.rssPeak - report.rssBefore) / 2 ** 20).toBeLessThan(160)
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
})
