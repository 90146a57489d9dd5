import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { DatabaseError } from '../base/errors.ts'
import { timestampMax } from '../base/timestamp.ts'
import { buildDocument } from '../bson/build.ts'
import { smallEngine } from '../sim/engine-workload.ts'
import { SeededRandom } from '../sim/random.ts'
import { type SimulatedWorld, simulatedWorld } from '../sim/world.ts'
import type { Collection } from './collection.ts'
import { Engine } from './engine.ts'
import type { Transaction } from './transaction.ts'
import type { Workspace } from './workspace.ts'

async function open(world: SimulatedWorld, transactionMemoryBytes: number): Promise<Engine> {
  const engine = await Engine.open(world, 'data', { ...smallEngine, transactionMemoryBytes })
  if (engine.collection('db', 'c') !== undefined) return engine
  engine.write((unit) => {
    const collection = unit.createCollection('db', 'c', buildDocument({}))
    unit.createIndex(collection, buildDocument({ v: 2, key: { n: 1 }, name: 'n' }))
    for (let id = 0; id < 50; id++) unit.insert(collection, document(id, id * 3, 20))
  })
  return engine
}

function document(id: number, n: number, length: number): Uint8Array {
  return buildDocument({ _id: id, n, text: 'x'.repeat(length) })
}

function recordOf(space: Workspace, id: number) {
  return space.collection('db', 'c')!.findById(16, buildDocument({ _id: id }).subarray(9), 0, timestampMax)
}

/** One write in the transaction, the same for the same random numbers. */
function step(transaction: Transaction, random: SeededRandom): void {
  const id = random.integer(400)
  const written = document(id, random.integer(1000), random.integer(random.chance(0.1) ? 6000 : 200))
  const removes = random.chance(0.2)
  transaction.write((unit) => {
    const collection = transaction.collection('db', 'c')!
    const record = recordOf(transaction, id)
    if (record === undefined) unit.insert(collection, written)
    else if (removes) unit.remove(collection, record)
    else unit.update(collection, record, written)
  })
}

/** Everything that the records and the index show, in both directions and from places in between. */
function contentsOf(space: Workspace, random: SeededRandom): string[] {
  const collection: Collection = space.collection('db', 'c')!
  const shown: string[] = []
  for (const map of [collection.records, ...collection.indexes.map((index) => index.map)]) {
    const cursor = map.cursor(timestampMax)
    const show = () => {
      cursor.readKey()
      const { bytes, start, end } = cursor.value
      const key = Buffer.from(cursor.keyBytes.subarray(0, cursor.keyLength)).toString('hex')
      shown.push(`${key} ${Buffer.from(bytes.subarray(start, end)).toString('latin1')}`)
    }
    for (let found = cursor.first(); found; found = cursor.next()) {
      show()
      if (random.chance(0.1)) cursor.save()
    }
    for (let found = cursor.last(); found; found = cursor.previous()) show()
    for (let n = 0; n < 5; n++) {
      const key = random.bytes(3)
      if (!(random.chance(0.5) ? cursor.seek(key, 3) : cursor.seekBefore(key, 3))) continue
      show()
      if (random.chance(0.5) ? cursor.next() : cursor.previous()) show()
    }
    cursor.close()
  }
  return shown
}

test.each([1, 2, 3, 4])('a transaction that spills is as one that does not (seed %i)', async (seed) => {
  const worlds = [simulatedWorld(seed), simulatedWorld(seed)]
  const engines = await Promise.all(worlds.map((world, i) => open(world, i === 0 ? 2 ** 30 : 20_000)))
  const transactions = engines.map((engine) => engine.begin())
  const randoms = engines.map(() => new SeededRandom(seed))
  for (let n = 0; n < 1500; n++) {
    transactions.forEach((transaction, i) => {
      step(transaction, randoms[i]!)
    })
    if (n % 250 !== 0) continue
    const [expected, found] = transactions.map((transaction) => contentsOf(transaction, new SeededRandom(n)))
    expect(found).toEqual(expected)
  }
  expect(transactions.map(({ isSpilled }) => isSpilled)).toEqual([false, true])
  // What it took to put the page cache of the transaction on disk.
  expect(worlds[1]!.disk.list('data/tmp')).toHaveLength(1)
  const commits = await Promise.all(
    transactions.map((transaction) => (seed % 2 === 0 ? transaction.commitLater() : transaction.commit())),
  )
  const [expected, found] = engines.map((engine) => contentsOf(engine, new SeededRandom(7)))
  expect(found).toEqual(expected)
  await Promise.all(engines.map((engine, i) => engine.durable(commits[i]!)))
  expect(worlds[1]!.disk.list('data/tmp')).toEqual([])
  // From the log alone, and then from a checkpoint.
  const crashed = worlds[1]!.crash({ sectors: 'none', names: 0 })
  for (let round = 0; round < 2; round++) {
    const again = await open(crashed, 20_000)
    expect(contentsOf(again, new SeededRandom(7))).toEqual(expected)
    expect((await again.check()).problems).toEqual([])
    await again.close()
  }
  await engines[0]!.close()
})

