/**
 * A small client of the wire protocol for the tools: commands as BSON bytes, so that documents pass through as they are.
 * One connection; commands may be sent before earlier replies have come, and are answered in order.
 */
import { connect, type Socket } from 'node:net'
import { DatabaseError } from '../../pkg/base/errors.ts'
import { getField, numberOf, readString } from '../../pkg/bson/value.ts'
import { Refusal } from '../refusal.ts'
import { MessageReader } from '../wire/framing.ts'
import { headerLength, opcode, readInt32, writeHeader, writeInt32 } from '../wire/protocol.ts'

interface Waiting {
  resolve(document: Uint8Array): void
  reject(error: Error): void
}

/** Where `mongodb://host:port` points. Throws a Refusal for what this client does not speak. */
export function parseUri(uri: string): { host: string; port: number } {
  const match = /^mongodb:\/\/(?:([^@/]*)@)?(\[[^\]]+\]|[^:/?,]+)(?::(\d+))?(?:\/[^?]*)?(?:\?.*)?$/.exec(uri)
  if (match === null) throw new Refusal(`${JSON.stringify(uri)} is not mongodb://host:port`)
  if (match[1] !== undefined) throw new Refusal('--uri with a user and password is not supported yet')
  return { host: match[2]!.replace(/^\[|\]$/g, ''), port: Number(match[3] ?? 27017) }
}

export class WireClient {
  readonly #socket: Socket
  readonly #reader = new MessageReader()
  readonly #waiting: Waiting[] = []
  #lastRequestId = 0
  #failure: Error | undefined

  private constructor(socket: Socket) {
    this.#socket = socket
    socket.setNoDelay(true)
    socket.on('data', (chunk: Uint8Array) => this.#onData(chunk))
    socket.on('error', (error) => this.#fail(error))
    socket.on('close', () => this.#fail(new Error('the server closed the connection')))
  }

  static connect({ host, port }: { host: string; port: number }): Promise<WireClient> {
    return new Promise((resolve, reject) => {
      const socket = connect({ host, port })
      socket.once('error', (error) => reject(new Refusal(`cannot connect to ${host}:${port}: ${error.message}`)))
      socket.once('connect', () => {
        socket.removeAllListeners('error')
        resolve(new WireClient(socket))
      })
    })
  }

  /**
   * Sends a command document (with `$db`) and resolves to the reply document.
   * `documents`: sent as the document sequence `sequence` beside the body, without copying them into it.
   * @throws DatabaseError what the server answered with `ok: 0`
   */
  async command(body: Uint8Array, sequence?: string, documents: readonly Uint8Array[] = []): Promise<Uint8Array> {
    return checked(await this.send(message(++this.#lastRequestId, body, sequence, documents)))
  }

  /** Sends a whole wire message and resolves to the document of the next reply. */
  send(bytes: Uint8Array): Promise<Uint8Array> {
    return new Promise((resolve, reject) => {
      if (this.#failure !== undefined) {
        reject(this.#failure)
        return
      }
      this.#waiting.push({ resolve, reject })
      this.#socket.write(bytes)
    })
  }

  close(): void {
    this.#socket.destroy()
  }

  #onData(chunk: Uint8Array): void {
    this.#reader.push(new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.length))
    while (this.#reader.next()) {
      const { bytes, start, end } = this.#reader
      const documentStart = start + headerLength + (readInt32(bytes, start + 12) === opcode.message ? 5 : 20)
      this.#waiting.shift()?.resolve(bytes.slice(documentStart, end))
    }
  }

  #fail(error: Error): void {
    this.#failure ??= error
    for (const { reject } of this.#waiting.splice(0)) reject(this.#failure)
  }
}

/** An OP_MSG with `body` and, if named, a document sequence. */
export function message(
  requestId: number,
  body: Uint8Array,
  sequence?: string,
  documents: readonly Uint8Array[] = [],
): Uint8Array {
  const name = sequence === undefined ? undefined : new TextEncoder().encode(sequence)
  const sequenceLength =
    name === undefined ? 0 : documents.reduce((sum, { length }) => sum + length, 4 + name.length + 1)
  const bytes = new Uint8Array(headerLength + 5 + body.length + (name === undefined ? 0 : 1 + sequenceLength))
  writeHeader(bytes, bytes.length, requestId, 0, opcode.message)
  bytes.set(body, headerLength + 5)
  if (name === undefined) return bytes
  let at = headerLength + 5 + body.length
  bytes[at++] = 1
  writeInt32(bytes, at, sequenceLength)
  bytes.set(name, at + 4)
  at += 4 + name.length + 1
  for (const document of documents) {
    bytes.set(document, at)
    at += document.length
  }
  return bytes
}

/** The reply, unless it says that the command failed: then that is thrown as a DatabaseError. */
export function checked(reply: Uint8Array): Uint8Array {
  const ok = getField(reply, 'ok')
  if (ok !== undefined && numberOf(ok) === 1) return reply
  const code = getField(reply, 'code')
  const errmsg = getField(reply, 'errmsg')
  throw new DatabaseError(
    code === undefined ? 'UnknownError' : numberOf(code),
    errmsg === undefined ? 'the server gave no reason' : readString(errmsg.bytes, errmsg.start),
  )
}
