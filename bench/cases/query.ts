/** The query language, indexes and planner beside sqlite's JSONB, on the same documents, in turn. */
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync, type SQLInputValue } from 'node:sqlite'
import { fileURLToPath } from 'node:url'
import { timestampMax } from '../../pkg/base/timestamp.ts'
import { version } from '../../pkg/base/version.ts'
import { buildDocument } from '../../pkg/bson/build.ts'
import { Database } from '../../pkg/command/dispatch.ts'
import { Laura } from '../../pkg/embedded/laura.ts'
import { Engine } from '../../pkg/engine/engine.ts'
import { hostWorld } from '../../pkg/io/host/world.ts'
import { open } from '../../pkg/lauradb.ts'
import { planFind } from '../../pkg/query/execute.ts'
import { compileFilter } from '../../pkg/query/filter/compile.ts'
import { parseFilter } from '../../pkg/query/filter/parse.ts'
import { compileIndexFilter } from '../../pkg/query/index-filter.ts'
import type { Person } from '../documents.ts'
import { makePeople } from '../documents.ts'
import type { Results } from '../measure.ts'
import { inTurn, timed } from '../measure.ts'

/** A person of a team of 100, and of a batch of 10,000. */
interface Member extends Person {
  readonly team: number
  readonly batch: number
}

type People = ReturnType<ReturnType<Laura['db']>['collection']>

const teamSize = 100
const batchSize = 10_000

function makeMembers(count: number): Member[] {
  const teams = Math.ceil(count / teamSize)
  return makePeople(count).map((person, n) => ({
    ...person,
    team: (n * 7919) % teams,
    batch: Math.floor(n / batchSize),
  }))
}

const text = (member: object): string => JSON.stringify(member, (_, value) => value?.toHexString?.() ?? value)

export async function queryCases(results: Results, directory: string, count: number): Promise<void> {
  mkdirSync(directory, { recursive: true })
  const fresh = (name: string): string => mkdtempSync(join(directory, `${name}-`))
  const members = makeMembers(count)
  // As `open` does it, with the engine at hand: planning is timed by itself.
  const world = hostWorld(fresh('laura'))
  const engine = await Engine.open(world, 'data', { compileFilter: compileIndexFilter })
  const laura = new Laura(engine, new Database(engine, world, { version }))
  const people = laura.db('bench').collection('people')
  for (let at = 0; at < count; at += 10_000) await people.insertMany(members.slice(at, at + 10_000) as never)
  const sqlite = openPeer(fresh('sqlite'))
  sqlite.exec('begin')
  const insert = sqlite.prepare('insert into people (doc) values (jsonb(?))')
  for (const member of members) insert.run(text(member))
  sqlite.exec('commit')

  await scanCases(results, people, sqlite, count)
  await indexCases(results, people, sqlite, members)
  await coveredCase(results, people)
  await updateCase(results, people, sqlite, count)
  await plannerCases(results, engine, people)
  await laura.close()
  sqlite.close()
  await insertCase(results, fresh, members)
  sortBeyondMemory(results, fresh('sort'))
  rmSync(directory, { recursive: true, force: true })
}

/** WAL and synchronous=full: a commit is durable when it returns. */
function openPeer(directory: string): DatabaseSync {
  const sqlite = new DatabaseSync(join(directory, 'peer.sqlite'))
  sqlite.exec(
    'pragma journal_mode=wal; pragma synchronous=full; create table people (id integer primary key, doc blob)',
  )
  return sqlite
}

interface Sides {
  readonly work: string
  readonly target: string
  /** What is counted, in one query of each. */
  readonly perQuery: number
  readonly queries: number
  /** Queries of one engine before the other's turn: enough for each to have its caches warm. */
  readonly perTurn: number
  readonly laura: (query: number) => Promise<number>
  readonly sqlite: (query: number) => number
}

