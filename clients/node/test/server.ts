/** A server process of its own for the tests of one file, and a client of it. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll } from 'vitest'
import { LauraServer } from '../../../server/laura-process.ts'
import { LauraClient, type LauraClientOptions } from '../src/index.ts'

export interface TestServer {
  readonly client: LauraClient
  readonly uri: string
  connect(options?: LauraClientOptions): Promise<LauraClient>
  /** Kills the process and starts another on the same directory and port. */
  restart(): Promise<void>
  stop(): Promise<void>
}

/** Call at the top of a test file. */
export function testServer(args: readonly string[] = []): TestServer {
  const directory = mkdtempSync(join(tmpdir(), 'laura-client-'))
  const clients: LauraClient[] = []
  let server: LauraServer
  beforeAll(async () => {
    server = await LauraServer.start(directory, args)
    clients.push(await LauraClient.connect(server.grpcUri))
  })
  afterAll(async () => {
    await Promise.all(clients.map((client) => client.close()))
    await server.stop()
    rmSync(directory, { recursive: true, force: true })
  })
  return {
    get client() {
      return clients[0]!
    },
    get uri() {
      return server.grpcUri
    },
    async connect(options) {
      const client = await LauraClient.connect(server.grpcUri, options)
      clients.push(client)
      return client
    },
    async restart() {
      const { port } = new URL(server.grpcUri)
      server.process.kill('SIGKILL')
      await server.finished
      server = await LauraServer.start(directory, [...args, '--grpc-port', port])
    },
    async stop() {
      await server.stop()
    },
  }
}
