/** The embedded database beside its peers, on the same documents, in one run, a batch of each in turn. */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { open } from '../../pkg/lauradb.ts'
import type { Person } from '../documents.ts'
import { idOf, makePeople } from '../documents.ts'
import type { Results } from '../measure.ts'
import { inTurn, timed } from '../measure.ts'
import { openLmdb } from '../peers/lmdb.ts'
import { openNedb } from '../peers/nedb.ts'
import { rawSyncsPerSecond } from '../peers/raw-disk.ts'
import { openSqlite } from '../peers/sqlite.ts'

type Laura = Awaited<ReturnType<typeof open>>
type Sqlite = ReturnType<typeof openSqlite>
type Lmdb = Awaited<ReturnType<typeof openLmdb>>

/** The engines, filled with the same documents. */
interface Engines {
  readonly laura: Laura
  readonly sqlite: Sqlite
  readonly lmdb: Lmdb
}

const batchSize = 1000

export async function embeddedCases(results: Results, directory: string, count: number): Promise<void> {
  mkdirSync(directory, { recursive: true })
  const fresh = (name: string): string => mkdtempSync(join(directory, `${name}-`))
  const people = makePeople(count)
  const engines = await insertCase(results, fresh, people)
  const order = Array.from({ length: count }, (_, i) => (i * 48271) % count)
  await findCase(results, engines, order)
  await countCase(results, engines, count)
  await updateCase(results, engines, order.slice(0, 50_000))
  await syncCase(results, engines.laura, fresh, people)
  await engines.laura.close()
  await engines.lmdb.close()
  engines.sqlite.close()
  await nedbCase(results, fresh, people)
  rmSync(directory, { recursive: true, force: true })
}

async function insertCase(
  results: Results,
  fresh: (name: string) => string,
  people: readonly Person[],
): Promise<Engines> {
  const batches: Person[][] = []
  for (let at = 0; at < people.length; at += batchSize) batches.push(people.slice(at, at + batchSize))
  const work = 'insertMany by 1000, durable, _id + one index'
  const bareWork = 'insertMany by 1000, durable, _id only'
  const fill = async (timing: boolean): Promise<Engines> => {
    const laura = await open(fresh('laura'))
    const indexed = laura.db('bench').collection<Person>('people')
    await indexed.createIndex({ email: 1 })
    const bare = await laura.db('bench').createCollection<Person>('bare')
    const sqlite = openSqlite(fresh('sqlite'), true)
    const lmdb = await openLmdb(fresh('lmdb'))
    const seconds = await inTurn(
      {
        laura: (step) => indexed.insertMany(batches[step]!),
        bare: (step) => bare.insertMany(batches[step]!),
        sqlite: (step) => sqlite.insertBatch(batches[step]!),
        lmdb: (step) => lmdb.insertBatch(batches[step]!),
      },
      timing ? batches.length : Math.min(batches.length, 20),
    )
    if (timing) {
      const rate = results.rate(work, 'lauradb', people.length, seconds.laura)
      const sqliteRate = results.rate(work, 'sqlite', people.length, seconds.sqlite)
      const bareRate = results.rate(bareWork, 'lauradb', people.length, seconds.bare)
      const lmdbRate = results.rate(bareWork, 'lmdb', people.length, seconds.lmdb)
      results.ratio(work, 'lauradb / sqlite', rate / sqliteRate, '1.3')
      results.ratio(work, 'lauradb / lmdb without index', rate / lmdbRate, '0.8')
      results.ratio(bareWork, 'lauradb / lmdb', bareRate / lmdbRate, '-')
    }
    await bare.drop()
    return { laura, sqlite, lmdb }
  }
  // Once to warm up: what is compared is not who is compiled first.
  const warm = await fill(false)
  await warm.laura.close()
  await warm.lmdb.close()
  warm.sqlite.close()
  return fill(true)
}

async function findCase(results: Results, engines: Engines, order: readonly number[]): Promise<void> {
  const work = 'findOne by _id, decoded'
  const people = engines.laura.db('bench').collection('people')
  const ids = order.map(idOf)
  const hexIds = ids.map((id) => id.toHexString())
  // Long enough for each to have its own caches warm, short enough that drift meets all.
  const step = 25_000
  const steps = Math.floor(ids.length / step) * 3
  const slice = (n: number): [number, number] => {
    const from = (n * step) % ids.length
    return [from, Math.min(ids.length, from + step)]
  }
  const run = (): Promise<Record<'laura' | 'lmdb' | 'sqlite', number>> =>
    inTurn(
      {
        laura: async (n) => {
          const [from, to] = slice(n)
          for (let i = from; i < to; i++) await people.findOne({ _id: ids[i] })
        },
        lmdb: (n) => {
          const [from, to] = slice(n)
          for (let i = from; i < to; i++) engines.lmdb.findOne(ids[i]!.id)
        },
        sqlite: (n) => {
          const [from, to] = slice(n)
          for (let i = from; i < to; i++) engines.sqlite.findOne(hexIds[i]!)
        },
      },
      steps,
    )
  await run()
  const seconds = await run()
  const total = steps * step
  const rate = results.rate(work, 'lauradb', total, seconds.laura)
  results.ratio(
    work,
    'lauradb / lmdb get + bson',
    rate / results.rate(work, 'lmdb get + bson', total, seconds.lmdb),
    '1.5',
  )
  results.ratio(work, 'lauradb / sqlite', rate / results.rate(work, 'sqlite', total, seconds.sqlite), '3')
}