/** Compares what both find, runs all once to warm up, then in turn; adds both rates and their ratio. */
async function sideBySide(results: Results, sides: Sides): Promise<void> {
  const { work, target, perQuery, queries, perTurn, laura, sqlite } = sides
  for (let query = 0; query < Math.min(queries, 5); query++) {
    const [mine, theirs] = [await laura(query), sqlite(query)]
    if (mine !== theirs) throw new Error(`${work}: lauradb finds ${mine}, sqlite ${theirs}`)
  }
  const turns = Math.ceil(queries / perTurn)
  const run = () =>
    inTurn(
      {
        laura: async (turn) => {
          for (let i = 0; i < perTurn; i++) await laura(turn * perTurn + i)
        },
        sqlite: (turn) => {
          for (let i = 0; i < perTurn; i++) sqlite(turn * perTurn + i)
        },
      },
      turns,
    )
  await run()
  const seconds = await run()
  const counted = perQuery * turns * perTurn
  const rate = results.rate(work, 'lauradb', counted, seconds.laura)
  results.ratio(work, 'lauradb / sqlite', rate / results.rate(work, 'sqlite', counted, seconds.sqlite), target)
}

async function scanCases(results: Results, people: People, sqlite: DatabaseSync, count: number): Promise<void> {
  const cases: { work: string; filter: Record<string, unknown>; where: string; decoded: boolean }[] = [
    {
      work: 'count, two predicates, no index (documents)',
      filter: { age: { $gte: 50 }, city: 'Oslo' },
      where: `doc ->> '$.age' >= 50 and doc ->> '$.city' = 'Oslo'`,
      decoded: false,
    },
    {
      work: 'count, three predicates, no index (documents)',
      filter: { score: { $lt: 7000.5 }, active: true, country: { $in: ['NO', 'PE', 'JP'] } },
      where: `doc ->> '$.score' < 7000.5 and doc ->> '$.active' = 1 and doc ->> '$.country' in ('NO', 'PE', 'JP')`,
      decoded: false,
    },
    {
      work: 'find, four predicates, no index (documents)',
      filter: { age: { $gte: 30, $lt: 60 }, country: 'NO', 'address.zip': { $gte: '50000' }, name: /^Person [a-c]/ },
      where: `doc ->> '$.age' >= 30 and doc ->> '$.age' < 60 and doc ->> '$.country' = 'NO' and doc ->> '$.address.zip' >= '50000' and doc ->> '$.name' glob 'Person [a-c]*'`,
      decoded: true,
    },
  ]
  for (const { work, filter, where, decoded } of cases) {
    const counted = sqlite.prepare(`select count(*) as n from people where ${where}`)
    const found = sqlite.prepare(`select json(doc) as doc from people where ${where}`)
    await sideBySide(results, {
      work,
      target: '1.3',
      perQuery: count,
      queries: 9,
      perTurn: 1,
      laura: async () => (decoded ? (await people.find(filter).toArray()).length : people.countDocuments(filter)),
      sqlite: () => (decoded ? decode(found.all()) : Number((counted.get() as { n: number }).n)),
    })
  }
}

/** How many documents there were, after all have been decoded. */
function decode(rows: readonly unknown[]): number {
  let n = 0
  for (const row of rows) {
    JSON.parse((row as { doc: string }).doc)
    n++
  }
  return n
}

