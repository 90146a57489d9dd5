/**
 * A session stream: many commands at once on one stream, each answered under its id.
 *
 *   message in ── reader ── command ──> lane free? ── dispatch ──> reply ── writer ──> message out
 *                   |                      `- no: waits in its lane      (replies of one turn share a message)
 *                   `- cancel, credit
 *
 *   a command with `batches` whose reply opens a cursor:
 *   fetching ── batch ──> credit left? ──> fetching ... cursor ends ──> answered
 *                            `- no: resting ── credit ──> fetching;  cancel ──> cursor killed, answered
 *
 * INVARIANTS
 *  (1) Every command gets replies with `more` and then exactly one without, also one that was cancelled.
 *  (2) While `underWayMax` commands are unanswered, or `waitingBytesMax` of replies are not taken by the client, nothing more
 *      is read; what was read stays where it is.
 *  (3) One turn of the event loop works `sliceMs` on what came in, and not much longer.
 *  (4) When the stream ends its operations are interrupted and its cursors closed.
 */
import type { ServerDuplexStream } from '@grpc/grpc-js'
import { DatabaseError } from '../../pkg/base/errors.ts'
import { ConnectionContext } from '../../pkg/command/context.ts'
import { errorDocument } from '../wire/reply.ts'
import { type CallHost, clientGone } from './call.ts'
import { CommandWriter } from './command-writer.ts'
import { collectionOf, cursorIn } from './reply-fields.ts'
import {
  type SessionCommand,
  SessionRequestReader,
  SessionResponseWriter,
  validatedSequences,
} from './session-codec.ts'
import { failureOf, isFailure } from './status.ts'
import { messageOf } from './unary.ts'

type SessionCall = ServerDuplexStream<Buffer, Buffer>

const underWayMax = 1024
const waitingBytesMax = 4 << 20
const messageBytesMax = 1 << 20
const sliceMs = 5
/** Commands between two looks at the clock. */
const commandsPerLook = 16

const writer = new CommandWriter()
const noOptions = new Uint8Array(0)

/** A command that was not answered in the turn it came in. */
interface Running {
  readonly command: SessionCommand
  /** What is being carried out for it now: the command, or a getMore; undefined while it waits for its lane or for credit. */
  body: Uint8Array | undefined
  /** Batches that may still be sent. */
  credit: number
  /** The cursor that is fetched from, between two batches. */
  cursor: { readonly id: bigint; readonly collection: string; readonly databaseName: string } | undefined
  cancelled: boolean
}

export class SessionStream {
  readonly #host: CallHost
  readonly #call: SessionCall
  readonly #context: ConnectionContext
  readonly #onEnd: () => void
  readonly #out = new SessionResponseWriter()
  readonly #running = new Map<number, Running>()
  /** The commands that wait behind the one at work, by lane. */
  readonly #lanes = new Map<number, Running[]>()
  readonly #unread: SessionRequestReader[] = []
  #flushing = false
  #writing = false
  #working = false
  #paused = false
  #inputEnded = false
  #ending = false
  #closed = false

