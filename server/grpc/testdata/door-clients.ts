/** A door of its own on a fresh directory for the tests of one file, and clients made from the .proto files alone. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  type CallOptions,
  type ChannelCredentials,
  type Client,
  type ClientDuplexStream,
  type ClientReadableStream,
  credentials,
  type GrpcObject,
  loadPackageDefinition,
  type ServiceClientConstructor,
  type ServiceError,
} from '@grpc/grpc-js'
import protoLoader from '@grpc/proto-loader'
import { type Document, deserialize, serialize } from 'bson'
import { afterAll, beforeAll, expect } from 'vitest'
import protobuf from 'protobufjs'
import { type Node, openNode } from '../../node.ts'
import { type GrpcDoor, openGrpcDoor, type TlsFiles } from '../door.ts'
import { loadSchema, protoFiles, protoFolder } from '../schema.ts'

const schema = loadSchema()
const definition = loadPackageDefinition(
  protoLoader.loadSync([...protoFiles], { includeDirs: [protoFolder], longs: Number }),
) as { lauradb: { v1: GrpcObject } }

export const quietLog = { debug: () => undefined, info: () => undefined, warn: () => undefined }

export interface TestDoor {
  readonly node: Node
  readonly door: GrpcDoor
  readonly target: string
  /** Bugs that the door was told of; none are expected. */
  readonly defects: unknown[]
  clients(channel?: ChannelCredentials): Clients
}

/** Call at the top of a test file. */
export function testDoor(tls?: TlsFiles): TestDoor {
  const directory = mkdtempSync(join(tmpdir(), 'laura-grpc-'))
  const opened: Clients[] = []
  const defects: unknown[] = []
  let node: Node
  let door: GrpcDoor
  beforeAll(async () => {
    node = await openNode({ dir: join(directory, 'data'), engine: {}, onInternalError: (error) => defects.push(error) })
    door = await openGrpcDoor({
      bind: '127.0.0.1',
      port: 0,
      database: node.database,
      log: quietLog,
      failed: (error) => defects.push(error),
      ...(tls === undefined ? {} : { tls }),
    })
  })
  afterAll(async () => {
    for (const clients of opened) clients.close()
    await door.stop(1000)
    await node.close()
    rmSync(directory, { recursive: true, force: true })
    expect(defects).toEqual([])
  })
  return {
    defects,
    get node() {
      return node
    },
    get door() {
      return door
    },
    get target() {
      return `127.0.0.1:${door.port}`
    },
    clients(channel = credentials.createInsecure()) {
      const clients = new Clients(`127.0.0.1:${door.port}`, channel)
      opened.push(clients)
      return clients
    },
  }
}

type Fields = Readonly<Record<string, unknown>>
// biome-ignore lint/suspicious/noExplicitAny: clients made from a .proto file at run time have no types
type Answer = any

export class Clients {
  readonly #services = new Map<string, Client>()

  constructor(target: string, channel: ChannelCredentials) {
    for (const name of ['DocumentService', 'CatalogService', 'CommandService']) {
      const make = definition.lauradb.v1[name] as ServiceClientConstructor
      this.#services.set(name, new make(target, channel, { 'grpc.max_receive_message_length': -1, 'grpc.use_local_subchannel_pool': 1 }))
    }
  }

  close(): void {
    for (const client of this.#services.values()) client.close()
  }

  /** The service that has a method, with its methods by name. */
  #with(method: string): Record<string, (...args: unknown[]) => unknown> {
    for (const client of this.#services.values())
      if (method in client) return client as unknown as Record<string, (...args: unknown[]) => unknown>
    throw new Error(`no method ${method}`)
  }

  /** A unary call. Documents in `fields` may be objects: bytes fields are encoded. */
  call(method: string, fields: Fields = {}, options: CallOptions = {}): Promise<Answer> {
    return new Promise((resolve, reject) => {
      this.#with(method)[method]!(encoded(fields), options, (error: ServiceError | null, answer: Answer) =>
        error === null ? resolve(answer) : reject(error),
      )
    })
  }

  /** How a unary call fails. */
  async failure(method: string, fields: Fields = {}, options: CallOptions = {}): Promise<ServiceError> {
    const outcome: unknown = await this.call(method, fields, options).catch((error: unknown) => error)
    expect(outcome).toBeInstanceOf(Error)
    return outcome as ServiceError
  }

  stream(method: string, fields: Fields, options: CallOptions = {}): ClientReadableStream<Answer> {
    return this.#with(method)[method]!(encoded(fields), options) as ClientReadableStream<Answer>
  }

  /** All messages of a server-streaming call. */
  async all(method: string, fields: Fields): Promise<Answer[]> {
    return this.stream(method, fields).toArray()
  }

  session(): ClientDuplexStream<Answer, Answer> {
    return this.#with('Session')['Session']!() as ClientDuplexStream<Answer, Answer>
  }

  /** Sends any bytes as the request of a unary call. */
  raw(path: string, bytes: Buffer, options: CallOptions = {}): Promise<Buffer> {
    const [client] = this.#services.values()
    const same = (message: Buffer) => message
    return new Promise((resolve, reject) => {
      client!.makeUnaryRequest(path, same, same, bytes, options, (error, answer) =>
        error === null ? resolve(answer!) : reject(error),
      )
    })
  }
}

/** Plain objects that stand where documents belong become BSON; those of messages stay. */
function encoded(fields: Fields): Fields {
  return Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, encodedValue(name, value)]))
}

const messageFields = new Set(['writes', 'insertOne', 'replaceOne', 'delete', 'commands', 'credits', 'sequences'])

function encodedValue(name: string, value: unknown): unknown {
  if (Array.isArray(value)) return value.map((each) => encodedValue(name, each))
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return value
  if (messageFields.has(name) || 'stages' in value || (name === 'update' && 'filter' in value)) return encoded(value as Fields)
  return serialize(value as Document)
}

export { deserialize, serialize }

/** The details of a failed call: ErrorInfo and CommandError. */
export function detailsOf(error: ServiceError): {
  reason: string
  domain: string
  metadata: Record<string, string>
  command: { code: number; codeName: string; message: string; labels: string[]; reply: Document }
} {
  const [bytes] = error.metadata.get('grpc-status-details-bin') as Buffer[]
  const status = statusType.decode(bytes!).toJSON() as unknown as { details: { typeUrl: string; value: string }[] }
  const [info, command] = status.details
  expect(info!.typeUrl).toBe('type.googleapis.com/google.rpc.ErrorInfo')
  expect(command!.typeUrl).toBe('type.googleapis.com/lauradb.v1.CommandError')
  const error2 = schema.lookupType('lauradb.v1.CommandError').decode(Buffer.from(command!.value, 'base64'))
  const fields = error2 as unknown as { code: number; codeName: string; message: string; labels: string[]; reply: Buffer }
  return {
    ...(infoType.decode(Buffer.from(info!.value, 'base64')).toJSON() as { reason: string; domain: string; metadata: Record<string, string> }),
    command: {
      code: fields.code,
      codeName: fields.codeName,
      message: fields.message,
      labels: fields.labels,
      reply: fields.reply.length === 0 ? {} : deserialize(fields.reply),
    },
  }
}

const google = protobuf.parse(`
  syntax = "proto3";
  message Any { string type_url = 1; bytes value = 2; }
  message Status { int32 code = 1; string message = 2; repeated Any details = 3; }
  message ErrorInfo { string reason = 1; string domain = 2; map<string, string> metadata = 3; }
`).root
const statusType = google.lookupType('Status')
const infoType = google.lookupType('ErrorInfo')
