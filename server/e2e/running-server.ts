/** A server process of its own for the tests of one file, with the official driver connected to it. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { MongoClient, type MongoClientOptions } from 'mongodb'
import { afterAll, beforeAll, expect } from 'vitest'
import { LauraServer, loggedErrors } from '../laura-process.ts'

export interface RunningServer {
  readonly uri: string
  readonly httpUri: string
  readonly grpcUri: string
  readonly dir: string
  readonly client: MongoClient
  /** A client of its own, closed with the server. */
  connect(options?: MongoClientOptions): Promise<MongoClient>
}

/**
 * Call at the top of a test file: the server starts before its tests and stops after them. Stopping must be clean, and
 * nothing may have been logged as an error meanwhile, whatever the tests sent.
 */
export function runningServer(args: readonly string[] = []): RunningServer {
  const dir = temporaryFolder()
  const clients: MongoClient[] = []
  let server: LauraServer
  beforeAll(async () => {
    server = await LauraServer.start(dir, args)
    clients.push(await new MongoClient(server.mongoUri).connect())
  })
  afterAll(async () => {
    await Promise.all(clients.map((client) => client.close()))
    const { code, stderr } = await server.stop()
    rmSync(dir, { recursive: true, force: true })
    expect(loggedErrors(stderr)).toEqual([])
    expect(code).toBe(0)
  })
  return {
    dir,
    get uri() {
      return server.mongoUri
    },
    get httpUri() {
      return server.httpUri
    },
    get grpcUri() {
      return server.grpcUri
    },
    get client() {
      return clients[0]!
    },
    async connect(options) {
      const client = await new MongoClient(server.mongoUri, options).connect()
      clients.push(client)
      return client
    },
  }
}

export function temporaryFolder(): string {
  return mkdtempSync(join(tmpdir(), 'laura-e2e-'))
}
