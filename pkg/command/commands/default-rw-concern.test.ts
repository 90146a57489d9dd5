import { expect, test } from 'vitest'
import { openServer } from '../testdata/server.ts'

const admin = { $db: 'admin' }
const replicaSet = { name: 'rs0' }

test('what is set holds for commands that name no concern, also after a restart', async () => {
  let server = await openServer({ replicaSet })
  expect(await server.run({ getDefaultRWConcern: 1, ...admin })).toMatchObject({
    defaultReadConcern: { level: 'local' },
    defaultWriteConcern: { w: 'majority', wtimeout: 0 },
    defaultReadConcernSource: 'implicit',
    defaultWriteConcernSource: 'implicit',
  })
  const set = { defaultReadConcern: { level: 'majority' }, defaultWriteConcern: { w: 2, wtimeout: 50 } }
  expect(await server.run({ setDefaultRWConcern: 1, ...set, ...admin })).toMatchObject({
    ...set,
    defaultReadConcernSource: 'global',
    defaultWriteConcernSource: 'global',
  })
  expect(await server.run({ insert: 'c', documents: [{}] })).toMatchObject({ writeConcernError: { code: 100 } })
  expect(await server.run({ insert: 'c', documents: [{}], writeConcern: { w: 1 } })).not.toHaveProperty(
    'writeConcernError',
  )
  server = await openServer({ replicaSet, world: server.world.crash() })
  expect(await server.run({ getDefaultRWConcern: 1, ...admin })).toMatchObject(set)
  expect(await server.run({ insert: 'c', documents: [{}] })).toHaveProperty('writeConcernError')
})

test.each([
  [{}, 2],
  [{ defaultReadConcern: { level: 'snapshot' } }, 2],
  [{ defaultReadConcern: { level: 'linearizable' } }, 2],
  [{ defaultReadConcern: { level: 'x' } }, 2],
  [{ defaultWriteConcern: { w: 0 } }, 2],
  [{ defaultWriteConcern: { wtimeout: 1 } }, 2],
])('refuses the defaults %j with %d', async (defaults, code) => {
  const server = await openServer({ replicaSet })
  expect(await server.reply({ setDefaultRWConcern: 1, ...defaults, ...admin })).toMatchObject({ ok: 0, code })
})

test('a write concern cannot be unset, a read concern can', async () => {
  const server = await openServer({ replicaSet })
  const set = { defaultReadConcern: { level: 'majority' }, defaultWriteConcern: { w: 1 } }
  await server.run({ setDefaultRWConcern: 1, ...set, ...admin })
  expect(await server.reply({ setDefaultRWConcern: 1, defaultWriteConcern: {}, ...admin })).toMatchObject({ code: 20 })
  await server.run({ setDefaultRWConcern: 1, defaultReadConcern: {}, ...admin })
  expect(await server.run({ getDefaultRWConcern: 1, ...admin })).toMatchObject({
    defaultReadConcernSource: 'implicit',
    defaultWriteConcern: { w: 1 },
  })
})
