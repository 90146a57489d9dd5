/** The MongoDB shell, run as its users run it. */
import { spawn } from 'node:child_process'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { runningServer, temporaryFolder } from './running-server.ts'

const server = runningServer()
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

function mongosh(args: readonly string[], input = ''): Promise<Shown> {
  const environment = { ...process.env, HOME: home, MONGOSH_FORCE_DISABLE_TELEMETRY_FOR_TESTING: 'true', NO_COLOR: '1' }
  const child = spawn(process.execPath, [main, `${server.uri}/shell`, ...args], { env: environment })
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
