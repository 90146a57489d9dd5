import { expect, test } from 'vitest'
import { openServer } from '../testdata/server.ts'

const admin = { $db: 'admin' }

test('a set of one member tells of its state and its configuration', async () => {
  const server = await openServer({ replicaSet: { name: 'rs0', member: 'a:1' } })
  await server.run({ insert: 'c', documents: [{}] })
  const members = [{ _id: 0, name: 'a:1', stateStr: 'PRIMARY', self: true }]
  expect(await server.run({ replSetGetStatus: 1, ...admin })).toMatchObject({ set: 'rs0', myState: 1, members })
  const config = { _id: 'rs0', version: 1, members: [{ _id: 0, host: 'a:1', votes: 1 }] }
  expect(await server.run({ replSetGetConfig: 1, ...admin })).toMatchObject({ config })
})

test.each([
  ['replSetInitiate', 23],
  ['replSetReconfig', 103],
  ['replSetStepDown', 262],
  ['replSetFreeze', 95],
])('%s is refused with %d by a set, and with 76 by a standalone', async (name, code) => {
  const set = await openServer({ replicaSet: { name: 'rs0' } })
  expect(await set.reply({ [name]: {}, ...admin })).toMatchObject({ ok: 0, code })
  expect(await (await openServer()).reply({ [name]: {}, ...admin })).toMatchObject({ ok: 0, code: 76 })
})

test('applyOps does entries in their order, and what failed ends it', async () => {
  const server = await openServer({ replicaSet: { name: 'rs0' } })
  await server.run({ create: 'c' })
  const applyOps = [
    { op: 'i', ns: 'test.c', o: { _id: 1, x: 1 } },
    { op: 'i', ns: 'test.c', o: { _id: 2, x: 1 } },
    { op: 'n', ns: 'test.c', o: {} },
    { op: 'u', ns: 'test.c', o: { _id: 1, x: 2 }, o2: { _id: 1 } },
    { op: 'd', ns: 'test.c', o: { _id: 2 } },
  ]
  expect(await server.run({ applyOps, ...admin })).toMatchObject({ applied: 5, results: Array(5).fill(true) })
  expect(await server.all({ find: 'c' })).toEqual([{ _id: 1, x: 2 }])
  const failing = [{ op: 'u', ns: 'test.c', o: { _id: 9 }, o2: { _id: 9 } }, applyOps[1]]
  expect(await server.reply({ applyOps: failing, ...admin })).toMatchObject({ ok: 0, code: 8, results: [false] })
  expect(await server.all({ find: 'c' })).toEqual([{ _id: 1, x: 2 }])
})
