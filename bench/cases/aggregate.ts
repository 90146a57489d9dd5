/** Aggregation beside sqlite's JSONB on the same documents, in turn. */
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { fileURLToPath } from 'node:url'
import { stageMemoryDefaultBytes } from '../../pkg/aggregate/stage.ts'
import { open } from '../../pkg/lauradb.ts'
import { makePeople } from '../documents.ts'
import type { Results } from '../measure.ts'
import { inTurn } from '../measure.ts'

interface Case {
  readonly work: string
  /** What is counted: documents, elements or rows. */
  readonly count: number
  readonly target: string
  readonly pipeline: readonly Record<string, unknown>[]
  readonly sql: string
  /** The collection and table it begins with; people unless said. */
  readonly from?: string
}

function casesFor(count: number): Case[] {
  return [
    {
      work: '$match + $group by one string, sum and avg',
      count,
      target: '2',
      pipeline: [
        { $match: { age: { $gte: 30 } } },
        { $group: { _id: '$city', n: { $sum: '$age' }, score: { $avg: '$score' } } },
      ],
      sql: `select doc ->> '$.city' as c, sum(doc ->> '$.age'), avg(doc ->> '$.score') from people where doc ->> '$.age' >= 30 group by c`,
    },
    {
      work: '$group by two keys, five accumulators',
      count,
      target: '1.5',
      pipeline: [
        {
          $group: {
            _id: { city: '$city', country: '$country' },
            n: { $sum: 1 },
            age: { $avg: '$age' },
            low: { $min: '$score' },
            high: { $max: '$score' },
            total: { $sum: '$score' },
          },
        },
      ],
      sql: `select doc ->> '$.city' as c, doc ->> '$.country' as d, count(*), avg(doc ->> '$.age'), min(doc ->> '$.score'), max(doc ->> '$.score'), sum(doc ->> '$.score') from people group by c, d`,
    },
    {
      work: '$sort by an unindexed field + $limit 20',
      count,
      target: '1.5',
      pipeline: [{ $sort: { score: -1 } }, { $limit: 20 }],
      sql: `select json(doc) from people order by doc ->> '$.score' desc limit 20`,
    },
    {
      work: '$lookup of 10,000 documents by an indexed key',
      count: 10_000,
      target: '1.5',
      from: 'orders',
      pipeline: [
        { $lookup: { from: 'people', localField: 'person', foreignField: 'email', as: 'who' } },
        { $group: { _id: null, n: { $sum: { $size: '$who' } } } },
      ],
      sql: `select count(*) from orders join people on people.doc ->> '$.email' = orders.doc ->> '$.person'`,
    },
    {
      work: '$unwind + $group, three elements a document',
      count: count * 3,
      target: '1.5',
      pipeline: [{ $unwind: '$tags' }, { $group: { _id: '$tags', n: { $sum: 1 } } }],
      sql: `select value, count(*) from people, json_each(people.doc, '$.tags') group by value`,
    },
    {
      work: 'running sum by $setWindowFields',
      count,
      target: '0.5',
      pipeline: [
        {
          $setWindowFields: {
            sortBy: { created: 1 },
            output: { running: { $sum: '$age', window: { documents: ['unbounded', 'current'] } } },
          },
        },
        { $group: { _id: null, last: { $max: '$running' } } },
      ],
      sql: `select max(running) from (select sum(doc ->> '$.age') over (order by doc ->> '$.created' rows unbounded preceding) as running from people)`,
    },
  ]
}

export async function aggregateCases(results: Results, directory: string, count: number): Promise<void> {
  mkdirSync(directory, { recursive: true })
  const people = makePeople(count)
  const laura = await open(mkdtempSync(join(directory, 'laura-')))
  const db = laura.db('bench')
  for (let at = 0; at < count; at += 10_000)
    await db.collection('people').insertMany(people.slice(at, at + 10_000) as never)
  await db.collection('people').createIndex({ email: 1 })
  const orders = Array.from({ length: 10_000 }, (_, n) => ({
    _id: n,
    person: people[(n * 48271) % count]!.email,
    amount: n % 97,
  }))
  await db.collection('orders').insertMany(orders as never)

  const sqlite = new DatabaseSync(join(mkdtempSync(join(directory, 'sqlite-')), 'peer.sqlite'))
  sqlite.exec(
    'pragma journal_mode=wal; create table people (id integer primary key, doc blob); create table orders (id integer primary key, doc blob)',
  )
  sqlite.exec('begin')
  const insertPerson = sqlite.prepare('insert into people (doc) values (jsonb(?))')
  for (const person of people) insertPerson.run(JSON.stringify({ ...person, _id: person._id.toHexString() }))
  const insertOrder = sqlite.prepare('insert into orders (doc) values (jsonb(?))')
  for (const order of orders) insertOrder.run(JSON.stringify(order))
  sqlite.exec(`commit; create index people_email on people (doc ->> '$.email')`)

  for (const { work, count: counted, target, pipeline, sql, from } of casesFor(count)) {
    const statement = sqlite.prepare(sql)
    const rounds = 7
    const run = () =>
      inTurn(
        {
          laura: () =>
            db
              .collection(from ?? 'people')
              .aggregate(pipeline)
              .toArray(),
          sqlite: () => statement.all(),
        },
        rounds,
      )
    await run()
    const seconds = await run()
    const rate = results.rate(work, 'lauradb', counted * rounds, seconds.laura)
    results.ratio(
      work,
      'lauradb / sqlite',
      rate / results.rate(work, 'sqlite', counted * rounds, seconds.sqlite),
      target,
    )
  }
  await laura.close()
  sqlite.close()
  beyondMemory(results, mkdtempSync(join(directory, 'beyond-')))
  rmSync(directory, { recursive: true, force: true })
}

/** Keys of ten times the memory that $group may have: that it ends, in which time, and how much memory the process held. */
function beyondMemory(results: Results, directory: string): void {
  const script = join(fileURLToPath(new URL('../..', import.meta.url)), 'bench/group-beyond-memory.ts')
  const output = execFileSync(process.execPath, [script, directory], { encoding: 'utf8' })
  const { groups, seconds, residentBytes } = JSON.parse(output) as Record<string, number>
  const work = '$group with 10 x its memory limit in keys'
  results.rate(work, 'lauradb', groups!, seconds!)
  const most = (stageMemoryDefaultBytes + 300 * 2 ** 20) / 2 ** 20
  results.add({ work, engine: `RSS, at most ${most} MB`, value: residentBytes! / 2 ** 20, unit: 'MB' })
}
