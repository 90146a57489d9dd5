/** findOne by `_id` over gRPC, beside the same calls answered by a server of the same framework that does nothing; idle connections. */
import { Client, credentials } from '@grpc/grpc-js'
import { LauraClient } from '../../clients/node/src/client.ts'
import { makePeople } from '../documents.ts'
import type { Results } from '../measure.ts'
import { besideLimit, idleMemory, withServer } from './beside-limit.ts'
import { sessionFrame, sessionPath } from './grpc-frames.ts'
import { type Load, runScript, startGrpcServer, startScript } from './processes.ts'

const seconds = 3

const kinds = [
  { kind: 'unary', connections: 1, depth: 16, least: '0.8' },
  { kind: 'unary', connections: 1, depth: 1, least: '-' },
  { kind: 'session', connections: 1, depth: 64, least: '0.5' },
  { kind: 'session', connections: 4, depth: 32, least: '0.5' },
  { kind: 'batches', connections: 1, depth: 64, least: '-' },
  { kind: 'session', connections: 1, depth: 1, least: '-' },
] as const

export function grpcCases(results: Results, directory: string, count: number): Promise<void> {
  return withServer(directory, 'grpc-', startGrpcServer, async (server, beside) => {
    await fill(server.port, count)
    const load = (port: number, kind: string, connections: number, depth: number, time: number) =>
      runScript('bench/grpc-load.ts', [port, kind, connections, depth, time, count]) as Promise<Load>
    const unary = await load(server.port, 'unary', 1, 1, 0.2)
    const session = await load(server.port, 'session', 1, 1, 0.2)
    const sizes = [unary.replyBytes, session.replyBytes, sessionFrame(1, 0).length]
    const echo = await beside(startScript('bench/grpc-echo-server.ts', sizes))
    for (const { kind, connections, depth, least } of kinds) {
      const loadOf = (port: number) => () => load(port, kind, connections, depth, seconds)
      const work = `gRPC findOne by _id, ${kind}, ${connections} connections, depth ${depth}`
      const limit = { engine: 'gRPC echo', shortName: 'echo', least, load: loadOf(echo.port) }
      await besideLimit(results, work, limit, loadOf(server.port))
    }
    await idleMemory(results, server, 'gRPC connections with a session each', (n) => openSession(server.port, n))
  })
}

async function fill(port: number, count: number): Promise<void> {
  const client = await LauraClient.connect(`grpc://127.0.0.1:${port}`)
  await client
    .db('bench')
    .collection('people')
    .insertMany(makePeople(count) as never)
  await client.close()
}

/** A connection with a session stream on which one command was answered; what closes it. */
async function openSession(port: number, n: number): Promise<() => void> {
  const same = (message: Buffer) => message
  const options = { 'grpc.use_local_subchannel_pool': 1, 'grpc.enable_channelz': 0 }
  const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure(), options)
  const call = client.makeBidiStreamRequest(sessionPath, same, same)
  call.on('error', () => undefined)
  await new Promise<void>((resolve) => {
    call.once('data', () => resolve())
    call.write(sessionFrame(1, n))
  })
  return () => client.close()
}
