/**
 * The messages of a session stream, read and written without a schema: three times as fast as by one.
 *
 *   SessionRequest   1 commands: Command { 1 id, 2 body, 3 sequences { 1 name, 2 documents }, 4 lane, 5 batches }
 *                    2 cancellations: uint32   3 credits: Credit { 1 id, 2 batches }
 *   SessionResponse  1 replies: Reply { 1 id, 2 body, 3 more }
 */
import { DatabaseError } from '../../pkg/base/errors.ts'
import { documentSizeMaxInternal } from '../../pkg/base/limits.ts'
import { readUtf8 } from '../../pkg/bson/utf8.ts'
import { validateDocument } from '../../pkg/bson/validate.ts'
import { getField } from '../../pkg/bson/value.ts'
import type { Sequences } from '../../pkg/command/definition.ts'
import { bytesType, ProtobufReader, varintLength, writeVarint } from './protobuf.ts'

export interface SessionCommand {
  readonly id: number
  /** Where the body lies in the message; not validated. */
  readonly body: Uint8Array
  readonly sequences: readonly SessionSequence[]
  /** 0: none. */
  readonly lane: number
  /** 0: the client fetches the batches itself. */
  readonly batches: number
}

interface SessionSequence {
  readonly name: string
  readonly documents: readonly Uint8Array[]
}

/** What a session does with what comes in. */
export interface SessionEvents {
  command(command: SessionCommand): void
  cancel(id: number): void
  credit(id: number, batches: number): void
}

const inner = new ProtobufReader()
const innermost = new ProtobufReader()
const noBytes: Uint8Array = new Uint8Array(0)
const noList: readonly SessionSequence[] = []
const noSequences: Sequences = new Map()

/** One SessionRequest, read step by step: a message may hold very many commands. */
export class SessionRequestReader {
  readonly #reader: ProtobufReader
  /** Where the packed cancellations being read end. */
  #packedEnd = 0

  constructor(message: Uint8Array) {
    this.#reader = new ProtobufReader().reset(message, 0, message.length)
  }

