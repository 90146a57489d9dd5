/**
 * One client's connection: requests in, one at a time and in order, replies out.
 *
 *            data                    dispatch settled
 *   idle ------------> running ---------------------------> idle (or the next request that has already arrived)
 *     |                   |  a hello that goes on (exhaust): its reply is sent and it is dispatched again
 *     \                   \  socket is full
 *      \ end, error        `--------------> draining -- drain --> idle
 *       `-> closed (from any state): the context is closed, which ends what the client left running
 *
 * INVARIANTS
 *  (1) At most one request of a connection is running; later ones wait as bytes.
 *  (2) While one runs or the client does not read its replies, at most `waitingBytesMax` and one chunk more are read.
 */
import type { Socket } from 'node:net'
import { DatabaseError } from '../../pkg/base/errors.ts'
import { buildDocument } from '../../pkg/bson/build.ts'
import type { CommandMessage } from '../../pkg/command/dispatch.ts'
import { unwrap, wrap } from './compression.ts'
import { MessageReader } from './framing.ts'
import { asksForStream, nextOfStream, ownCopy } from './hello-stream.ts'
import { messageFlag, opcode, readInt32, replyFlag } from './protocol.ts'
import {
  errorDocument,
  messagePrefixLength,
  messageReply,
  queryReply,
  requestIdOf,
  writeMessagePrefix,
} from './reply.ts'
import { parseMessage, parseQuery, wantsReply } from './request.ts'

/** What a connection needs of the rest of the server. */
export interface ConnectionPeer {
  /** Runs a command and gives its reply document, at once when nothing had to be waited for. Does not fail but for a bug. */
  dispatch(message: CommandMessage): Uint8Array | Promise<Uint8Array>
  /** The client is gone: its cursors and operations end. Called once. */
  closed(): void
  /** The client broke the protocol and the connection is being closed; `reason` is for the log. */
  refused(reason: string): void
  /** The transport failed under the connection, as when the client's process dies. */
  lost(reason: string): void
  /** A bug: something was thrown that is not about this client's bytes. */
  failed(error: unknown): void
}

const waitingBytesMax = 64 * 1024
/** From here on a reply is not copied behind its header but written as two pieces in one system call. */
const pieceBytesMin = 32 * 1024
const notCompressed = -1

/** Opcodes that older drivers used and MongoDB dropped. */
const legacyNames: Readonly<Record<number, string>> = {
  [opcode.update]: 'OP_UPDATE',
  [opcode.insert]: 'OP_INSERT',
  [opcode.getMore]: 'OP_GET_MORE',
  [opcode.delete]: 'OP_DELETE',
  [opcode.killCursors]: 'OP_KILL_CURSORS',
}

const handshakeCommands: ReadonlySet<string> = new Set(['hello', 'isMaster', 'ismaster'])

const browserAnswer = 'It looks like you are trying to access MongoDB over HTTP on the native driver port.\r\n'
const browserReply = `HTTP/1.0 200 OK\r\nConnection: close\r\nContent-Type: text/plain\r\nContent-Length: ${browserAnswer.length}\r\n\r\n${browserAnswer}`

export class Connection {
  readonly #socket: Socket
  readonly #peer: ConnectionPeer
  readonly #reader = new MessageReader()
  #running = false
  #draining = false
  #ending = false
  #continuing = false
  #isClosed = false
  /** Of the request that runs. */
  #requestId = 0
  #opcode = 0
  #compressorId = notCompressed
  #replyExpected = true
  /** The hello that is answered again and again until the client goes away. */
  #streaming: CommandMessage | undefined

