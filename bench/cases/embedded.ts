/** The embedded database beside its peers, on the same documents, in one run. */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { open } from '../../pkg/lauradb.ts'
import type { Person } from '../documents.ts'
import { idOf, makePeople } from '../documents.ts'
import type { Results } from '../measure.ts'
import { best, timed } from '../measure.ts'
import { openLmdb } from '../peers/lmdb.ts'
import { openNedb } from '../peers/nedb.ts'
import { rawSyncsPerSecond } from '../peers/raw-disk.ts'
import { openSqlite } from '../peers/sqlite.ts'

const batchSize = 1000

const insertWork = 'insertMany by 1000, durable, _id + one index'
const insertBareWork = 'insertMany by 1000, durable, _id only'
const findWork = 'findOne by _id, decoded'
const countWork = 'count with two unindexed predicates (documents)'
const updateWork = 'updateOne $inc by _id, batches of 1000 durable'
const oneWork = 'one durable insert at a time'
const manyWork = '64 concurrent durable inserts'

/** Visits ids in an order that no cache likes. */
function shuffledIds(count: number): number[] {
  return Array.from({ length: count }, (_, i) => (i * 48271) % count)
}

export async function embeddedCases(results: Results, directory: string, count: number): Promise<void> {
  const people = makePeople(count)
  const batches: Person[][] = []
  for (let at = 0; at < count; at += batchSize) batches.push(people.slice(at, at + batchSize))
  const fresh = (name: string): string => {
    mkdirSync(directory, { recursive: true })
    return mkdtempSync(join(directory, `${name}-`))
  }

  // Inserts: each engine into fresh directories, twice, the better counts.
  const opened: {
    laura?: Awaited<ReturnType<typeof open>>
    sqlite?: ReturnType<typeof openSqlite>
    lmdb?: Awaited<ReturnType<typeof openLmdb>>
  } = {}
  const insertLaura = async (indexed: boolean): Promise<number> => {
    await opened.laura?.close()
    const laura = await open(fresh('laura'))
    opened.laura = laura
    const collection = laura.db('bench').collection('people')
    if (indexed) await collection.createIndex({ email: 1 })
    else await laura.db('bench').createCollection('people')
    return timed(async () => {
      for (const batch of batches) await collection.insertMany(batch as unknown as Record<string, unknown>[])
    })
  }
  const bare = Math.min(await insertLaura(false), await insertLaura(false))
  const indexed = Math.min(await insertLaura(true), await insertLaura(true))
  const lmdbSeconds = await best(2, async () => {
    await opened.lmdb?.close()
    opened.lmdb = await openLmdb(fresh('lmdb'))
    for (const batch of batches) await opened.lmdb.insertBatch(batch)
  })
  const sqliteSeconds = await best(2, () => {
    opened.sqlite?.close()
    opened.sqlite = openSqlite(fresh('sqlite'), true)
    for (const batch of batches) opened.sqlite.insertBatch(batch)
  })
  const nedb = await openNedb(fresh('nedb'))
  const nedbSeconds = await timed(async () => {
    for (const batch of batches) await nedb.insertBatch(batch)
  })
  const laura = opened.laura!
  const sqlite = opened.sqlite!
  const lmdb = opened.lmdb!
  const people_ = laura.db('bench').collection('people')

  const insert = results.rate(insertWork, 'lauradb', count, indexed)
  const insertBare = results.rate(insertBareWork, 'lauradb', count, bare)
  const insertSqlite = results.rate(insertWork, 'sqlite', count, sqliteSeconds)
  const insertLmdb = results.rate(insertBareWork, 'lmdb', count, lmdbSeconds)
  results.rate(insertWork, 'nedb (no fsync)', count, nedbSeconds)
  results.ratio(insertWork, 'lauradb / sqlite', insert / insertSqlite, '1.3')
  results.ratio(insertWork, 'lauradb / lmdb without index', insert / insertLmdb, '0.8')
  results.ratio(insertBareWork, 'lauradb / lmdb', insertBare / insertLmdb, '-')

  // Point reads.
  const order = shuffledIds(count)
  const ids = order.map(idOf)
  const hexIds = ids.map((id) => id.toHexString())
  const byteIds = ids.map((id) => id.id)
  const findLaura = await best(3, async () => {
    for (const _id of ids) await people_.findOne({ _id })
  })
  const findLmdb = await best(3, () => {
    for (const id of byteIds) lmdb.findOne(id)
  })
  const findSqlite = await best(3, () => {
    for (const id of hexIds) sqlite.findOne(id)
  })
  const find = results.rate(findWork, 'lauradb', count, findLaura)
  results.ratio(
    findWork,
    'lauradb / lmdb get + bson',
    find / results.rate(findWork, 'lmdb get + bson', count, findLmdb),
    '1.5',
  )
  results.ratio(findWork, 'lauradb / sqlite', find / results.rate(findWork, 'sqlite', count, findSqlite), '3')
  const findNedb = await timed(async () => {
    for (const id of hexIds.slice(0, 20000)) await nedb.findOne(id)
  })
  results.rate(findWork, 'nedb', 20000, findNedb)

  // Scans.
  const filter = { age: { $gte: 50 }, city: 'Oslo' }
  const expected = sqlite.count(50, 'Oslo')
  const counted = await people_.countDocuments(filter)
  if (counted !== expected) throw new Error(`lauradb counts ${counted}, sqlite ${expected}`)
  const countLaura = await best(9, () => people_.countDocuments(filter))
  const countSqlite = await best(9, () => sqlite.count(50, 'Oslo'))
  const countNedb = await best(3, () => nedb.count(50, 'Oslo'))
  const countRate = results.rate(countWork, 'lauradb', count, countLaura)
  results.ratio(countWork, 'lauradb / sqlite', countRate / results.rate(countWork, 'sqlite', count, countSqlite), '1.3')
  results.rate(countWork, 'nedb', count, countNedb)

  // Updates.
  const updates = Math.min(count, 50_000)
  const updateLaura = await best(2, async () => {
    for (let at = 0; at < updates; at += batchSize) {
      const operations = ids
        .slice(at, at + batchSize)
        .map((_id) => ({ updateOne: { filter: { _id }, update: { $inc: { age: 1 } } } }))
      await people_.bulkWrite(operations)
    }
  })
  const updateSqlite = await best(2, () => {
    for (let at = 0; at < updates; at += batchSize) sqlite.incrementBatch(hexIds.slice(at, at + batchSize))
  })
  const update = results.rate(updateWork, 'lauradb', updates, updateLaura)
  results.ratio(
    updateWork,
    'lauradb / sqlite',
    update / results.rate(updateWork, 'sqlite', updates, updateSqlite),
    '1.5',
  )

  // Durable single inserts, beside what the disk can do: in turn, so that drift hits both.
  const singles = laura.db('bench').collection('singles')
  await laura.db('bench').createCollection('singles')
  let raw = 0
  let one = Number.POSITIVE_INFINITY
  let many = Number.POSITIVE_INFINITY
  let next = 0
  const oneCount = 2000
  const manyCount = 64 * 300
  const without = (n: number): Record<string, unknown> => {
    const { _id, ...rest } = people[n % count]!
    return rest
  }
  for (let round = 0; round < 3; round++) {
    raw = Math.max(raw, rawSyncsPerSecond(fresh('raw'), oneCount))
    one = Math.min(
      one,
      await timed(async () => {
        for (let i = 0; i < oneCount; i++) await singles.insertOne(without(next++))
      }),
    )
    many = Math.min(
      many,
      await timed(() =>
        Promise.all(
          Array.from({ length: 64 }, async () => {
            for (let i = 0; i < manyCount / 64; i++) await singles.insertOne(without(next++))
          }),
        ),
      ),
    )
  }
  results.rate(oneWork, 'raw write + fdatasync', 1, 1 / raw)
  const oneRate = results.rate(oneWork, 'lauradb', oneCount, one)
  results.ratio(oneWork, 'lauradb / raw', oneRate / raw, '0.85')
  const manyRate = results.rate(manyWork, 'lauradb', manyCount, many)
  results.ratio(manyWork, 'lauradb / one at a time', manyRate / oneRate, '15')

  await laura.close()
  await lmdb.close()
  sqlite.close()
  rmSync(directory, { recursive: true, force: true })
}
