/** The MongoDB shell, run as its users run it. */
import { spawn } from 'node:child_process'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { runningServer, temporaryFolder } from './running-server.ts'

const server = runningServer()
const member = runningServer(['--repl-set', 'rs0'])
const folder = temporaryFolder()
const home = join(folder, 'home')
mkdirSync(join(home, '.mongodb', 'mongosh'), { recursive: true })
writeFileSync(join(home, '.mongodb', 'mongosh', 'config'), '{"enableTelemetry":false,"forceDisableTelemetry":true}')
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const main = join(import.meta.dirname, '../../node_modules/mongosh/bin/mongosh.js')

interface Shown {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

function mongosh(args: readonly string[], input = '', uri = server.uri): Promise<Shown> {
  const environment = { ...process.env, HOME: home, MONGOSH_FORCE_DISABLE_TELEMETRY_FOR_TESTING: 'true', NO_COLOR: '1' }
  const child = spawn(process.execPath, [main, `${uri}/shell`, ...args], { env: environment })
  let stdout = ''
  let stderr = ''
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()))
  child.stdin.end(input)
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code) => resolve({ code, stdout, stderr }))
  })
}

const script = `
const result = {}
result.version = db.version()
db.items.insertOne({ _id: 1, a: 1, when: ISODate('2020-01-02'), big: Long('9007199254740993'), d: Decimal128('1.10') })
db.items.insertMany(Array.from({ length: 99 }, (_, i) => ({ _id: i + 2, a: i % 10, tags: ['x', 'y'] })))
result.one = EJSON.stringify(db.items.findOne({ _id: 1 }), { relaxed: false })
result.found = db.items.find({ a: { $gte: 5 } }, { a: 1 }).sort({ a: -1, _id: 1 }).limit(2).toArray()
result.all = db.items.find().toArray().length
result.grouped = db.items.aggregate([{ $match: { tags: 'x' } }, { $group: { _id: null, n: { $sum: 1 }, top: { $max: '$a' } } }]).toArray()
result.created = db.items.createIndex({ a: 1 })
result.indexes = db.items.getIndexes().map(({ name }) => name)
result.updated = db.items.updateMany({ a: 3 }, { $set: { b: true } }).modifiedCount
result.removed = db.items.deleteOne({ _id: 1 }).deletedCount
result.counts = [db.items.countDocuments(), db.items.estimatedDocumentCount()]
const stats = db.items.stats()
result.stats = [stats.ns, stats.count, stats.nindexes, stats.ok]
result.dbStats = [db.stats().db, Number(db.stats().objects)]
result.explain = db.items.find({ a: 3 }).explain('executionStats').executionStats.nReturned
result.plan = JSON.stringify(db.items.explain().find({ a: 3 }).finish()).includes('IXSCAN')
result.validate = db.items.validate().valid
result.collections = db.getCollectionNames()
result.databases = db.adminCommand({ listDatabases: 1 }).databases.map(({ name }) => name)
result.distinct = db.items.distinct('a').length
result.duplicate = (() => { try { db.items.insertOne({ _id: 5 }) } catch (error) { return error.code } })()
result.unknown = (() => { try { db.runCommand({ nonsense: 1 }) } catch (error) { return error.codeName } })()
result.hello = [db.hello().isWritablePrimary, db.hello().maxWireVersion]
result.status = db.serverStatus().ok
result.ops = db.currentOp().ok
result.bulk = db.items.bulkWrite([{ insertOne: { document: { _id: 'b' } } }, { deleteOne: { filter: { _id: 'b' } } }]).deletedCount
result.modified = db.items.findAndModify({ query: { _id: 7 }, update: { $set: { z: 1 } }, new: true }).z
result.dropped = [db.items.dropIndex('a_1').ok, db.items.drop()]
print(JSON.stringify(result))
`

