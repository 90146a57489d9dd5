/**
 * Hostile clients of the gRPC door: requests that are damaged, cut, of other types or no requests at all, on every layer. Whatever is sent must be
 * answered by a status or a closed stream, soon, and the next request be served.
 */
import { connect as connectHttp2 } from 'node:http2'
import { connect } from 'node:net'
import { Client, credentials, Metadata, status } from '@grpc/grpc-js'
import { serialize } from 'bson'
import type protobuf from 'protobufjs'
import { loadSchema } from '../grpc/schema.ts'
import { type Choices, Fuzz } from './fuzz.ts'

const answerPatienceMs = 20_000
const watchMs = 200
const services = ['DocumentService', 'CatalogService', 'CommandService'] as const
const same = (message: Buffer) => message

interface Target {
  readonly path: string
  readonly request: protobuf.Type
  readonly isStream: boolean
}

function targets(): Target[] {
  const schema = loadSchema()
  return services.flatMap((name) =>
    schema.lookupService(`lauradb.v1.${name}`).methodsArray.map((method) => ({
      path: `/lauradb.v1.${name}/${method.name}`,
      request: schema.lookupType(`lauradb.v1.${method.requestType}`),
      isStream: method.requestStream === true,
    })),
  )
}

export class GrpcFuzz extends Fuzz {
  readonly #port: number
  readonly #targets = targets()
  readonly #client: Client
  readonly #pinger: Client

  constructor(port: number, random: Choices) {
    super(random)
    this.#port = port
    this.#client = this.#newClient()
    this.#pinger = this.#newClient()
  }

  close(): void {
    this.#client.close()
    this.#pinger.close()
  }

