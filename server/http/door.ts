/** The HTTP door: health for now. */
import fastify from 'fastify'
import { version } from '../../pkg/base/version.ts'

export interface HttpDoorOptions {
  readonly bind: string
  /** 0: any free port. */
  readonly port: number
  /** Whether requests for data would be served now. */
  isReady(): boolean
}

export interface HttpDoor {
  readonly port: number
  /** Stops accepting and resolves when every request has been answered. */
  stop(): Promise<void>
}

/** Resolves when connections are accepted; rejects when the port cannot be had. */
export async function openHttpDoor({ bind, port, isReady }: HttpDoorOptions): Promise<HttpDoor> {
  const app = fastify({ forceCloseConnections: 'idle', bodyLimit: 1024 * 1024, requestTimeout: 30_000 })
  app.get('/', () => ({ name: 'LauraDB', version }))
  app.get('/healthz', () => ({ status: 'ok' }))
  app.get('/readyz', (_request, reply) => {
    const ready = isReady()
    return reply.code(ready ? 200 : 503).send({ status: ready ? 'ready' : 'not ready' })
  })
  await app.listen({ host: bind, port })
  const address = app.server.address()
  return { port: typeof address === 'object' && address !== null ? address.port : port, stop: () => app.close() }
}