  constructor(socket: Socket, peer: ConnectionPeer) {
    this.#socket = socket
    this.#peer = peer
    socket.setNoDelay(true)
    socket.on('data', this.#onData)
    socket.on('drain', this.#onDrain)
    socket.on('error', this.#onError)
    socket.on('close', this.#onClose)
  }

  /** Lets the request that runs finish and be answered, then closes. */
  end(): void {
    this.#ending = true
    if (!this.#running || this.#streaming !== undefined) this.#socket.destroySoon()
  }

  destroy(): void {
    this.#socket.destroy()
  }

  readonly #onData = (chunk: Uint8Array): void => {
    if (this.#ending) return
    // A plain Uint8Array, as everywhere in the engine, so that its hot functions see one kind of array.
    this.#reader.push(new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.length))
    if (!this.#running && !this.#draining && !this.#continuing) this.#handleNext()
    if (this.#reader.unreadBytes > waitingBytesMax && this.#isBusy()) this.#socket.pause()
  }

  #isBusy(): boolean {
    return this.#running || this.#draining || this.#continuing
  }

  readonly #onDrain = (): void => {
    if (!this.#draining) return
    this.#draining = false
    this.#proceed()
  }

  /** The client went away in the middle of something; 'close' follows. */
  readonly #onError = (error: Error): void => {
    this.#peer.lost(error.message)
  }

  readonly #onClose = (): void => {
    this.#isClosed = true
    this.#reader.release()
    this.#peer.closed()
  }

  /** What comes after a request: the next one, in a turn of its own so that one client's queue does not hold up the others. */
  #proceed(): void {
    if (this.#isClosed || this.#isBusy()) return
    if (this.#ending) {
      this.#socket.destroySoon()
      return
    }
    if (this.#reader.unreadBytes > 0) {
      this.#continuing = true
      setImmediate(this.#continue)
    } else if (this.#socket.isPaused()) {
      this.#socket.resume()
    }
  }

  readonly #continue = (): void => {
    this.#continuing = false
    if (this.#isClosed) return
    if (!this.#ending) this.#handleNext()
    else if (!this.#running) this.#socket.destroySoon()
    if (!this.#isBusy() && this.#socket.isPaused()) this.#socket.resume()
  }

  #handleNext(): void {
    const reader = this.#reader
    try {
      if (!reader.next()) return
      const { bytes, start, end } = reader
      this.#requestId = readInt32(bytes, start + 4)
      const code = readInt32(bytes, start + 12)
      this.#compressorId = notCompressed
      if (code !== opcode.compressed) {
        this.#start(bytes, start, end, code)
        return
      }
      const unwrapped = unwrap(bytes, start, end)
      if (!(unwrapped instanceof Promise)) {
        this.#compressorId = unwrapped.compressorId
        this.#start(unwrapped.bytes, 0, unwrapped.bytes.length, unwrapped.opcode)
        return
      }
      this.#running = true
      unwrapped
        .then(({ bytes: inner, opcode: innerCode, compressorId }) => {
          this.#compressorId = compressorId
          this.#start(inner, 0, inner.length, innerCode)
        })
        .catch((error: unknown) => this.#refuse(error))
    } catch (error) {
      this.#refuse(error)
    }
  }

  /** Starts the message in `bytes[start, end)`, or answers what is wrong with it. Throws ProtocolError when the connection must go. */
  #start(bytes: Uint8Array, start: number, end: number, code: number): void {
    this.#opcode = code
    let message: CommandMessage
    try {
      if (code === opcode.message) {
        message = parseMessage(bytes, start, end)
      } else if (code === opcode.query) {
        const query = parseQuery(bytes, start, end)
        if (!query.collection.endsWith('.$cmd') || !handshakeCommands.has(query.commandName)) {
          this.#answer(unsupportedQuery(query.collection, query.commandName))
          return
        }
        message = query.message
      } else {
        const name = legacyNames[code]
        throw new DatabaseError(
          'ProtocolError',
          name === undefined ? `Operation isn't supported: ${code}` : `${name} is no longer supported`,
        )
      }
    } catch (error) {
      if (!(error instanceof DatabaseError) || error.codeName === 'ProtocolError') throw error
      this.#replyExpected = code !== opcode.message || wantsReply(bytes, start, end)
      this.#answer(errorDocument(error))
      return
    }
    this.#replyExpected = message.replyExpected
    this.#streaming = code === opcode.message && asksForStream(bytes, start, message) ? ownCopy(message) : undefined
    this.#dispatch(message)
  }

  #dispatch(message: CommandMessage): void {
    const reply = this.#peer.dispatch(message)
    if (reply instanceof Promise) {
      this.#running = true
      reply.then(this.#onReply, this.#onFailure)
    } else {
      this.#answer(reply)
    }
  }

  readonly #onReply = (document: Uint8Array): void => {
    this.#answer(document)
  }

  readonly #onFailure = (error: unknown): void => {
    this.#socket.destroy()
    this.#peer.failed(error)
  }

  /** The protocol is broken, or there is a bug: nothing more can be said on this connection. */
  #refuse(error: unknown): void {
    if (!(error instanceof DatabaseError)) {
      this.#onFailure(error)
      return
    }
    this.#ending = true
    if (this.#reader.startsWith('GET ')) this.#socket.write(browserReply)
    this.#socket.destroySoon()
    this.#peer.refused(error.message)
  }

  #answer(document: Uint8Array): void {
    this.#reader.release()
    if (this.#isClosed) return
    if (!this.#replyExpected) {
      this.#finished(true)
    } else if (this.#streaming !== undefined) {
      this.#answerOn(document, this.#streaming)
    } else if (this.#opcode === opcode.query) {
      const failed = document.length > 6 && document[4] === 2 && document[5] === 0x24
      this.#finished(this.#socket.write(queryReply(document, this.#requestId, failed ? replyFlag.queryFailure : 0)))
    } else if (this.#compressorId !== notCompressed) {
      this.#answerCompressed(messageReply(document, this.#requestId))
    } else if (document.length < pieceBytesMin) {
      this.#finished(this.#socket.write(messageReply(document, this.#requestId)))
    } else {
      const prefix = new Uint8Array(messagePrefixLength)
      writeMessagePrefix(prefix, document.length, this.#requestId, 0)
      this.#socket.cork()
      this.#socket.write(prefix)
      const roomLeft = this.#socket.write(document)
      this.#socket.uncork()
      this.#finished(roomLeft)
    }
  }

  /** One of the replies to a hello that goes on: the next one answers this one. */
  #answerOn(document: Uint8Array, hello: CommandMessage): void {
    const next = this.#ending ? undefined : nextOfStream(hello, document)
    this.#streaming = next
    const message = messageReply(document, this.#requestId, next === undefined ? 0 : messageFlag.moreToCome)
    this.#requestId = requestIdOf(message)
    if (next === undefined) {
      if (this.#compressorId !== notCompressed) this.#answerCompressed(message)
      else this.#finished(this.#socket.write(message))
      return
    }
    this.#running = true
    const wrapped = this.#compressorId === notCompressed ? message : wrap(message, this.#compressorId)
    if (wrapped instanceof Promise) wrapped.then((bytes) => this.#goOn(next, bytes), this.#onFailure)
    else this.#goOn(next, wrapped)
  }

  /** Sends a reply of the stream; the next one begins in a turn of its own, and not before the client reads. */
  #goOn(next: CommandMessage, reply: Uint8Array): void {
    if (this.#isClosed) return
    const dispatchNext = (): void => {
      if (!this.#isClosed) this.#dispatch(next)
    }
    if (this.#socket.write(reply)) setImmediate(dispatchNext)
    else this.#socket.once('drain', dispatchNext)
  }

  #answerCompressed(message: Uint8Array): void {
    const wrapped = wrap(message, this.#compressorId)
    if (wrapped instanceof Promise) {
      this.#running = true
      wrapped.then((bytes) => this.#finished(this.#isClosed || this.#socket.write(bytes)), this.#onFailure)
    } else {
      this.#finished(this.#socket.write(wrapped))
    }
  }

  #finished(roomLeft: boolean): void {
    this.#running = false
    this.#draining = !roomLeft
    this.#proceed()
  }
}

/** MongoDB's two answers to an OP_QUERY that is not a handshake: one for commands, one for the old find. */
function unsupportedQuery(collection: string, commandName: string): Uint8Array {
  const advice =
    'The client driver may require an upgrade. For more details see https://dochub.mongodb.org/core/legacy-opcode-removal'
  if (collection.endsWith('.$cmd')) {
    return errorDocument(
      new DatabaseError('UnsupportedOpQueryCommand', `Unsupported OP_QUERY command: ${commandName}. ${advice}`),
    )
  }
  const { code, message } = new DatabaseError(5739101, `OP_QUERY is no longer supported. ${advice}`)
  return buildDocument({ $err: message, code })
}
