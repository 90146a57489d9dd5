/** Commands under a number have their session for themselves, whatever becomes of those that wait for it. */
import { Long, UUID } from 'bson'
import { expect, test } from 'vitest'
import { DatabaseError } from '../base/errors.ts'
import { openServer, type TestServer } from './testdata/server.ts'

type Document = Record<string, unknown>

const killed = new DatabaseError('Interrupted', 'killed by the test')

async function slowServer(): Promise<TestServer> {
  const server = await openServer({ tickMs: 1, replicaSet: { name: 'rs0', member: 'db.example:27017' } })
  await server.run({ insert: 'c', documents: Array.from({ length: 500 }, (_, _id) => ({ _id, n: 0 })) })
  return server
}

test('one that is killed while it waits does not let others in beside the one that runs', async () => {
  const server = await slowServer()
  const fields = { lsid: { id: new UUID() }, txnNumber: Long.fromNumber(1), autocommit: false }
  const run = (command: Document, more: Document = {}): Promise<Document> =>
    server.reply({ ...command, ...fields, ...more })
  expect(await run({ find: 'c', limit: 1 }, { startTransaction: true })).toMatchObject({ ok: 1 })
  const working = run({ update: 'c', updates: [{ q: {}, u: { $inc: { n: 1 } }, multi: true }] })
  const waiting = run({ find: 'c', limit: 2 })
  const committing = run({ commitTransaction: 1, $db: 'admin' })
  expect(server.database.operations.size).toBe(3)
  server.database.killOperations((operation) => operation.command.name === 'find', killed)
  expect(await waiting).toMatchObject({ ok: 0, codeName: 'Interrupted' })
  expect(await working).toMatchObject({ ok: 1, nModified: 500 })
  expect(await committing).toMatchObject({ ok: 1 })
  expect(await server.reply({ count: 'c', query: { n: 1 } })).toMatchObject({ n: 500 })
})

test('a statement does not read on in a transaction whose time is over', async () => {
  const server = await slowServer()
  await server.run({ setParameter: 1, transactionLifetimeLimitSeconds: 1, $db: 'admin' })
  const fields = { lsid: { id: new UUID() }, txnNumber: Long.fromNumber(1), autocommit: false, startTransaction: true }
  // Each document with each: as many looks at the clock as make up for more than a second.
  const pipeline = [
    { $lookup: { from: 'c', let: { n: '$n' }, pipeline: [{ $match: { $expr: { $eq: ['$x', '$$n'] } } }], as: 'x' } },
  ]
  const reading = server.reply({ aggregate: 'c', pipeline, cursor: { batchSize: 500 }, ...fields })
  expect(await reading).toMatchObject({ ok: 0, code: 290, codeName: 'TransactionExceededLifetimeLimitSeconds' })
  expect(server.engine.locks.isEmpty).toBe(true)
  expect(server.database.operations.size).toBe(0)
})

test('a drop that is killed while it waits for a transaction keeps no others from the collection', async () => {
  const server = await openServer({ replicaSet: { name: 'rs0', member: 'db.example:27017' } })
  await server.run({ insert: 'c', documents: [{ _id: 1 }] })
  const begin = (): Promise<Document> =>
    server.reply({
      find: 'c',
      lsid: { id: new UUID() },
      txnNumber: Long.fromNumber(1),
      autocommit: false,
      startTransaction: true,
    })
  expect(await begin()).toMatchObject({ ok: 1 })
  const dropping = server.reply({ drop: 'c' })
  server.database.killOperations(({ command }) => command.name === 'drop', killed)
  expect(await dropping).toMatchObject({ ok: 0, codeName: 'Interrupted' })
  expect(await begin()).toMatchObject({ ok: 1 })
})