  /** `onEnd`: called once, when the stream is over. */
  constructor(host: CallHost, call: SessionCall, onEnd: () => void) {
    this.#host = host
    this.#call = call
    this.#onEnd = onEnd
    this.#context = new ConnectionContext({ connectionId: host.nextConnectionId(), remoteAddress: call.getPeer() })
    this.#context.drop = () => this.#fail(new DatabaseError('HostUnreachable', 'the connection was closed'))
    host.database.connect(this.#context)
    call.on('data', this.#onMessage)
    call.on('end', this.#onInputEnd)
    call.on('cancelled', this.#close)
    call.on('error', this.#close)
    call.on('close', this.#close)
  }

  /** Answers what is under way, then ends the stream so that the client goes elsewhere. */
  end(): void {
    this.#ending = true
    this.#unread.length = 0
    for (const running of this.#running.values()) if (running.command.batches > 0) this.#cancel(running)
    this.#endWhenDone()
  }

  readonly #onMessage = (message: Buffer): void => {
    if (this.#ending || this.#closed) return
    // A plain Uint8Array, as everywhere in the engine, so that its hot functions see one kind of array.
    const bytes = new Uint8Array(message.buffer, message.byteOffset, message.length)
    this.#unread.push(new SessionRequestReader(bytes))
    if (!this.#working) this.#work()
  }

  /** Carries out what was read, until the slice is over or there is enough under way. */
  readonly #work = (): void => {
    this.#working = false
    const startedMs = performance.now()
    let steps = 0
    try {
      while (this.#unread.length > 0 && !this.#closed) {
        if (this.#isFull()) break
        if (++steps % commandsPerLook === 0 && performance.now() - startedMs >= sliceMs) {
          this.#working = true
          setImmediate(this.#work)
          break
        }
        if (!this.#unread[0]!.step(this)) this.#unread.shift()
      }
    } catch (error) {
      if (!(error instanceof DatabaseError)) this.#host.failed(error)
      this.#fail(error instanceof DatabaseError ? error : new DatabaseError('InternalError', 'internal error'))
      return
    }
    this.#readOnOrWait()
  }

  #isFull(): boolean {
    return this.#running.size >= underWayMax || this.#out.waitingBytes >= waitingBytesMax
  }

  #readOnOrWait(): void {
    if (this.#closed) return
    if (this.#unread.length > 0) {
      if (this.#paused) return
      this.#paused = true
      this.#call.pause()
    } else if (this.#paused) {
      this.#paused = false
      this.#call.resume()
    }
    this.#endWhenDone()
  }

  /** There may be room again for what was read. */
  #proceed(): void {
    if (this.#working || this.#closed || (this.#unread.length === 0 && !this.#paused)) {
      this.#endWhenDone()
      return
    }
    this.#working = true
    setImmediate(this.#work)
  }

  // What the reader finds: SessionEvents.

  command(command: SessionCommand): void {
    const { id, lane } = command
    if (this.#running.has(id))
      throw new DatabaseError('ProtocolError', `the id ${id} is that of a command that is not answered yet`)
    if (lane === 0 && command.batches === 0) {
      this.#startPlain(command)
      return
    }
    const running: Running = { command, body: undefined, credit: command.batches, cursor: undefined, cancelled: false }
    this.#running.set(id, running)
    if (lane !== 0) {
      const waiting = this.#lanes.get(lane)
      if (waiting !== undefined) {
        waiting.push(running)
        return
      }
      this.#lanes.set(lane, [])
    }
    this.#start(running)
  }

  cancel(id: number): void {
    const running = this.#running.get(id)
    if (running !== undefined) this.#cancel(running)
  }

  credit(id: number, batches: number): void {
    const running = this.#running.get(id)
    if (running === undefined) return
    running.credit = Math.min(running.credit + batches, 0xffffffff)
    if (running.cursor !== undefined && running.body === undefined) this.#fetch(running)
  }

  /** A command that is answered once and waits for nobody: nothing is kept of one that is answered at once. */
  #startPlain(command: SessionCommand): void {
    const reply = this.#dispatch(command)
    if (reply instanceof Promise) {
      const running: Running = { command, body: command.body, credit: 0, cursor: undefined, cancelled: false }
      this.#running.set(command.id, running)
      this.#whenAnswered(running, reply)
    } else {
      this.#send(command.id, reply, false)
    }
  }

  #dispatch(command: SessionCommand): Uint8Array | Promise<Uint8Array> {
    try {
      const sequences = validatedSequences(command)
      return this.#host.database.dispatch(this.#context, { body: command.body, sequences, replyExpected: true })
    } catch (error) {
      if (!(error instanceof DatabaseError)) throw error
      return errorDocument(error)
    }
  }

  #start(running: Running): void {
    if (running.cancelled) {
      this.#answer(running, errorDocument(interrupted()))
      return
    }
    running.body = running.command.body
    const reply = this.#dispatch(running.command)
    if (reply instanceof Promise) this.#whenAnswered(running, reply)
    else this.#onReply(running, reply)
  }

  #whenAnswered(running: Running, reply: Promise<Uint8Array>): void {
    reply
      .then((document) => {
        if (!this.#closed) this.#onReply(running, document)
        else this.#running.delete(running.command.id)
      })
      .catch((error: unknown) => this.#host.failed(error))
  }

  #onReply(running: Running, reply: Uint8Array): void {
    running.body = undefined
    const { command } = running
    if (command.batches === 0 || isFailure(reply)) {
      this.#answer(running, reply)
      return
    }
    const cursor = cursorIn(reply)
    if (cursor === undefined || cursor.id === 0n) {
      this.#answer(running, reply)
      return
    }
    const namespace = cursor.namespace!
    const collection = collectionOf(namespace)
    running.cursor = { id: cursor.id, collection, databaseName: namespace.slice(0, -collection.length - 1) }
    // A tailable cursor says every second that there is nothing: the client need not hear it.
    const isEmpty = cursor.batch.end - cursor.batch.start <= 5 && cursor.resumeToken === undefined
    if (!isEmpty) {
      running.credit--
      this.#send(command.id, reply, true)
    }
    if (running.cancelled) this.#killCursor(running)
    else this.#fetch(running)
  }

  /** Fetches the next batch when the client has room for it and what was sent has been taken. */
  #fetch(running: Running): void {
    const { cursor } = running
    if (cursor === undefined) return
    if (running.credit <= 0) {
      // Nobody can give more.
      if (this.#inputEnded && this.#unread.length === 0) this.#killCursor(running)
      return
    }
    if (this.#out.waitingBytes >= waitingBytesMax) return
    writer
      .beginLong('getMore', cursor.id, cursor.databaseName)
      .string('collection', cursor.collection)
      .batchSizeOf(running.command.body)
      .sessionOf(running.command.body)
    const body = writer.finish(noOptions)
    running.body = body
    const reply = this.#host.database.dispatch(this.#context, messageOf(body))
    // In a turn of its own: a long result must not keep the others from being read.
    if (reply instanceof Promise) this.#whenAnswered(running, reply)
    else setImmediate(() => (this.#closed ? undefined : this.#onReply(running, reply)))
  }

  #cancel(running: Running): void {
    running.cancelled = true
    const { body } = running
    if (body !== undefined) this.#host.database.killOperations((operation) => operation.body === body, interrupted())
    else if (running.cursor !== undefined) this.#killCursor(running)
  }

  #killCursor(running: Running): void {
    const cursor = this.#host.database.cursors.get(running.cursor!.id)
    if (cursor !== undefined) this.#host.database.cursors.kill(cursor)
    running.cursor = undefined
    this.#answer(running, errorDocument(interrupted()))
  }

  /** The last reply to a command; the next one of its lane starts. */
  #answer(running: Running, reply: Uint8Array): void {
    const { id, lane } = running.command
    this.#running.delete(id)
    this.#send(id, reply, false)
    if (lane !== 0) {
      const waiting = this.#lanes.get(lane)!
      const next = waiting.shift()
      if (next === undefined) this.#lanes.delete(lane)
      // Not in this turn: a lane may be long.
      else setImmediate(() => (this.#closed ? undefined : this.#start(next)))
    }
    this.#proceed()
  }

  #send(id: number, reply: Uint8Array, more: boolean): void {
    if (this.#closed) return
    this.#out.add(id, reply, more)
    if (this.#flushing || this.#writing) return
    this.#flushing = true
    setImmediate(this.#flush)
  }

  readonly #flush = (): void => {
    this.#flushing = false
    if (this.#closed || this.#out.isEmpty) return
    this.#writing = true
    this.#call.write(this.#out.take(messageBytesMax), this.#onWritten)
  }

  readonly #onWritten = (): void => {
    this.#writing = false
    if (this.#closed) return
    if (!this.#out.isEmpty) this.#flush()
    if (this.#out.waitingBytes < waitingBytesMax)
      for (const running of this.#running.values())
        if (running.cursor !== undefined && running.body === undefined) this.#fetch(running)
    this.#proceed()
  }

  readonly #onInputEnd = (): void => {
    this.#inputEnded = true
    for (const running of this.#running.values())
      if (running.cursor !== undefined && running.body === undefined) this.#fetch(running)
    this.#endWhenDone()
  }

  #endWhenDone(): void {
    if (this.#closed || this.#running.size > 0 || this.#unread.length > 0 || !this.#out.isEmpty || this.#writing) return
    if (this.#ending) this.#fail(new DatabaseError('ShutdownInProgress', 'the server is shutting down'))
    else if (this.#inputEnded) this.#call.end()
  }

  /** Ends the stream by an error. */
  #fail(error: DatabaseError): void {
    if (!this.#closed) this.#call.emit('error', failureOf(error))
  }

  readonly #close = (): void => {
    if (this.#closed) return
    this.#closed = true
    this.#unread.length = 0
    const { database } = this.#host
    database.killOperations((operation) => operation.context === this.#context, clientGone())
    this.#context.close()
    database.cursors.killWhere((cursor) => cursor.connectionId === this.#context.connectionId)
    this.#onEnd()
  }
}

function interrupted(): DatabaseError {
  return new DatabaseError('Interrupted', 'operation was interrupted')
}