it('runs a script with the everyday helpers', async () => {
  const file = join(folder, 'script.js')
  writeFileSync(file, script)
  const { code, stdout, stderr } = await mongosh(['--quiet', '--norc', '--file', file])
  expect(stderr).toBe('')
  expect(code).toBe(0)
  const result = JSON.parse(stdout.trim().split('\n').at(-1)!)
  expect(result).toEqual({
    version: expect.stringMatching(/^8\.2\./),
    one: '{"_id":{"$numberInt":"1"},"a":{"$numberInt":"1"},"when":{"$date":{"$numberLong":"1577923200000"}},"big":{"$numberLong":"9007199254740993"},"d":{"$numberDecimal":"1.10"}}',
    found: [
      { _id: 11, a: 9 },
      { _id: 21, a: 9 },
    ],
    all: 100,
    grouped: [{ _id: null, n: 99, top: 9 }],
    created: 'a_1',
    indexes: ['_id_', 'a_1'],
    updated: 10,
    removed: 1,
    counts: [99, 99],
    stats: ['shell.items', 99, 2, 1],
    dbStats: ['shell', 99],
    explain: 10,
    plan: true,
    validate: true,
    collections: ['items'],
    databases: expect.arrayContaining(['shell']),
    distinct: 10,
    duplicate: 11000,
    unknown: 'CommandNotFound',
    hello: [true, 27],
    status: 1,
    ops: 1,
    bulk: 1,
    modified: 1,
    dropped: [1, true],
  })
})

/** What only a member of a replica set has, and the helpers of those who look after a server. */
const memberScript = `
const result = {}
const status = rs.status()
result.status = [status.set, status.myState, status.members.length, status.members[0].stateStr, status.ok]
result.conf = [rs.conf()._id, rs.conf().members.length]
result.hello = [rs.hello().setName, db.isMaster().ismaster]
db.accounts.insertMany([{ _id: 'a', n: 10 }, { _id: 'b', n: 0 }])
const session = db.getMongo().startSession()
const accounts = session.getDatabase('shell').accounts
session.startTransaction({ readConcern: { level: 'snapshot' }, writeConcern: { w: 'majority' } })
accounts.updateOne({ _id: 'a' }, { $inc: { n: -3 } })
accounts.updateOne({ _id: 'b' }, { $inc: { n: 3 } })
result.outside = db.accounts.findOne({ _id: 'b' }).n
session.commitTransaction()
result.committed = db.accounts.find().sort({ _id: 1 }).toArray().map(({ n }) => n)
session.startTransaction()
accounts.deleteMany({})
session.abortTransaction()
result.aborted = db.accounts.countDocuments()
session.withTransaction(() => accounts.insertOne({ _id: 'c', n: 1 }))
session.endSession()
const stream = db.accounts.watch([{ $match: { operationType: 'update' } }], { fullDocument: 'updateLookup' })
result.quiet = stream.tryNext()
db.accounts.updateOne({ _id: 'c' }, { $set: { n: 2 } })
const change = stream.next()
result.change = [change.operationType, change.fullDocument.n, change.updateDescription.updatedFields]
stream.close()
db.createView('rich', 'accounts', [{ $match: { n: { $gt: 2 } } }])
db.createCollection('limited', { capped: true, size: 4096 })
result.kinds = db.getCollectionInfos().map(({ name, type }) => name + ' ' + type).sort()
result.capped = db.limited.isCapped()
result.rich = db.rich.countDocuments()
result.hidden = [db.accounts.createIndex({ n: 1 }), db.accounts.hideIndex('n_1').hidden_new, db.accounts.unhideIndex('n_1').hidden_new]
result.sizes = [db.accounts.dataSize(), db.accounts.storageSize(), db.accounts.totalIndexSize(), db.accounts.totalSize()].every(Number.isFinite)
result.latency = db.accounts.latencyStats().length
result.use = db.accounts.aggregate([{ $indexStats: {} }]).toArray().map(({ name }) => name)
result.plans = db.accounts.getPlanCache().list().length
result.profile = [db.setProfilingLevel(2).was, (db.accounts.findOne(), db.system.profile.countDocuments() > 0), db.setProfilingLevel(0).was]
result.replaced = db.accounts.findOneAndReplace({ _id: 'c' }, { n: 7 }, { returnDocument: 'after' })
result.info = [typeof db.hostInfo().system.numCores, db.serverBuildInfo().ok, db.serverStatus().repl.setName, db.adminCommand({ getLog: 'global' }).ok]
result.renamed = [db.limited.renameCollection('other').ok, db.getCollectionNames().includes('other')]
result.killed = db.killOp(123456).ok
result.fsync = [db.fsyncLock().ok, db.fsyncUnlock().ok]
result.gone = db.dropDatabase().ok
print(JSON.stringify(result))
`

