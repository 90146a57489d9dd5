/** REST and GraphQL beside the same frameworks doing nothing; idle connections. */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { MongoClient } from 'mongodb'
import { makePeople } from '../documents.ts'
import type { Results } from '../measure.ts'
import { residentMegabytes } from './life.ts'
import { type Load, runScript, type Server, startHttpServer, startScript } from './processes.ts'

const seconds = 3
const rounds = 3
const connections = 16
const idleConnections = 1000

export async function httpCases(results: Results, directory: string, count: number): Promise<void> {
  mkdirSync(directory, { recursive: true })
  const home = mkdtempSync(join(directory, 'http-'))
  const server = await startHttpServer(home)
  let echo: Server | undefined
  try {
    const client = await new MongoClient(server.mongoUri).connect()
    const people = client.db('bench').collection('people')
    await people.createIndex({ city: 1, _id: 1 })
    await people.insertMany(makePeople(count))
    await client.close()
    const load = (port: number, kind: string, time: number) =>
      runScript('bench/http-load.ts', [port, kind, connections, time, count]) as Promise<Load>
    const rest = await load(server.port, 'rest', 0.3)
    echo = await startScript('bench/http-echo-server.ts', [rest.replyBytes])
    for (const { work, kind, limitKind, limit, least } of [
      { work: 'REST GET by id', kind: 'rest', limitKind: 'empty', limit: 'an empty Fastify route', least: '0.6' },
      {
        work: 'GraphQL, 20 documents by index',
        kind: 'graphql',
        limitKind: 'constants',
        limit: 'Apollo with constants',
        least: '0.5',
      },
    ]) {
      let limitRate = 0
      let rate = 0
      for (let round = 0; round < rounds; round++) {
        limitRate = Math.max(limitRate, (await load(echo.port, limitKind, seconds)).perSecond)
        rate = Math.max(rate, (await load(server.port, kind, seconds)).perSecond)
      }
      results.rate(work, limit, limitRate, 1)
      results.rate(work, 'lauradb', rate, 1)
      results.ratio(work, `lauradb / ${limit}`, rate / limitRate, least)
    }
    await idleCase(results, server)
  } finally {
    echo?.process.kill()
    server.process.kill()
    await server.ended
    rmSync(home, { recursive: true, force: true })
  }
}

async function idleCase(results: Results, server: Server): Promise<void> {
  const before = residentMegabytes(server.process.pid!)
  const sockets: Socket[] = []
  for (let n = 0; n < idleConnections; n++) {
    const socket = connect(server.port, '127.0.0.1')
    sockets.push(socket)
    await new Promise((resolve) => socket.once('connect', resolve))
    socket.write('GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n')
    await new Promise((resolve) => socket.once('data', resolve))
  }
  results.add({
    work: `${idleConnections} idle HTTP connections`,
    engine: 'lauradb',
    value: residentMegabytes(server.process.pid!) - before,
    unit: 'MB',
    target: 'under 200',
  })
  for (const socket of sockets) socket.destroy()
}
