/** The gRPC door: services, health and reflection on one port. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as after } from 'node:timers/promises'
import {
  logVerbosity,
  Server,
  ServerCredentials,
  type ServiceDefinition,
  setLogVerbosity,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js'
import protoLoader from '@grpc/proto-loader'
import { ReflectionService } from '@grpc/reflection'
import { HealthImplementation } from 'grpc-health-check'
import type { Database } from '../../pkg/command/dispatch.ts'
import type { DoorLog } from '../wire/door.ts'
import { catalogMethods } from './catalog-methods.ts'
import { commandMethods } from './command-methods.ts'
import { streamHandler } from './cursor-stream.ts'
import { documentMethods } from './document-methods.ts'
import type { UnaryMethod, UnaryMethods } from './method.ts'
import { RunningCalls } from './running-calls.ts'
import { type BytesMethod, loadSchema, methodsOf, protoFiles, protoFolder } from './schema.ts'
import { unaryHandler } from './unary.ts'

export interface TlsFiles {
  readonly cert: string
  readonly key: string
  /** Clients must show a certificate that this authority signed. */
  readonly ca?: string
}

export interface GrpcDoorOptions {
  readonly bind: string
  /** 0: any free port. */
  readonly port: number
  readonly database: Database
  readonly tls?: TlsFiles
  readonly log: DoorLog
  /** Told of a bug that came to light; the client gets INTERNAL. */
  failed(error: unknown): void
}

export interface GrpcDoor {
  readonly port: number
  /** Answers what is under way, cuts off what takes longer than `patienceMs`, closes every connection. */
  stop(patienceMs: number): Promise<void>
}

/** As the wire protocol has it: 48 MB of documents and what is around them. */
const messageBytesMax = 48_000_000 + 64 * 1024
const streamsPerConnectionMax = 1024
const keepaliveTimeMs = 120_000
const keepaliveTimeoutMs = 20_000
/** How long connections get, after everything is answered, to take it. */
const closingMs = 250

const services: Readonly<Record<string, UnaryMethods>> = {
  'lauradb.v1.DocumentService': documentMethods,
  'lauradb.v1.CatalogService': catalogMethods,
  'lauradb.v1.CommandService': commandMethods,
}

/** Resolves when connections are accepted; rejects when the port or a file of TLS cannot be had. */
export async function openGrpcDoor(options: GrpcDoorOptions): Promise<GrpcDoor> {
  // It would write to stderr, which is for the server's log; what matters of it comes back as an error.
  setLogVerbosity(logVerbosity.NONE)
  const server = new Server({
    'grpc.max_receive_message_length': messageBytesMax,
    'grpc.max_send_message_length': -1,
    'grpc.max_concurrent_streams': streamsPerConnectionMax,
    'grpc.keepalive_time_ms': keepaliveTimeMs,
    'grpc.keepalive_timeout_ms': keepaliveTimeoutMs,
    'grpc.enable_channelz': 0,
  })
  const calls = new RunningCalls(options.database, options.failed)
  const schema = loadSchema()
  for (const [service, methods] of Object.entries(services)) {
    const definition: Record<string, BytesMethod> = {}
    const handlers: UntypedServiceImplementation = {}
    for (const [name, method] of methodsOf(schema, service)) {
      definition[name] = method.definition
      const unary = (methods as Readonly<Record<string, UnaryMethod>>)[name]
      if (unary !== undefined) handlers[name] = calls.counted(unaryHandler(calls, method, unary))
      else if (name === 'Session') handlers[name] = calls.session
      else handlers[name] = streamHandler(calls, method, name)
    }
    server.addService(definition as ServiceDefinition, handlers)
  }
  const health = new HealthImplementation()
  health.addToServer(server)
  addReflection(server)
  const port = await bound(server, options)
  setHealth(health, 'SERVING')
  return {
    port,
    stop: async (patienceMs) => {
      setHealth(health, 'NOT_SERVING')
      const closed = new Promise<void>((resolve) => server.tryShutdown(() => resolve()))
      await Promise.race([calls.finish(), after(patienceMs)])
      await Promise.race([closed, after(closingMs)])
      server.forceShutdown()
    },
  }
}

function setHealth(health: HealthImplementation, status: 'SERVING' | 'NOT_SERVING'): void {
  for (const service of ['', ...Object.keys(services)]) health.setStatus(service, status)
}

function addReflection(server: Server): void {
  const files = protoFiles.map((file) => join(protoFolder, file))
  const definition = protoLoader.loadSync(files, { includeDirs: [protoFolder] })
  new ReflectionService(definition).addToServer(server)
}

function bound(server: Server, { bind, port, tls }: GrpcDoorOptions): Promise<number> {
  const address = `${bind.includes(':') ? `[${bind}]` : bind}:${port}`
  const credentials = tls === undefined ? ServerCredentials.createInsecure() : tlsCredentials(tls)
  return new Promise((resolve, reject) => {
    server.bindAsync(address, credentials, (error, boundPort) => {
      if (error === null) resolve(boundPort)
      else reject(portError(error))
    })
  })
}

function tlsCredentials({ cert, key, ca }: TlsFiles): ServerCredentials {
  const pair = { private_key: readFileSync(key), cert_chain: readFileSync(cert) }
  return ServerCredentials.createSsl(ca === undefined ? null : readFileSync(ca), [pair], ca !== undefined)
}

/** @grpc/grpc-js has the system's error in its text only. */
function portError(error: Error): NodeJS.ErrnoException {
  const code = /\b(EADDRINUSE|EACCES|EADDRNOTAVAIL)\b/.exec(error.message)?.[1]
  return code === undefined ? error : Object.assign(error, { code })
}
