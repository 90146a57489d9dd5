import { expect, test } from 'vitest'
import { buildDocument } from '../bson/build.ts'
import { simulatedWorld } from '../sim/world.ts'
import { Engine } from './engine.ts'

const collation = { locale: 'en', strength: 2 }

test('indexes whose keys are of another version are built again when the engine opens, once', async () => {
  const world = simulatedWorld(51)
  const first = await Engine.open(world, 'data', { collationKeyVersion: 1 })
  first.write((unit) => {
    const collection = unit.createCollection('db', 'c', buildDocument({ collation }))
    unit.createIndex(collection, buildDocument({ v: 2, key: { a: 1 }, name: 'ci', unique: true, collation }))
    unit.createIndex(collection, buildDocument({ v: 2, key: { a: 1 }, name: 'bytes' }))
    for (let n = 0; n < 300; n++) unit.insert(collection, buildDocument({ _id: `Id${n}`, a: [`x${n}`, `Y${n}`] }))
  })
  const rootsOf = (engine: Engine): unknown[] => engine.collection('db', 'c')!.indexes.map(({ map }) => map.tree.root)
  const before = rootsOf(first)
  await first.close()

  const second = await Engine.open(world.restart(), 'data', { collationKeyVersion: 2 })
  const after = rootsOf(second)
  expect(after.map((root, i) => root === before[i])).toEqual([false, false, true])
  expect((await second.check()).problems).toEqual([])
  const collection = second.collection('db', 'c')!
  expect(() => second.write((unit) => unit.insert(collection, buildDocument({ _id: 'new', a: 'X7' })))).toThrow(
    expect.objectContaining({ codeName: 'DuplicateKey' }),
  )
  second.write((unit) => unit.insert(collection, buildDocument({ _id: 'other', a: 'z' })))
  await second.close()

  const third = await Engine.open(world.restart(), 'data', { collationKeyVersion: 2 })
  expect(rootsOf(third)).toEqual(after)
  expect((await third.check()).problems).toEqual([])
  await third.close()
})