/** Files that only a transaction under way has; the log prepares one of its own now and then. */
function filesOf(world: SimulatedWorld): string[] {
  return [...world.disk.list('data/tmp'), ...world.disk.list('data/log').filter((name) => name.startsWith('spare-'))]
}

test('an abort removes what was spilled, and so does the next start after a crash', async () => {
  const world = simulatedWorld(5)
  const engine = await open(world, 20_000)
  await engine.checkpoint()
  const before = filesOf(world)
  const transaction = engine.begin()
  const random = new SeededRandom(5)
  for (let n = 0; n < 500; n++) step(transaction, random)
  expect(filesOf(world).length).toBe(before.length + 2)
  transaction.abort()
  expect(filesOf(world)).toEqual(before)
  const another = engine.begin()
  for (let n = 0; n < 500; n++) step(another, random)
  const crashed = world.crash({ sectors: 'all', names: 1 })
  expect(filesOf(crashed).length).toBe(before.length + 2)
  const again = await open(crashed, 20_000)
  expect(crashed.disk.list('data/tmp')).toEqual([])
  expect(filesOf(crashed)).toEqual([])
  expect(again.collection('db', 'c')!.documentCount).toBe(50)
  await again.close()
  world.clock.stop()
})

test.each(['tmp', 'log'])('a disk that is full (%s) refuses the write, and nothing else is lost', async (folder) => {
  const world = simulatedWorld(6)
  const engine = await open(world, 20_000)
  const transaction = engine.begin()
  const random = new SeededRandom(6)
  world.disk.inject = ({ kind, path }) =>
    kind === 'write' && path.startsWith(`data/${folder}/`) ? 'ENOSPC' : undefined
  const fill = () => {
    for (let n = 0; n < 2000; n++) step(transaction, random)
  }
  expect(fill).toThrow(expect.objectContaining({ codeName: 'OutOfDiskSpace' }) as DatabaseError)
  world.disk.inject = undefined
  transaction.abort()
  expect(filesOf(world).length).toBeLessThan(2)
  const another = engine.begin()
  for (let n = 0; n < 500; n++) step(another, random)
  await engine.durable(another.commit())
  expect((await engine.check()).problems).toEqual([])
  await engine.close()
})

test('nothing is written in a transaction that is being committed', async () => {
  const world = simulatedWorld(8)
  const engine = await open(world, 0)
  const transaction = engine.begin()
  step(transaction, new SeededRandom(8))
  const committed = transaction.commitLater()
  expect(() => step(transaction, new SeededRandom(9))).toThrow(DatabaseError)
  await engine.durable(await committed)
  await engine.close()
})

test('one that is aborted while its commit is prepared leaves nothing', async () => {
  const world = simulatedWorld(10)
  const engine = await open(world, 0)
  const before = filesOf(world)
  const transaction = engine.begin()
  step(transaction, new SeededRandom(8))
  const committed = transaction.commitLater()
  transaction.abort()
  await expect(committed).rejects.toThrow(DatabaseError)
  expect(() => transaction.commit()).toThrow(DatabaseError)
  await world.clock.yield()
  expect(filesOf(world)).toEqual(before)
  const last = engine.begin()
  step(last, new SeededRandom(8))
  const cutOff = expect(last.commitLater()).rejects.toThrow(DatabaseError)
  await engine.close()
  expect(filesOf(world)).toEqual([])
  await cutOff
})

const megabytes = Number(process.env['LAURA_TRANSACTION_MEGABYTES'] ?? 150)

test('memory is bounded through a transaction much larger than it, its commit and its recovery', {
  timeout: 600_000,
}, () => {
  const directory = mkdtempSync(join(tmpdir(), 'laura-large-'))
  const run = (...parameters: string[]) =>
    JSON.parse(
      execFileSync(process.execPath, ['pkg/engine/testdata/large-transaction.ts', ...parameters], {
        encoding: 'utf8',
      }),
    ) as { rssBefore: number; rssPeak: number; documents: number }
  try {
    for (const report of [run('write', directory, String(megabytes)), run('read', directory)]) {
      expect(report.documents).toBe(megabytes * 1000)
      // Caches of 24 MB, buffers, code, and what the garbage collector leaves: as much whatever the transaction's size.
      expect((report.rssPeak - report.rssBefore) / 2 ** 20).toBeLessThan(200)
    }
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
})
