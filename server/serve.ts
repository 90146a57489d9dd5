/**
 * `laura serve`: opens the directory, opens the doors, and closes everything again in the right order.
 *
 *   starting ---> serving --- SIGTERM, SIGINT, shutdown command ---> stopping ---> exit 0
 *      |             |                                                  `--- a second signal ---> exit 1 at once
 *      |             `--- storage failed, or an invariant does not hold ---> exit 2 at once: recovery is the next start's
 *      `--- cannot have the directory or a port ---> one line, exit 1
 */
import { setTimeout } from 'node:timers/promises'
import { AssertionError } from '../pkg/base/assert.ts'
import { version } from '../pkg/base/version.ts'
import { stringifyExtendedJson } from '../pkg/bson/ejson.ts'
import { booleanValue, int64Value, stringValue, type Value } from '../pkg/bson/value.ts'
import { ConnectionContext } from '../pkg/command/context.ts'
import { isLoopback, type ServeConfig, usualGrpcPort } from './config.ts'
import type { GrpcDoor, TlsFiles } from './grpc/door.ts'
import type { HttpDoor } from './http/door.ts'
import { openLog, type ServerLog } from './log.ts'
import { type Node, openNode } from './node.ts'
import { Refusal } from './refusal.ts'
import { WireDoor } from './wire/door.ts'

/** How long a stopping server waits for clients' requests before it cuts them off. */
const stopPatienceMs = 10_000
const exitFailed = 2
/** How far back a replica set can be read, until `minSnapshotHistoryWindowInSeconds` says otherwise. */
const historyWindowOfSetMs = 300_000
const headStartMs = 25
/** Ctrl-C under npm comes twice, from the terminal and from npm: what comes this soon after the first is not a second wish. */
const echoMs = 500

/** Resolves when the server accepts connections; it then lives until a signal ends the process. */
export async function serve(config: ServeConfig): Promise<void> {
  if (!isLoopback(config.bind) && !config.insecure) {
    throw new Refusal(
      `refusing to listen on ${config.bind}: everybody who can reach it could read and change everything, since there is no ` +
        'authentication yet. Bind to 127.0.0.1, or say --insecure if the network keeps others out.',
    )
  }
  const server = new Server(config, openLog(config.logLevel))
  await server.start()
}

class Server {
  readonly #config: ServeConfig
  readonly #log: ServerLog
  #node: Node | undefined
  #wire: WireDoor | undefined
  #http: HttpDoor | undefined
  #grpc: GrpcDoor | undefined
  #ready = false
  #stopping = false
  #signalledAtMs = Number.NEGATIVE_INFINITY

  constructor(config: ServeConfig, log: ServerLog) {
    this.#config = config
    this.#log = log
  }

  async start(): Promise<void> {
    const { logger } = this.#log
    const { dir, bind, mongoPort, httpPort, cacheSizeBytes, pageCompression, replSet, replSetMember } = this.#config
    const { transactionMemoryBytes, oplogSizeBytes, oplogMinRetentionHours } = this.#config
    logger.info(
      {
        version,
        node: process.versions.node,
        pid: process.pid,
        dir,
        cacheSizeBytes,
        pageCompression,
        ...(replSet === '' ? {} : { replSet }),
      },
      'starting',
    )
    process.on('SIGTERM', this.#onSignal)
    process.on('SIGINT', this.#onSignal)
    const startedMs = performance.now()
    const node = await openNode({
      dir,
      engine: {
        cacheSizeBytes,
        transactionMemoryBytes,
        compression: pageCompression,
        changeHistory: oplogSizeBytes === 0 ? 'off' : 'on',
        oplogSizeBytes,
        oplogMinRetentionHours,
        historyWindowMs: replSet === '' ? 0 : historyWindowOfSetMs,
      },
      arguments: process.argv,
      replicaSet:
        replSet === '' ? undefined : { name: replSet, ...(replSetMember === '' ? {} : { member: replSetMember }) },
      onInternalError: (error, command) => this.#onDefect(error, command),
      onSlowOperation: (operation) =>
        this.#log.logger.info(
          { operation: JSON.parse(stringifyExtendedJson(operation, { relaxed: true })) },
          'slow operation',
        ),
      onShutdown: () => void this.#stop('shutdown command'),
      recentLog: () => this.#log.recent(),
    })
    this.#node = node
    node.engine.onFailure = (error) => this.#die(error, 'storage failed: nothing more can be acknowledged')
    try {
      for (const [name, text] of this.#config.setParameter) setParameter(node, name, text)
      logger.info({ tookMs: Math.round(performance.now() - startedMs), ...recovered(node) }, 'directory open')
      await this.#openWire(node, bind, mongoPort)
      // Loading the HTTP door takes the thread for 100 ms: whoever waited for the first door is served before.
      await setTimeout(headStartMs)
      await this.#openHttp(node, bind, httpPort)
      await setTimeout(headStartMs)
      await this.#openGrpc(node)
      this.#ready = true
    } catch (error) {
      process.off('SIGTERM', this.#onSignal)
      process.off('SIGINT', this.#onSignal)
      await this.#close()
      throw error
    }
  }

  async #openWire(node: Node, bind: string, port: number): Promise<void> {
    const { database } = node
    this.#wire = new WireDoor({
      bind,
      port,
      connectionsMax: this.#config.maxConnections,
      log: this.#log.logger,
      failed: (error) => this.#die(error, 'defect in the wire door'),
      accept: (connectionId, remoteAddress, localAddress) => {
        const context = new ConnectionContext({ connectionId, remoteAddress, localAddress })
        database.connect(context)
        return {
          dispatch: (message) => database.dispatch(context, message),
          close: () => context.close(),
          droppable: (drop) => {
            context.drop = drop
          },
        }
      },
    })
    announce('mongodb', bind, await this.#wire.listen().catch(portTaken(bind, port, 'mongo-port')))
  }

  async #openHttp(node: Node, bind: string, port: number): Promise<void> {
    const { openHttpDoor } = await import('./http/door.ts')
    this.#http = await openHttpDoor({
      bind,
      port,
      database: node.database,
      log: this.#log.logger,
      corsOrigins: this.#config.httpCorsOrigins,
      isReady: () => this.#ready && !this.#stopping,
    }).catch(portTaken(bind, port, 'http-port'))
    announce('http', bind, this.#http.port)
  }