  /** Reads the next part and says so to `events`; false at the end. Errors: ProtocolError. */
  step(events: SessionEvents): boolean {
    const reader = this.#reader
    if (reader.at < this.#packedEnd) {
      events.cancel(reader.uint32())
      if (reader.at > this.#packedEnd)
        throw new DatabaseError('ProtocolError', 'cancellations end in the middle of one')
      return true
    }
    if (!reader.next()) return false
    switch (reader.number) {
      case 1: {
        const start = reader.span()
        events.command(readCommand(reader.bytes, start, reader.at))
        return true
      }
      case 2:
        if (reader.type === bytesType) {
          const start = reader.span()
          this.#packedEnd = reader.at
          reader.at = start
        } else {
          events.cancel(reader.number32())
        }
        return true
      case 3: {
        const start = reader.span()
        readCredit(reader.bytes, start, reader.at, events)
        return true
      }
      default:
        reader.skip()
        return true
    }
  }
}

function readCommand(bytes: Uint8Array, start: number, end: number): SessionCommand {
  const reader = inner.reset(bytes, start, end)
  let id = 0
  let body = noBytes
  let sequences: SessionSequence[] | undefined
  let lane = 0
  let batches = 0
  while (reader.next()) {
    switch (reader.number) {
      case 1:
        id = reader.number32()
        break
      case 2: {
        const bodyStart = reader.span()
        body = bytes.subarray(bodyStart, reader.at)
        break
      }
      case 3: {
        const sequenceStart = reader.span()
        sequences ??= []
        sequences.push(readSequence(bytes, sequenceStart, reader.at))
        break
      }
      case 4:
        lane = reader.number32()
        break
      case 5:
        batches = reader.number32()
        break
      default:
        reader.skip()
    }
  }
  if (id === 0) throw new DatabaseError('ProtocolError', 'a command of a session needs an id other than 0')
  return { id, body, sequences: sequences ?? noList, lane, batches }
}

function readSequence(bytes: Uint8Array, start: number, end: number): SessionSequence {
  const reader = innermost.reset(bytes, start, end)
  const documents: Uint8Array[] = []
  let name = ''
  while (reader.next()) {
    if (reader.number > 2) {
      reader.skip()
      continue
    }
    const contentStart = reader.span()
    if (reader.number === 1) name = readUtf8(bytes, contentStart, reader.at)
    else documents.push(bytes.subarray(contentStart, reader.at))
  }
  return { name, documents }
}

function readCredit(bytes: Uint8Array, start: number, end: number, events: SessionEvents): void {
  const reader = inner.reset(bytes, start, end)
  let id = 0
  let batches = 0
  while (reader.next()) {
    if (reader.number === 1) id = reader.number32()
    else if (reader.number === 2) batches = reader.number32()
    else reader.skip()
  }
  events.credit(id, batches)
}

/** A command's documents beside its body, validated. Errors: InvalidBSON, BSONObjectTooLarge, and those of OP_MSG's sections. */
export function validatedSequences({ body, sequences }: SessionCommand): Sequences {
  validateDocument(body, 0, body.length, documentSizeMaxInternal)
  if (sequences.length === 0) return noSequences
  const byName = new Map<string, readonly Uint8Array[]>()
  for (const { name, documents } of sequences) {
    // The walk of a document trusts that what it looks for is a name.
    if (name === '' || name.includes('\0')) throw new DatabaseError('InvalidBSON', 'document sequence without a name')
    if (byName.has(name)) throw new DatabaseError(40431, `Duplicate document sequence: ${name}`)
    if (getField(body, name) !== undefined)
      throw new DatabaseError(40433, `Duplicate field between body and document sequence ${name}`)
    for (const document of documents) validateDocument(document, 0, document.length)
    byName.set(name, documents)
  }
  return byName
}

/** Replies on their way out, gathered for one message. */
export class SessionResponseWriter {
  readonly #ids: number[] = []
  readonly #bodies: Uint8Array[] = []
  readonly #more: boolean[] = []
  #first = 0
  #waitingBytes = 0

  get isEmpty(): boolean {
    return this.#first === this.#ids.length
  }

  /** Bytes of the replies that were added and not taken. */
  get waitingBytes(): number {
    return this.#waitingBytes
  }

  add(id: number, body: Uint8Array, more: boolean): void {
    this.#ids.push(id)
    this.#bodies.push(body)
    this.#more.push(more)
    this.#waitingBytes += body.length
  }

  /** A SessionResponse with the next replies: at least one, and no more than fit `bytesMax`. */
  take(bytesMax: number): Buffer {
    const first = this.#first
    let last = first
    let length = 0
    do {
      const inside = this.#replyLength(last)
      length += 1 + varintLength(inside) + inside
      last++
    } while (last < this.#ids.length && length + this.#bodies[last]!.length + 24 <= bytesMax)
    const message = Buffer.allocUnsafe(length)
    let at = 0
    for (let i = first; i < last; i++) at = this.#write(i, message, at)
    this.#first = last
    if (last === this.#ids.length) {
      this.#first = 0
      this.#ids.length = 0
      this.#bodies.length = 0
      this.#more.length = 0
    }
    return message
  }

  #replyLength(i: number): number {
    const bodyLength = this.#bodies[i]!.length
    return 1 + varintLength(this.#ids[i]!) + 1 + varintLength(bodyLength) + bodyLength + (this.#more[i] ? 2 : 0)
  }

  #write(i: number, message: Buffer, at: number): number {
    const body = this.#bodies[i]!
    message[at++] = (1 << 3) | bytesType
    at = writeVarint(message, at, this.#replyLength(i))
    message[at++] = 1 << 3
    at = writeVarint(message, at, this.#ids[i]!)
    message[at++] = (2 << 3) | bytesType
    at = writeVarint(message, at, body.length)
    message.set(body, at)
    at += body.length
    if (this.#more[i]) {
      message[at++] = 3 << 3
      message[at++] = 1
    }
    this.#waitingBytes -= body.length
    return at
  }
}
