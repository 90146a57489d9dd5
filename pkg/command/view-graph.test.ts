import { expect, it } from 'vitest'
import { openServer } from './testdata/server.ts'

const lookup = (from: string) => ({ $lookup: { from, pipeline: [], as: 'x' } })
const collation = { locale: 'en', strength: 2 }

it('refuses views that read themselves by way of stages of others', async () => {
  const server = await openServer()
  await server.run({ create: 'a', viewOn: 'c', pipeline: [lookup('b')] })
  expect(await server.reply({ create: 'b', viewOn: 'a', pipeline: [] })).toMatchObject({ code: 5 })
  expect(await server.reply({ create: 'b', viewOn: 'c', pipeline: [lookup('a')] })).toMatchObject({ code: 5 })
  expect(
    await server.reply({ create: 'b', viewOn: 'c', pipeline: [{ $facet: { f: [{ $unionWith: 'a' }] } }] }),
  ).toMatchObject({ code: 5 })
  await server.run({ create: 'b', viewOn: 'c', pipeline: [lookup('d')] })
  expect(await server.reply({ collMod: 'b', viewOn: 'c', pipeline: [lookup('a')] })).toMatchObject({ code: 5 })
  // The same view by several ways is no cycle.
  await server.run({ create: 'e', viewOn: 'a', pipeline: [lookup('b'), lookup('a')] })
})

it('refuses views over views of another collation, also where a stage reads them', async () => {
  const server = await openServer()
  await server.run({ create: 'insensitive', viewOn: 'c', pipeline: [], collation })
  await server.run({ create: 'plain', viewOn: 'c', pipeline: [] })
  const create = (viewOn: string, pipeline: object[], more = {}) =>
    server.reply({ create: 'v', viewOn, pipeline, ...more })
  expect(await create('insensitive', [])).toMatchObject({ code: 167 })
  expect(await create('plain', [], { collation })).toMatchObject({ code: 167 })
  expect(await create('c', [lookup('insensitive')])).toMatchObject({ code: 167 })
  expect(await create('insensitive', [lookup('plain')], { collation })).toMatchObject({ code: 167 })
  await server.run({ create: 'v', viewOn: 'insensitive', pipeline: [lookup('c')], collation })
  expect(await server.reply({ collMod: 'v', viewOn: 'plain', pipeline: [] })).toMatchObject({ code: 167 })
})

it('refuses chains of views longer than twenty', async () => {
  const server = await openServer()
  for (let i = 1; i <= 20; i++) await server.run({ create: `v${i}`, viewOn: i === 1 ? 'c' : `v${i - 1}`, pipeline: [] })
  expect(await server.reply({ create: 'v21', viewOn: 'v20', pipeline: [] })).toMatchObject({ code: 165 })
  expect(await server.reply({ create: 'v21', viewOn: 'c', pipeline: [lookup('v20')] })).toMatchObject({ code: 165 })
  await server.run({ insert: 'c', documents: [{ _id: 1 }] })
  expect(await server.all({ find: 'v20' })).toEqual([{ _id: 1 }])
})