  async #openGrpc({ database }: Node): Promise<void> {
    const { bind, grpcPort, grpcTlsCert: cert, grpcTlsKey: key, grpcTlsCa: ca } = this.#config
    const { openGrpcDoor } = await import('./grpc/door.ts')
    const port = grpcPort ?? usualGrpcPort
    const tls = tlsFiles(cert, key, ca)
    const { logger: log } = this.#log
    const failed = (error: unknown) => this.#onDefect(error, 'gRPC door')
    try {
      this.#grpc = await openGrpcDoor({ bind, port, database, log, failed, ...(tls === undefined ? {} : { tls }) })
    } catch (error) {
      // A second server on the machine, started as before there was this door, is not refused because of it.
      if (grpcPort !== undefined || (error as NodeJS.ErrnoException).code !== 'EADDRINUSE')
        portTaken(bind, port, 'grpc-port')(error as NodeJS.ErrnoException)
      log.warn({ port }, 'no gRPC door: its usual port is in use; --grpc-port chooses another')
      return
    }
    announce('grpc', bind, this.#grpc.port)
  }

  readonly #onSignal = (signal: NodeJS.Signals): void => {
    const nowMs = performance.now()
    if (nowMs - this.#signalledAtMs < echoMs) return
    if (this.#stopping) {
      this.#log.logger.warn({ signal }, 'second signal: stopping at once')
      process.exit(1)
    }
    this.#signalledAtMs = nowMs
    void this.#stop(signal)
  }

  async #stop(reason: string): Promise<void> {
    if (this.#stopping) return
    this.#stopping = true
    this.#log.logger.info({ reason }, 'stopping')
    try {
      await this.#close()
    } catch (error) {
      this.#die(error, 'could not stop cleanly')
    }
    this.#log.logger.info({}, 'stopped')
    process.exit(0)
  }

  async #close(): Promise<void> {
    await Promise.all([this.#wire, this.#http, this.#grpc].map((door) => door?.stop(stopPatienceMs)))
    await this.#node?.close()
  }

  /** An assertion that does not hold means that memory may be wrong: nothing of it may reach the disk. */
  #onDefect(error: unknown, command: string): void {
    if (error instanceof AssertionError) this.#die(error, 'invariant does not hold')
    this.#log.logger.error({ err: error, command }, 'internal error')
  }

  #die(error: unknown, message: string): never {
    this.#log.logger.fatal({ err: error }, message)
    process.exit(exitFailed)
  }
}

function announce(scheme: string, bind: string, port: number): void {
  process.stdout.write(`${scheme}://${bind.includes(':') ? `[${bind}]` : bind}:${port} ready\n`)
}

function portTaken(bind: string, port: number, flag: string): (error: NodeJS.ErrnoException) => never {
  return (error) => {
    if (error.code === 'EADDRINUSE') throw new Refusal(`port ${port} on ${bind} is in use; --${flag} chooses another`)
    if (error.code === 'EACCES')
      throw new Refusal(`port ${port} on ${bind} is not allowed for this user; --${flag} chooses another`)
    throw error
  }
}

function tlsFiles(cert: string, key: string, ca: string): TlsFiles | undefined {
  if (cert === '' && key === '' && ca === '') return undefined
  if (cert === '' || key === '') throw new Refusal('TLS needs both --grpc-tls-cert and --grpc-tls-key')
  return { cert, key, ...(ca === '' ? {} : { ca }) }
}

function setParameter({ database }: Node, name: string, text: string): void {
  database.parameters.set(name, parameterValue(text), 'startup')
}

function parameterValue(text: string): Value {
  if (text === 'true' || text === 'false') return booleanValue(text === 'true')
  return /^-?\d+$/.test(text) ? int64Value(Number(text)) : stringValue(text)
}

function recovered({ engine }: Node): object {
  const { replayedEntryCount, lastIndex } = engine.statistics()
  return { replayedEntryCount, lastIndex }
}
