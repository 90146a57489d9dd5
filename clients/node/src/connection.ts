/**
 * One connection: a Session stream on a channel of its own, with any number of commands in progress.
 *
 *   open ── hello answered ──> ready ── stream broken, end() ──> closed
 *
 * Every command that is in progress when the connection closes fails with a LauraNetworkError.
 */
import { Client, type ClientDuplexStream } from '@grpc/grpc-js'
import { type Document, deserialize, serialize } from 'bson'
import { type OutgoingCommand, RequestWriter, readReplies, type Sequence } from './codec.ts'
import { LauraNetworkError } from './errors.ts'
import type { Settings } from './uri.ts'

const path = '/lauradb.v1.CommandService/Session'
const version = '0.1.0'
/** A request message is sent when it has grown to this. */
const messageBytes = 1 << 20

/** What happens with the replies to a command. */
export interface Receiver {
  /** `body`: BSON. `more`: another reply follows. */
  reply(body: Buffer, more: boolean): void
  failed(error: LauraNetworkError): void
}

export interface Outgoing {
  readonly body: Uint8Array
  readonly sequence?: Sequence | undefined
  readonly lane?: number
  /** Batches that the server may send ahead; 0: one reply. */
  readonly batches?: number
}

export class Connection {
  /** The server's answer to hello. */
  hello: Document = {}
  readonly #client: Client
  readonly #stream: ClientDuplexStream<Buffer, Buffer>
  readonly #receivers = new Map<number, Receiver>()
  readonly #writer = new RequestWriter()
  readonly #waiting: OutgoingCommand[] = []
  #lastId = 0
  #flushing = false
  #blocked = false
  #failure: LauraNetworkError | undefined
  /** Told once, when the connection is of no use any more. */
  onClosed: (() => void) | undefined

  private constructor(settings: Settings) {
    this.#client = new Client(settings.target, settings.credentials, {
      'grpc.max_receive_message_length': -1,
      'grpc.max_send_message_length': -1,
      // Otherwise all channels of the process to one server share a connection.
      'grpc.use_local_subchannel_pool': 1,
      'grpc.enable_channelz': 0,
      'grpc.enable_retries': 0,
      'grpc.keepalive_time_ms': 120_000,
    })
    const same = (message: Buffer) => message
    this.#stream = this.#client.makeBidiStreamRequest(path, same, same)
    this.#stream.on('data', (message: Buffer) => {
      try {
        readReplies(message, this.#onReply)
      } catch (error) {
        this.#close(error instanceof LauraNetworkError ? error : new LauraNetworkError(String(error), [], error))
      }
    })
    this.#stream.on('error', (error) => this.#close(new LauraNetworkError(error.message, [], error)))
    this.#stream.on('end', () => this.#close(new LauraNetworkError('the server closed the connection')))
    this.#stream.on('drain', () => {
      this.#blocked = false
      this.#flush()
    })
  }

  /** Resolves when the server has answered. Errors: LauraNetworkError. */
  static async open(settings: Settings): Promise<Connection> {
    const connection = new Connection(settings)
    const timer = setTimeout(
      () => connection.#close(new LauraNetworkError(`${settings.target} did not answer in time`)),
      settings.connectTimeoutMS,
    )
    try {
      connection.hello = await connection.command({ body: serialize(helloCommand(settings.appName)) })
      return connection
    } finally {
      clearTimeout(timer)
    }
  }

  get isClosed(): boolean {
    return this.#failure !== undefined
  }

  /** Commands that are not fully answered. */
  get inProgress(): number {
    return this.#receivers.size
  }

  /** Sends a command and returns the id under which it can be cancelled. */
  send({ body, sequence, lane = 0, batches = 0 }: Outgoing, receiver: Receiver): number {
    if (this.#failure !== undefined) throw this.#failure
    do this.#lastId = this.#lastId === 0xffffffff ? 1 : this.#lastId + 1
    while (this.#receivers.has(this.#lastId))
    const id = this.#lastId
    this.#receivers.set(id, receiver)
    this.#waiting.push({ id, body, sequence, lane, batches })
    this.#flushSoon()
    return id
  }

  /** Sends a command and resolves with its reply, also when that says `ok: 0`. */
  command(outgoing: Outgoing): Promise<Document> {
    return new Promise((resolve, reject) => {
      this.send(outgoing, { reply: (body) => resolve(deserialize(body)), failed: reject })
    })
  }

  /** Interrupts a command; it is answered still. */
  cancel(id: number): void {
    if (this.#failure !== undefined || !this.#receivers.has(id)) return
    this.#writer.cancellation(id)
    this.#flushSoon()
  }

  /** Lets the server send more batches. */
  credit(id: number, batches: number): void {
    if (this.#failure !== undefined || !this.#receivers.has(id)) return
    this.#writer.credit(id, batches)
    this.#flushSoon()
  }

  close(): void {
    this.#close(new LauraNetworkError('the client was closed'))
  }

  readonly #onReply = (id: number, body: Buffer, more: boolean): void => {
    const receiver = this.#receivers.get(id)
    if (receiver === undefined) return
    if (!more) this.#receivers.delete(id)
    receiver.reply(body, more)
  }

  /** What is asked for in one turn goes in one message. */
  #flushSoon(): void {
    if (this.#flushing || this.#blocked) return
    this.#flushing = true
    setImmediate(this.#flush)
  }

  readonly #flush = (): void => {
    this.#flushing = false
    if (this.#failure !== undefined) return
    let taken = 0
    while (!this.#blocked && (taken < this.#waiting.length || this.#writer.length > 0)) {
      while (taken < this.#waiting.length && this.#writer.length < messageBytes)
        this.#writer.command(this.#waiting[taken++]!)
      this.#blocked = !this.#stream.write(this.#writer.take())
    }
    this.#waiting.splice(0, taken)
  }

  #close(failure: LauraNetworkError): void {
    if (this.#failure !== undefined) return
    this.#failure = failure
    this.#stream.cancel()
    this.#client.close()
    this.onClosed?.()
    const receivers = [...this.#receivers.values()]
    this.#receivers.clear()
    for (const receiver of receivers) receiver.failed(failure)
  }
}

function helloCommand(appName: string): Document {
  return {
    hello: 1,
    client: {
      ...(appName === '' ? {} : { application: { name: appName } }),
      driver: { name: '@lauradb/client', version },
      os: { type: process.platform, architecture: process.arch },
      platform: `Node ${process.version}`,
    },
    $db: 'admin',
  }
}