it('runs transactions, streams of changes and the helpers of a replica set and of administration', async () => {
  const file = join(folder, 'member.js')
  writeFileSync(file, memberScript)
  const { code, stdout, stderr } = await mongosh(['--quiet', '--norc', '--file', file], '', member.uri)
  expect(stderr).toBe('')
  expect(code).toBe(0)
  expect(JSON.parse(stdout.trim().split('\n').at(-1)!)).toEqual({
    status: ['rs0', 1, 1, 'PRIMARY', 1],
    conf: ['rs0', 1],
    hello: ['rs0', true],
    outside: 0,
    committed: [7, 3],
    aborted: 2,
    quiet: null,
    change: ['update', 2, { n: 2 }],
    kinds: ['accounts collection', 'limited collection', 'rich view', 'system.views collection'],
    capped: true,
    rich: 2,
    hidden: ['n_1', true, false],
    sizes: true,
    latency: 1,
    use: ['_id_', 'n_1'],
    plans: 0,
    profile: [0, true, 2],
    replaced: { _id: 'c', n: 7 },
    info: ['number', 1, 'rs0', 1],
    renamed: [1, true],
    killed: 1,
    fsync: [1, 1],
    gone: 1,
  })
})

it('shows what is asked for at the prompt', async () => {
  await member.client.db('prompt').collection('things').insertOne({ n: 1 })
  const lines = [
    'use prompt',
    'show tables',
    'show profile',
    'show logs',
    'show log global',
    'show users',
    'show roles',
  ]
  const more = ['db.things.find().explain()', 'db.things.stats().count', 'rs.status().ok', 'db.hello().setName', 'exit']
  const { code, stdout, stderr } = await mongosh(['--norc'], [...lines, ...more].join('\n'), member.uri)
  expect(stderr).toBe('')
  expect(stdout).toMatch(/rs0 \[direct: primary\]/)
  expect(stdout).toMatch(/\bthings\b/)
  expect(stdout).toContain("stage: 'COLLSCAN'")
  expect(stdout).not.toMatch(/MongoServerError: (?!no such command: '(?:users|roles)Info')/)
  expect(code).toBe(0)
})

it('connects with its greeting, shows databases and collections, and iterates', async () => {
  await server.client
    .db('shown')
    .collection('things')
    .insertMany(Array.from({ length: 30 }, (_, n) => ({ n })))
  const input = [
    'show dbs',
    'use shown',
    'show collections',
    'db.things.find()',
    'it',
    'db.nope.find(',
    '',
    'exit',
  ].join('\n')
  const { code, stdout, stderr } = await mongosh(['--norc'], input)
  expect(stderr).toBe('')
  expect(stdout).toMatch(/Connecting to:.*mongodb:\/\/127\.0\.0\.1/)
  expect(stdout).toMatch(/Using MongoDB:\s+8\.2\./)
  expect(stdout).toMatch(/shown\s+[\d.]+ \w*B/)
  expect(stdout).toContain('switched to db shown')
  expect(stdout).toMatch(/\bthings\b/)
  expect(stdout).toContain('Type "it" for more')
  expect(stdout).toMatch(/n: 29/)
  expect(stdout).not.toMatch(/MongoServerError|MongoNetworkError|Unable to/)
  expect(code).toBe(0)
})

it('shows errors of the server as such, and exits with them', async () => {
  const { code, stdout, stderr } = await mongosh(['--quiet', '--norc', '--eval', 'db.c.find({ a: { $nope: 1 } })'])
  expect(stdout + stderr).toMatch(/MongoServerError.*: unknown operator: \$nope/)
  expect(code).not.toBe(0)
})
