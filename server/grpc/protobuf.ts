/**
 * Protobuf's encoding, as far as the messages need it that are read and written without a schema: those of the session stream,
 * where time counts, and the details of errors. https://protobuf.dev/programming-guides/encoding
 */
import { DatabaseError } from '../../pkg/base/errors.ts'
import { utf8Bytes } from '../../pkg/bson/utf8.ts'

export const varintType = 0
export const bytesType = 2

/** Walks the fields of one message. Everything that does not fit its bytes is an InvalidLength or a ProtocolError. */
export class ProtobufReader {
  bytes: Uint8Array = new Uint8Array(0)
  at = 0
  end = 0
  /** Of the field that `next` found. */
  number = 0
  type = 0

  /** Reads the message that lies in `bytes[start, end)`. */
  reset(bytes: Uint8Array, start: number, end: number): this {
    this.bytes = bytes
    this.at = start
    this.end = end
    return this
  }

  /** Moves to the next field; its value must be read or skipped. False at the end. */
  next(): boolean {
    if (this.at === this.end) return false
    const tag = this.uint32()
    this.number = tag >>> 3
    this.type = tag & 7
    if (this.number === 0) refuse('a field has the number 0')
    return true
  }

  /** A varint's lower 32 bits. */
  uint32(): number {
    const { bytes, end } = this
    let { at } = this
    if (at >= end) refuseEnd()
    let byte = bytes[at++]!
    let value = byte & 0x7f
    if (byte >= 0x80) {
      let shift = 7
      do {
        if (at >= end) refuseEnd()
        if (shift > 63) refuse('a varint has more than ten bytes')
        byte = bytes[at++]!
        if (shift < 32) value |= (byte & 0x7f) << shift
        shift += 7
      } while (byte >= 0x80)
    }
    this.at = at
    return value >>> 0
  }

  /** Moves behind a length-delimited value and returns where it begins; it ends at `at`. */
  span(): number {
    if (this.type !== bytesType) refuse(`field ${this.number} has wire type ${this.type}`)
    const length = this.uint32()
    const start = this.at
    if (length > this.end - start) refuseEnd()
    this.at = start + length
    return start
  }

  /** The number of a varint field. */
  number32(): number {
    if (this.type !== varintType) refuse(`field ${this.number} has wire type ${this.type}`)
    return this.uint32()
  }

  /** Moves behind a value that nobody wants. */
  skip(): void {
    if (this.type === varintType) this.uint32()
    else if (this.type === bytesType) this.span()
    else if (this.type === 1) this.#advance(8)
    else if (this.type === 5) this.#advance(4)
    else refuse(`field ${this.number} has wire type ${this.type}`)
  }

  #advance(count: number): void {
    if (count > this.end - this.at) refuseEnd()
    this.at += count
  }
}

function refuseEnd(): never {
  return refuse('it ends in the middle of a field')
}

function refuse(what: string): never {
  throw new DatabaseError('ProtocolError', `not a valid protobuf message: ${what}`)
}

/** Bytes that a varint of 32 bits takes. */
export function varintLength(value: number): number {
  return value < 0x80 ? 1 : value < 0x4000 ? 2 : value < 0x200000 ? 3 : value < 0x10000000 ? 4 : 5
}

/** Writes a varint of 32 bits and returns the offset behind it. */
export function writeVarint(target: Uint8Array, at: number, value: number): number {
  while (value >= 0x80) {
    target[at++] = (value & 0x7f) | 0x80
    value >>>= 7
  }
  target[at++] = value
  return at
}

/** A length-delimited field. */
export function bytesField(number: number, content: string | Uint8Array): Uint8Array {
  const bytes = typeof content === 'string' ? utf8Bytes(content) : content
  const tag = (number << 3) | bytesType
  const field = new Uint8Array(varintLength(tag) + varintLength(bytes.length) + bytes.length)
  const at = writeVarint(field, 0, tag)
  field.set(bytes, writeVarint(field, at, bytes.length))
  return field
}

/** A field of a number from 0 to 2^32-1. */
export function numberField(number: number, value: number): Uint8Array {
  const field = new Uint8Array(varintLength(number << 3) + varintLength(value))
  writeVarint(field, writeVarint(field, 0, number << 3), value)
  return field
}
