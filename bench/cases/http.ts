/** REST and GraphQL beside the same frameworks doing nothing; idle connections. */
import { connect } from 'node:net'
import { MongoClient } from 'mongodb'
import { makePeople } from '../documents.ts'
import type { Results } from '../measure.ts'
import { besideLimit, idleMemory, withServer } from './beside-limit.ts'
import { type Load, runScript, startHttpServer, startScript } from './processes.ts'

const seconds = 3
const connections = 16

const kinds = [
  { work: 'REST GET by id', kind: 'rest', limitKind: 'empty', limit: 'an empty Fastify route', least: '0.6' },
  {
    work: 'GraphQL, 20 documents by index',
    kind: 'graphql',
    limitKind: 'constants',
    limit: 'Apollo with constants',
    least: '0.5',
  },
]

export function httpCases(results: Results, directory: string, count: number): Promise<void> {
  return withServer(directory, 'http-', startHttpServer, async (server, beside) => {
    await fill(server.mongoUri, count)
    const load = (port: number, kind: string, time: number) =>
      runScript('bench/http-load.ts', [port, kind, connections, time, count]) as Promise<Load>
    const rest = await load(server.port, 'rest', 0.3)
    const echo = await beside(startScript('bench/http-echo-server.ts', [rest.replyBytes]))
    for (const { work, kind, limitKind, limit, least } of kinds) {
      const limitLoad = () => load(echo.port, limitKind, seconds)
      await besideLimit(results, work, { engine: limit, shortName: limit, least, load: limitLoad }, () =>
        load(server.port, kind, seconds),
      )
    }
    await idleMemory(results, server, 'HTTP connections', () => openConnection(server.port))
  })
}

async function fill(uri: string, count: number): Promise<void> {
  const client = await new MongoClient(uri).connect()
  const people = client.db('bench').collection('people')
  await people.createIndex({ city: 1, _id: 1 })
  await people.insertMany(makePeople(count))
  await client.close()
}

/** A connection on which one request was answered; what closes it. */
async function openConnection(port: number): Promise<() => void> {
  const socket = connect(port, '127.0.0.1')
  await new Promise((resolve) => socket.once('connect', resolve))
  socket.write('GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n')
  await new Promise((resolve) => socket.once('data', resolve))
  return () => socket.destroy()
}