async function countCase(results: Results, engines: Engines, count: number): Promise<void> {
  const work = 'count with two unindexed predicates (documents)'
  const people = engines.laura.db('bench').collection('people')
  const filter = { age: { $gte: 50 }, city: 'Oslo' }
  const expected = engines.sqlite.count(50, 'Oslo')
  const counted = await people.countDocuments(filter)
  if (counted !== expected) throw new Error(`lauradb counts ${counted}, sqlite ${expected}`)
  const rounds = 12
  const run = () =>
    inTurn(
      {
        laura: () => people.countDocuments(filter),
        sqlite: () => engines.sqlite.count(50, 'Oslo'),
      },
      rounds,
    )
  await run()
  const seconds = await run()
  const rate = results.rate(work, 'lauradb', count * rounds, seconds.laura)
  results.ratio(work, 'lauradb / sqlite', rate / results.rate(work, 'sqlite', count * rounds, seconds.sqlite), '1.3')
}

async function updateCase(results: Results, engines: Engines, order: readonly number[]): Promise<void> {
  const work = 'updateOne $inc by _id, batches of 1000 durable'
  const people = engines.laura.db('bench').collection('people')
  const ids = order.map(idOf)
  const hexIds = ids.map((id) => id.toHexString())
  const steps = Math.floor(ids.length / batchSize)
  const run = () =>
    inTurn(
      {
        laura: (n) => {
          const batch = ids.slice(n * batchSize, (n + 1) * batchSize)
          return people.bulkWrite(
            batch.map((_id) => ({ updateOne: { filter: { _id }, update: { $inc: { age: 1 } } } })),
          )
        },
        sqlite: (n) => engines.sqlite.incrementBatch(hexIds.slice(n * batchSize, (n + 1) * batchSize)),
      },
      steps,
    )
  await run()
  const seconds = await run()
  const total = steps * batchSize
  const rate = results.rate(work, 'lauradb', total, seconds.laura)
  results.ratio(work, 'lauradb / sqlite', rate / results.rate(work, 'sqlite', total, seconds.sqlite), '1.5')
}

/** By itself and last: it holds every document as an object, which slows the garbage collector of all who share its process. */
async function nedbCase(results: Results, fresh: (name: string) => string, people: readonly Person[]): Promise<void> {
  const nedb = await openNedb(fresh('nedb'))
  const inserting = await timed(async () => {
    for (let at = 0; at < people.length; at += batchSize) await nedb.insertBatch(people.slice(at, at + batchSize))
  })
  results.rate('insertMany by 1000, durable, _id + one index', 'nedb (no fsync)', people.length, inserting)
  const ids = people.slice(0, 20_000).map((person) => person._id.toHexString())
  const finding = await timed(async () => {
    for (const id of ids) await nedb.findOne(id)
  })
  results.rate('findOne by _id, decoded', 'nedb', ids.length, finding)
  const counting = await timed(() => nedb.count(50, 'Oslo'))
  results.rate('count with two unindexed predicates (documents)', 'nedb', people.length, counting)
}

/** Durable single inserts beside what the disk can do. */
async function syncCase(
  results: Results,
  laura: Laura,
  fresh: (name: string) => string,
  people: readonly Person[],
): Promise<void> {
  const oneWork = 'one durable insert at a time'
  const manyWork = '64 concurrent durable inserts'
  const singles = await laura.db('bench').createCollection('singles')
  let next = 0
  const insert = (): Promise<unknown> => {
    const { _id, ...rest } = people[next++ % people.length]!
    return singles.insertOne(rest)
  }
  const each = 200
  const perClient = 40
  const steps = 12
  const folder = fresh('raw')
  const seconds = await inTurn(
    {
      raw: () => rawSyncsPerSecond(folder, each),
      one: async () => {
        for (let i = 0; i < each; i++) await insert()
      },
      many: () =>
        Promise.all(
          Array.from({ length: 64 }, async () => {
            for (let i = 0; i < perClient; i++) await insert()
          }),
        ),
    },
    steps,
  )
  const raw = results.rate(oneWork, 'raw write + fdatasync', each * steps, seconds.raw)
  const one = results.rate(oneWork, 'lauradb', each * steps, seconds.one)
  results.ratio(oneWork, 'lauradb / raw', one / raw, '0.85')
  const many = results.rate(manyWork, 'lauradb', 64 * perClient * steps, seconds.many)
  results.ratio(manyWork, 'lauradb / one at a time', many / one, '15')
}