async function indexCases(
  results: Results,
  people: People,
  sqlite: DatabaseSync,
  members: readonly Member[],
): Promise<void> {
  await people.createIndex({ team: 1 })
  await people.createIndex({ country: 1, age: 1 })
  sqlite.exec(`create index people_team on people (doc ->> '$.team')`)
  sqlite.exec(`create index people_country on people (doc ->> '$.country', doc ->> '$.age')`)
  const teams = Math.ceil(members.length / teamSize)
  const byTeam = sqlite.prepare(`select json(doc) as doc from people where doc ->> '$.team' = ?`)
  await sideBySide(results, {
    work: 'indexed equality, 100 documents decoded (documents)',
    target: '3',
    perQuery: teamSize,
    queries: 4000,
    perTurn: 100,
    laura: async (query) => (await people.find({ team: (query * 31) % teams }).toArray()).length,
    sqlite: (query) => decode(byTeam.all((query * 31) % teams)),
  })
  const countries = ['NO', 'PE', 'JP', 'GH', 'EC']
  const byAge = sqlite.prepare(
    `select json(doc) as doc from people where doc ->> '$.country' = ? and doc ->> '$.age' >= ? order by doc ->> '$.age' limit 20`,
  )
  await sideBySide(results, {
    work: 'compound range + sort + limit 20 by index (queries)',
    target: '2',
    perQuery: 1,
    queries: 10_000,
    perTurn: 500,
    laura: async (query) => {
      const filter = { country: countries[query % 5]!, age: { $gte: 20 + (query % 50) } }
      return (await people.find(filter).sort({ age: 1 }).limit(20).toArray()).length
    },
    sqlite: (query) => decode(byAge.all(countries[query % 5]! as SQLInputValue, 20 + (query % 50))),
  })
}

async function coveredCase(results: Results, people: People): Promise<void> {
  const work = 'covered query, 2,000 rows (rows)'
  await people.createIndex({ team: 1, age: 1 })
  const filter = { team: { $gte: 100, $lt: 120 } }
  const by = (hint: Record<string, 1>) => people.find(filter).project({ _id: 0, team: 1, age: 1 }).hint(hint)
  const explained = await by({ team: 1, age: 1 }).explain('executionStats')
  const examined = Number((explained['executionStats'] as Record<string, unknown>)['totalDocsExamined'])
  if (examined !== 0) throw new Error(`a covered query examined ${examined} documents`)
  const rounds = 200
  const engines = {
    covered: () => by({ team: 1, age: 1 }).toArray(),
    uncovered: () => by({ team: 1 }).toArray(),
  }
  await inTurn(engines, 30)
  const seconds = await inTurn(engines, rounds)
  const rows = (await by({ team: 1, age: 1 }).toArray()).length * rounds
  const rate = results.rate(work, 'lauradb', rows, seconds.covered)
  results.ratio(work, 'covered / uncovered', rate / results.rate(work, 'uncovered', rows, seconds.uncovered), '2')
}

async function updateCase(results: Results, people: People, sqlite: DatabaseSync, count: number): Promise<void> {
  await people.createIndex({ batch: 1 })
  await people.createIndex({ age: 1 })
  sqlite.exec(`create index people_batch on people (doc ->> '$.batch')`)
  sqlite.exec(`create index people_age on people (doc ->> '$.age')`)
  // Of the indexes on people one is on age alone and one on country and age; the third is not sqlite's.
  await people.dropIndex('team_1_age_1')
  const batches = Math.ceil(count / batchSize)
  const increment = sqlite.prepare(
    `update people set doc = jsonb_set(doc, '$.age', (doc ->> '$.age') + 1) where doc ->> '$.batch' = ?`,
  )
  await sideBySide(results, {
    work: 'updateMany of 10,000 by index, two indexes touched (documents)',
    target: '1.5',
    perQuery: Math.min(count, batchSize),
    queries: batches,
    perTurn: 1,
    laura: async (query) => (await people.updateMany({ batch: query % batches }, { $inc: { age: 1 } })).modifiedCount,
    sqlite: (query) => Number(increment.run(query % batches).changes),
  })
}

