import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { DatabaseError } from '../base/errors.ts'
import { timestampMax } from '../base/timestamp.ts'
import { buildDocument } from '../bson/build.ts'
import { hostWorld } from '../io/host/world.ts'
import { Engine } from './engine.ts'

/** An engine with more documents than its cache holds, some of them changed since the last checkpoint. */
async function filled(directory: string): Promise<Engine> {
  const world = hostWorld(directory)
  const engine = await Engine.open(world, 'data', { cacheSizeBytes: 2 * 2 ** 20, pageSizeBytes: 4096 })
  for (let slice = 0; slice < 20; slice++) {
    engine.write((unit) => {
      const found = engine.collection('db', 'c')
      const collection = found ?? unit.createCollection('db', 'c', buildDocument({}))
      if (found === undefined) unit.createIndex(collection, buildDocument({ v: 2, key: { n: 1 }, name: 'n' }))
      for (let id = slice * 500; id < (slice + 1) * 500; id++)
        unit.insert(collection, buildDocument({ _id: id, n: (id * 7919) % 10_000, text: 'x'.repeat(400) }))
    })
    if (slice === 15) await engine.checkpoint()
  }
  return engine
}

test('others read while everything is checked, and writes, commits and checkpoints come after it', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'laura-check-'))
  const engine = await filled(directory)
  const { clock } = engine.world
  const collection = engine.collection('db', 'c')!
  try {
    const transaction = engine.begin()
    transaction.write((unit) => unit.insert(transaction.collection('db', 'c')!, buildDocument({ _id: 'a' })))
    let over = false
    const checked = engine.check().then((report) => {
      over = true
      return report
    })
    while (engine.writable === undefined) await clock.yield()
    expect(() => engine.write((unit) => unit.insert(collection, buildDocument({ _id: 'b' })))).toThrow(
      expect.objectContaining({ codeName: 'WriteConflict' }) as DatabaseError,
    )
    const committed = transaction.commitLater()
    const checkpoint = engine.checkpoint()
    let turns = 0
    while (!over) {
      turns++
      const cursor = collection.scan(timestampMax, 1)
      for (let n = 0; n < 50; n++) cursor.next()
      cursor.close()
      await clock.yield()
    }
    expect(turns).toBeGreaterThan(3)
    expect(await checked).toMatchObject({ problems: [], documents: 10_000, indexEntries: 20_000 })
    await committed
    await checkpoint
    expect(await engine.check()).toMatchObject({ problems: [], documents: 10_001 })
    const cutOff = expect(engine.check()).rejects.toThrow(
      expect.objectContaining({ codeName: 'ShutdownInProgress' }) as DatabaseError,
    )
    await engine.close()
    await cutOff
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
})
