import { expect, test } from 'vitest'
import { booleanValue } from '../bson/value.ts'
import { openServer, type TestServer } from './testdata/server.ts'

async function testServer(): Promise<TestServer> {
  const server = await openServer()
  server.database.parameters.set('enableTestCommands', booleanValue(true), 'startup')
  return server
}

function failCommand(server: TestServer, mode: unknown, data: object = {}): Promise<Record<string, unknown>> {
  return server.reply({ configureFailPoint: 'failCommand', mode, data, $db: 'admin' })
}

const ping = { failCommands: ['ping'], errorCode: 11600, errorLabels: ['RetryableWriteError'] }
const failed = { ok: 0, code: 11600, codeName: 'InterruptedAtShutdown', errorLabels: ['RetryableWriteError'] }

async function oks(server: TestServer, count: number): Promise<unknown[]> {
  const results: unknown[] = []
  for (let i = 0; i < count; i++) results.push((await server.reply({ ping: 1 }))['ok'])
  return results
}

test('fail points are there only with enableTestCommands, which cannot be switched on at runtime', async () => {
  const server = await openServer()
  expect(await failCommand(server, 'alwaysOn', ping)).toMatchObject({ ok: 0, code: 59 })
  expect(await server.reply({ setParameter: 1, enableTestCommands: true, $db: 'admin' })).toMatchObject({ ok: 0 })
})

test('each mode fails the hits that it says', async () => {
  const server = await testServer()
  await failCommand(server, 'alwaysOn', ping)
  expect(await server.reply({ ping: 1 })).toMatchObject(failed)
  expect(await oks(server, 3)).toEqual([0, 0, 0])
  expect(await server.reply({ buildInfo: 1 })).toMatchObject({ ok: 1 })
  expect(await failCommand(server, 'off')).toMatchObject({ ok: 1, count: 4 })
  expect(await oks(server, 1)).toEqual([1])
  await failCommand(server, { times: 2 }, ping)
  expect(await oks(server, 4)).toEqual([0, 0, 1, 1])
  await failCommand(server, { skip: 2 }, ping)
  expect(await oks(server, 4)).toEqual([1, 1, 0, 0])
})

test('only the application that is named is hit', async () => {
  const server = await testServer()
  await failCommand(server, 'alwaysOn', { ...ping, appName: 'theirs' })
  expect(await oks(server, 1)).toEqual([1])
})

test('a write concern error comes with the reply of a command that was carried out', async () => {
  const server = await testServer()
  const writeConcernError = { code: 91, codeName: 'ShutdownInProgress', errmsg: 'stopping' }
  await failCommand(server, { times: 1 }, { failCommands: ['insert'], writeConcernError })
  expect(await server.reply({ insert: 'c', documents: [{ _id: 1 }] })).toMatchObject({ ok: 1, n: 1, writeConcernError })
  expect(await server.all({ find: 'c' })).toEqual([{ _id: 1 }])
})

test('a connection is dropped, and a command blocked for its time', async () => {
  const server = await testServer()
  let dropped = 0
  server.context.drop = () => dropped++
  await failCommand(server, { times: 1 }, { failCommands: ['ping'], closeConnection: true })
  await server.reply({ ping: 1 })
  expect(dropped).toBe(1)
  await failCommand(server, { times: 1 }, { failCommands: ['ping'], blockConnection: true, blockTimeMS: 250 })
  const before = server.world.clock.monotonicMs()
  expect(await server.reply({ ping: 1 })).toMatchObject({ ok: 1 })
  expect(server.world.clock.monotonicMs() - before).toBeGreaterThanOrEqual(250)
})

test.each([
  ['sometimes', {}],
  [{ times: -1 }, {}],
  [{ times: 1, skip: 1 }, {}],
  ['alwaysOn', { failCommands: 'ping' }],
  ['alwaysOn', { unknown: 1 }],
])('the mode %j with data %j is refused', async (mode, data) => {
  expect(await failCommand(await testServer(), mode, data)).toMatchObject({ ok: 0, code: 2 })
})
