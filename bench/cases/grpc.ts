/** findOne by `_id` over gRPC, beside the same calls answered by a server of the same framework that does nothing; idle connections. */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { Client, credentials } from '@grpc/grpc-js'
import { LauraClient } from '../../clients/node/src/client.ts'
import { makePeople } from '../documents.ts'
import type { Results } from '../measure.ts'
import { sessionFrame, sessionPath } from './grpc-frames.ts'
import { residentMegabytes } from './life.ts'
import { type Load, runScript, type Server, startGrpcServer, startScript } from './processes.ts'

const seconds = 3
const rounds = 3
const idleConnections = 1000

const kinds = [
  { kind: 'unary', connections: 1, depth: 16, least: '0.8' },
  { kind: 'unary', connections: 1, depth: 1, least: '-' },
  { kind: 'session', connections: 1, depth: 64, least: '0.5' },
  { kind: 'session', connections: 4, depth: 32, least: '0.5' },
  { kind: 'batches', connections: 1, depth: 64, least: '-' },
  { kind: 'session', connections: 1, depth: 1, least: '-' },
] as const

export async function grpcCases(results: Results, directory: string, count: number): Promise<void> {
  mkdirSync(directory, { recursive: true })
  const home = mkdtempSync(join(directory, 'grpc-'))
  const server = await startGrpcServer(home)
  let echo: Server | undefined
  try {
    const client = await LauraClient.connect(`grpc://127.0.0.1:${server.port}`)
    await client
      .db('bench')
      .collection('people')
      .insertMany(makePeople(count) as never)
    await client.close()
    const load = (port: number, kind: string, connections: number, depth: number, time: number) =>
      runScript('bench/grpc-load.ts', [port, kind, connections, depth, time, count]) as Promise<Load>
    const unary = await load(server.port, 'unary', 1, 1, 0.2)
    const session = await load(server.port, 'session', 1, 1, 0.2)
    echo = await startScript('bench/grpc-echo-server.ts', [
      unary.replyBytes,
      session.replyBytes,
      sessionFrame(1, 0).length,
    ])
    for (const { kind, connections, depth, least } of kinds) {
      const work = `gRPC findOne by _id, ${kind}, ${connections} connections, depth ${depth}`
      let limit = 0
      let rate = 0
      for (let round = 0; round < rounds; round++) {
        limit = Math.max(limit, (await load(echo.port, kind, connections, depth, seconds)).perSecond)
        rate = Math.max(rate, (await load(server.port, kind, connections, depth, seconds)).perSecond)
      }
      results.rate(work, 'gRPC echo', limit, 1)
      results.rate(work, 'lauradb', rate, 1)
      results.ratio(work, 'lauradb / echo', rate / limit, least)
    }
    await idleCase(results, server)
  } finally {
    echo?.process.kill()
    server.process.kill()
    await server.ended
    rmSync(home, { recursive: true, force: true })
  }
}

/** Memory that connections take which do nothing, each with a session stream. */
async function idleCase(results: Results, server: Server): Promise<void> {
  const before = residentMegabytes(server.process.pid!)
  const same = (message: Buffer) => message
  const clients: Client[] = []
  for (let n = 0; n < idleConnections; n++) {
    const options = { 'grpc.use_local_subchannel_pool': 1, 'grpc.enable_channelz': 0 }
    const client = new Client(`127.0.0.1:${server.port}`, credentials.createInsecure(), options)
    clients.push(client)
    const call = client.makeBidiStreamRequest(sessionPath, same, same)
    call.on('error', () => undefined)
    await new Promise<void>((resolve) => {
      call.once('data', () => resolve())
      call.write(sessionFrame(1, n))
    })
  }
  results.add({
    work: `${idleConnections} idle gRPC connections with a session each`,
    engine: 'lauradb',
    value: residentMegabytes(server.process.pid!) - before,
    unit: 'MB',
    target: 'under 200',
  })
  for (const client of clients) client.close()
}