  #newClient(): Client {
    const options = { 'grpc.use_local_subchannel_pool': 1, 'grpc.enable_channelz': 0, 'grpc.enable_retries': 0 }
    return new Client(`127.0.0.1:${this.#port}`, credentials.createInsecure(), options)
  }

  protected async ping(): Promise<void> {
    const code = await this.#unary('/lauradb.v1.CommandService/Ping', Buffer.alloc(0), new Metadata(), this.#pinger)
    if (code !== status.OK) throw new Error(`ping was answered with ${status[code]}`)
  }

  protected one(): Promise<string> {
    const kind = this.random.integer(100)
    if (kind < 1) return this.#socket()
    if (kind < 6) return this.#http2()
    const target = this.#targets[this.random.integer(this.#targets.length)]!
    const message = this.#message(target)
    if (target.isStream) return this.#session(message)
    const metadata = new Metadata()
    if (kind < 10) metadata.set('x-bin', this.bytes(2000))
    // A watch that is not refused ends with its deadline only.
    const isWatch = target.path.endsWith('/Watch')
    return this.#unary(target.path, message, metadata, this.#client, isWatch ? watchMs : answerPatienceMs).then(
      (code) => (isWatch && code === status.DEADLINE_EXCEEDED ? 'watched' : status[code]),
    )
  }

  /** A request with some fields, then damaged; or bytes that were never one. */
  #message(target: Target): Buffer {
    const random = this.random
    if (random.integer(5) === 0) return this.bytes(200)
    const fields: Record<string, unknown> = {}
    for (const field of target.request.fieldsArray) {
      if (random.integer(4) === 0) continue
      const value = this.#value(field)
      if (value !== undefined) fields[field.name] = field.repeated ? [value] : value
    }
    const message = Buffer.from(target.request.encode(fields).finish())
    return this.damaged(message)
  }

  #value(field: protobuf.Field): unknown {
    const random = this.random
    switch (field.type) {
      case 'string':
        return ['fuzz', 'c', '', 'a\0b', '$x', 'x'.repeat(300), '\ud800'][random.integer(7)]
      case 'bytes':
        return this.#document()
      case 'bool':
        return random.integer(2) === 1
      case 'int32':
      case 'uint32':
        return random.integer(3) === 0 ? 0x7fffffff : random.integer(5)
      case 'int64':
        return random.integer(3) === 0 ? { low: -1, high: random.integer(2) - 1 } : random.integer(5)
      default: {
        const type = field.resolvedType as protobuf.Type | null
        if (type === null || random.integer(2) === 0) return undefined
        return Object.fromEntries(
          type.fieldsArray.slice(0, 3).map((each) => {
            const value = this.#value(each)
            return [each.name, each.repeated ? (value === undefined ? [] : [value]) : value]
          }),
        )
      }
    }
  }

  /** A document, often damaged. */
  #document(): Buffer {
    const random = this.random
    const documents = [
      { ping: 1, $db: 'fuzz' },
      { find: 'c', filter: { a: { $in: [1, 'x', null] } }, $db: 'fuzz' },
      { insert: 'c', documents: [{ a: random.integer(100) }], $db: 'fuzz' },
      { a: { $gt: random.integer(100) } },
      { $set: { a: 1 } },
      { key: { a: 1 }, name: 'a_1' },
      { $match: { a: 1 } },
      { a: [[[[{ b: 'text' }]]], new Date(0), /x/, 1.5] },
      {},
    ]
    const bytes = Buffer.from(serialize(documents[random.integer(documents.length)]!))
    if (random.integer(2) === 0) bytes[random.integer(bytes.length)] = random.integer(256)
    if (random.integer(20) === 0) bytes.writeInt32LE(0x7fffffff, 0)
    return bytes
  }

  #unary(
    path: string,
    message: Buffer,
    metadata: Metadata,
    client: Client,
    patienceMs = answerPatienceMs,
  ): Promise<status> {
    return new Promise((resolve, reject) => {
      const deadline = Date.now() + patienceMs
      client.makeUnaryRequest(path, same, same, message, metadata, { deadline }, (error) => {
        if (error?.code === status.UNAVAILABLE) reject(new Error(`the server is gone: ${error.details}`))
        else resolve(error === null ? status.OK : error.code)
      })
    })
  }

  #session(message: Buffer): Promise<string> {
    return new Promise((resolve, reject) => {
      const deadline = Date.now() + answerPatienceMs
      const call = this.#client.makeBidiStreamRequest('/lauradb.v1.CommandService/Session', same, same, { deadline })
      call.on('data', () => undefined)
      call.on('error', () => undefined)
      call.on('status', ({ code, details }) => {
        if (code === status.UNAVAILABLE) reject(new Error(`the server is gone: ${details}`))
        else resolve(status[code])
      })
      call.write(message)
      call.end()
    })
  }

  /** HTTP/2 that is not gRPC, or gRPC's frames with wrong lengths and flags. */
  #http2(): Promise<string> {
    const random = this.random
    const session = connectHttp2(`http://127.0.0.1:${this.#port}`)
    return new Promise((resolve) => {
      const done = (how: string) => {
        session.destroy()
        resolve(how)
      }
      session.on('error', () => done('closed'))
      const paths = ['/lauradb.v1.CommandService/Ping', '/lauradb.v1.CommandService/Session', '/%ff', '//', '/x/y']
      const types = ['application/grpc', 'application/grpc+proto', 'text/html', '']
      const stream = session.request({
        ':method': ['POST', 'GET', 'PUT'][random.integer(3)]!,
        ':path': paths[random.integer(paths.length)]!,
        'content-type': types[random.integer(types.length)]!,
        te: 'trailers',
        'grpc-timeout': ['1S', '99999999H', 'x', '0n'][random.integer(4)]!,
        'grpc-encoding': ['identity', 'gzip', 'deflate', 'zstd'][random.integer(4)]!,
      })
      stream.on('error', () => done('closed'))
      stream.on('close', () => done('closed'))
      stream.on('response', (headers) => {
        if (headers['grpc-status'] !== undefined) done(status[Number(headers['grpc-status'])] ?? 'closed')
      })
      stream.on('trailers', (headers) => done(status[Number(headers['grpc-status'])] ?? 'closed'))
      stream.resume()
      const frame = Buffer.concat([Buffer.from([random.integer(3), 0, 0, 0, 0]), this.bytes(100)])
      frame.writeUInt32BE([0, 5, frame.length - 5, 0xffffffff, 60_000_000][random.integer(5)]!, 1)
      stream.end(frame)
      // A half-sent message may wait for its rest as long as it likes.
      setTimeout(() => done('closed'), 100).unref()
    })
  }

  /** A TCP connection that does not even speak HTTP/2. */
  #socket(): Promise<string> {
    const random = this.random
    return new Promise((resolve) => {
      const socket = connect(this.#port, '127.0.0.1', () => {
        const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')
        socket.write(random.integer(2) === 0 ? Buffer.concat([preface, this.bytes(300)]) : this.bytes(300))
        setTimeout(() => socket.destroy(), 20)
      })
      socket.on('error', () => undefined)
      socket.on('close', () => resolve('closed'))
      socket.resume()
    })
  }
}
