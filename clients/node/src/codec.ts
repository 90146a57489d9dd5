/**
 * The messages of the Session stream (proto/lauradb/v1/command_service.proto), by hand: they are few and must be fast.
 *
 *   SessionRequest   1 commands: Command { 1 id, 2 body, 3 sequences { 1 name, 2 documents }, 4 lane, 5 batches }
 *                    2 cancellations: uint32   3 credits: Credit { 1 id, 2 batches }
 *   SessionResponse  1 replies: Reply { 1 id, 2 body, 3 more }
 */
import { LauraNetworkError } from './errors.ts'

/** Documents beside a command's body. */
export interface Sequence {
  /** The field of the command that they are. */
  readonly name: string
  readonly documents: readonly Uint8Array[]
}

export interface OutgoingCommand {
  readonly id: number
  readonly body: Uint8Array
  readonly sequence: Sequence | undefined
  readonly lane: number
  readonly batches: number
}

const delimited = 2

function varintBytes(value: number): number {
  let count = 1
  for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 128)) count++
  return count
}

/** A message that grows. */
export class RequestWriter {
  #bytes = Buffer.allocUnsafe(4096)
  #length = 0

  get length(): number {
    return this.#length
  }

  command({ id, body, sequence, lane, batches }: OutgoingCommand): void {
    const name = sequence === undefined ? undefined : Buffer.from(sequence.name)
    const sequenceBytes = name === undefined ? 0 : lengthOfSequence(name, sequence!.documents)
    const size =
      lengthOfNumber(id) +
      lengthOfBytes(body.length) +
      (name === undefined ? 0 : lengthOfBytes(sequenceBytes)) +
      lengthOfNumber(lane) +
      lengthOfNumber(batches)
    this.#room(size + 6)
    this.#head(1, size)
    this.#number(1, id)
    this.#content(2, body)
    if (name !== undefined) {
      this.#head(3, sequenceBytes)
      this.#content(1, name)
      for (const document of sequence!.documents) this.#content(2, document)
    }
    this.#number(4, lane)
    this.#number(5, batches)
  }

  cancellation(id: number): void {
    this.#room(8)
    this.#number(2, id)
  }

  credit(id: number, batches: number): void {
    this.#room(16)
    this.#head(3, lengthOfNumber(id) + lengthOfNumber(batches))
    this.#number(1, id)
    this.#number(2, batches)
  }

  /** The message; the writer is empty again. */
  take(): Buffer {
    const message = Buffer.from(this.#bytes.subarray(0, this.#length))
    this.#length = 0
    return message
  }

  #room(count: number): void {
    if (this.#length + count <= this.#bytes.length) return
    const larger = Buffer.allocUnsafe(Math.max(this.#bytes.length * 2, this.#length + count))
    this.#bytes.copy(larger, 0, 0, this.#length)
    this.#bytes = larger
  }

  #varint(value: number): void {
    while (value >= 0x80) {
      this.#bytes[this.#length++] = (value & 0x7f) | 0x80
      value = Math.floor(value / 128)
    }
    this.#bytes[this.#length++] = value
  }

  #head(field: number, length: number): void {
    this.#varint((field << 3) | delimited)
    this.#varint(length)
  }

  #content(field: number, content: Uint8Array): void {
    this.#head(field, content.length)
    this.#bytes.set(content, this.#length)
    this.#length += content.length
  }

  /** 0 is what a field that is not there stands for. */
  #number(field: number, value: number): void {
    if (value === 0) return
    this.#varint(field << 3)
    this.#varint(value)
  }
}

function lengthOfNumber(value: number): number {
  return value === 0 ? 0 : 1 + varintBytes(value)
}

function lengthOfBytes(length: number): number {
  return 1 + varintBytes(length) + length
}

function lengthOfSequence(name: Uint8Array, documents: readonly Uint8Array[]): number {
  return documents.reduce((sum, document) => sum + lengthOfBytes(document.length), lengthOfBytes(name.length))
}

/** Calls `take` for every reply of a SessionResponse. */
export function readReplies(message: Buffer, take: (id: number, body: Buffer, more: boolean) => void): void {
  const reader = new Reader(message, message.length)
  while (reader.at < message.length) {
    if (reader.tag() !== ((1 << 3) | delimited)) {
      reader.skip()
      continue
    }
    const end = reader.spanEnd()
    const reply = new Reader(message, end, reader.at)
    reader.at = end
    let id = 0
    let body = message.subarray(0, 0)
    let more = false
    while (reply.at < end) {
      switch (reply.tag()) {
        case 1 << 3:
          id = reply.varint()
          break
        case (2 << 3) | delimited: {
          const bodyEnd = reply.spanEnd()
          body = message.subarray(reply.at, bodyEnd)
          reply.at = bodyEnd
          break
        }
        case 3 << 3:
          more = reply.varint() !== 0
          break
        default:
          reply.skip()
      }
    }
    take(id, body, more)
  }
}

class Reader {
  readonly #bytes: Uint8Array
  readonly #end: number
  at: number
  #tag = 0

  constructor(bytes: Uint8Array, end: number, at = 0) {
    this.#bytes = bytes
    this.#end = end
    this.at = at
  }

  tag(): number {
    this.#tag = this.varint()
    return this.#tag
  }

  varint(): number {
    let value = 0
    for (let factor = 1; ; factor *= 128) {
      if (this.at >= this.#end || factor > 2 ** 63) throw new LauraNetworkError('the server sent what is no message')
      const byte = this.#bytes[this.at++]!
      value += (byte & 0x7f) * factor
      if (byte < 0x80) return value
    }
  }

  /** Where the value behind a length ends. */
  spanEnd(): number {
    const length = this.varint()
    if (length > this.#end - this.at) throw new LauraNetworkError('the server sent what is no message')
    return this.at + length
  }

  /** Moves behind a field that a later version of the server may send. */
  skip(): void {
    const type = this.#tag & 7
    if (type === 0) this.varint()
    else if (type === delimited) this.at = this.spanEnd()
    else this.at += type === 1 ? 8 : 4
  }
}