async function plannerCases(results: Results, engine: Engine, people: People): Promise<void> {
  const rounds = 2000
  const filters = Array.from({ length: rounds }, (_, i) => buildDocument({ age: { $gte: i % 80 }, city: `c${i % 7}` }))
  const compile = (): void => {
    for (const filter of filters) compileFilter(parseFilter(filter))
  }
  await quickest(results, 'filter of two fields, parsed and compiled', rounds, compile)
  await people.createIndex({ email: 1 })
  const some = (await people.find({}).limit(2000).toArray()) as unknown as Member[]
  const source = engine.collection('bench', 'people')!
  const requests = some.map(({ email }) => ({ filter: parseFilter(buildDocument({ email })), limit: 1 }))
  await quickest(results, 'planning of findOne by an indexed field', requests.length, () => {
    for (const request of requests) planFind(source, timestampMax, request)
  })
  const engines = {
    byId: async (step: number) => {
      for (const { _id } of some.slice(step % 2, 1000)) await people.findOne({ _id })
    },
    byIndex: async (step: number) => {
      for (const { email } of some.slice(step % 2, 1000)) await people.findOne({ email })
    },
  }
  await inTurn(engines, 10)
  const seconds = await inTurn(engines, 30)
  const each = (total: number): number => (total / 30 / 999.5) * 1e6
  results.add({ work: 'findOne', engine: 'lauradb by _id', value: each(seconds.byId), unit: 'us' })
  results.add({ work: 'findOne', engine: 'lauradb by an indexed field', value: each(seconds.byIndex), unit: 'us' })
}

/** Adds the microseconds that each of `count` took in the quickest of many runs: what it costs when nothing else runs. */
async function quickest(results: Results, work: string, count: number, run: () => void): Promise<void> {
  let best = Number.POSITIVE_INFINITY
  for (let i = 0; i < 40; i++) best = Math.min(best, await timed(run))
  results.add({ work, engine: 'lauradb', value: (best / count) * 1e6, unit: 'us', target: 'under 5' })
}

async function insertCase(
  results: Results,
  fresh: (name: string) => string,
  members: readonly Member[],
): Promise<void> {
  const fields = ['email', 'age', 'score', 'created', 'team']
  const step = 1000
  const fill = async (documents: readonly Member[], timing: boolean): Promise<void> => {
    const laura = await open(fresh('laura'))
    const people = laura.db('bench').collection('people')
    for (const field of fields) await people.createIndex({ [field]: 1 })
    const sqlite = openPeer(fresh('sqlite'))
    for (const field of fields) sqlite.exec(`create index people_${field} on people (doc ->> '$.${field}')`)
    const insert = sqlite.prepare('insert into people (doc) values (jsonb(?))')
    const seconds = await inTurn(
      {
        laura: (n) => people.insertMany(documents.slice(n * step, (n + 1) * step) as never),
        sqlite: (n) => {
          sqlite.exec('begin')
          for (const member of documents.slice(n * step, (n + 1) * step)) insert.run(text(member))
          sqlite.exec('commit')
        },
      },
      Math.floor(documents.length / step),
    )
    await laura.close()
    sqlite.close()
    if (!timing) return
    const work = 'insertMany by 1000, durable, five secondary indexes'
    const rate = results.rate(work, 'lauradb', documents.length, seconds.laura)
    results.ratio(
      work,
      'lauradb / sqlite',
      rate / results.rate(work, 'sqlite, five expression indexes', documents.length, seconds.sqlite),
      '1.3',
    )
  }
  await fill(members.slice(0, 20_000), false)
  await fill(members, true)
}

/** Keys of ten times the memory that a sort may have: that it ends, in which time, and how much memory the process held. */
function sortBeyondMemory(results: Results, directory: string): void {
  const script = join(fileURLToPath(new URL('../..', import.meta.url)), 'bench/sort-beyond-memory.ts')
  const output = execFileSync(process.execPath, [script, directory], { encoding: 'utf8' })
  const { rows, seconds, residentBytes, limitBytes } = JSON.parse(output) as Record<string, number>
  const work = 'find, sort of 10 x its memory limit'
  results.rate(work, 'lauradb', rows!, seconds!)
  const most = (limitBytes! + 300 * 2 ** 20) / 2 ** 20
  results.add({ work, engine: `RSS, at most ${most} MB`, value: residentBytes! / 2 ** 20, unit: 'MB' })
}
