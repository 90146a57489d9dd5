/**
 * From a wire message to a command: OP_MSG, and OP_QUERY for the handshake of old drivers.
 *
 * What is wrong with a message comes in two kinds. `ProtocolError`: the two sides no longer agree on the protocol, so the
 * connection must be closed, as MongoDB does. Any other `DatabaseError` is about this one message: it is answered, and the
 * connection goes on.
 */
import { crc32c } from '../../pkg/base/crc32c.ts'
import { DatabaseError } from '../../pkg/base/errors.ts'
import { documentSizeMaxInternal } from '../../pkg/base/limits.ts'
import { validateDocument } from '../../pkg/bson/validate.ts'
import { ElementWalker, findField } from '../../pkg/bson/walk.ts'
import { BsonWriter } from '../../pkg/bson/writer.ts'
import type { CommandMessage } from '../../pkg/command/dispatch.ts'
import { headerLength, messageFlag, readInt32, readUint32, requiredFlags } from './protocol.ts'

const knownRequired = messageFlag.checksumPresent | messageFlag.moreToCome
const noSequences: ReadonlyMap<string, readonly Uint8Array[]> = new Map()
const walker = new ElementWalker()
const utf8 = new TextDecoder('utf-8', { fatal: true })

/** The command in an OP_MSG that lies in `bytes[start, end)`, header included. What is returned are views of `bytes`. */
export function parseMessage(bytes: Uint8Array, start: number, end: number): CommandMessage {
  const body = start + headerLength
  if (end - body < 5) throw new DatabaseError('ProtocolError', 'OP_MSG is too short to have a section')
  const flags = readUint32(bytes, body)
  if ((flags & requiredFlags & ~knownRequired) !== 0) {
    throw new DatabaseError(
      'ProtocolError',
      `Message contains illegal flags value: 0b${flags.toString(2).padStart(32, '0')}`,
    )
  }
  if ((flags & messageFlag.checksumPresent) !== 0) {
    end -= 4
    if (end < body + 4 || readUint32(bytes, end) !== crc32c(bytes, start, end)) {
      throw new DatabaseError('ProtocolError', 'OP_MSG checksum does not match contents')
    }
  }
  return parseSections(bytes, body + 4, end, (flags & messageFlag.moreToCome) === 0)
}

/** Whether the sender wants no answer, for a message that could not be parsed. */
export function wantsReply(bytes: Uint8Array, start: number, end: number): boolean {
  return end - start < headerLength + 4 || (readUint32(bytes, start + headerLength) & messageFlag.moreToCome) === 0
}

function parseSections(bytes: Uint8Array, at: number, end: number, replyExpected: boolean): CommandMessage {
  let body: Uint8Array | undefined
  let sequences: Map<string, readonly Uint8Array[]> | undefined
  while (at < end) {
    const kind = bytes[at++]!
    if (kind === 0) {
      if (body !== undefined) throw new DatabaseError(40430, 'Multiple body sections in message')
      const length = documentLength(bytes, at, end)
      // A command around a document of full size has some room of its own.
      validateDocument(bytes, at, at + length, documentSizeMaxInternal)
      body = bytes.subarray(at, at + length)
      at += length
    } else if (kind === 1) {
      sequences ??= new Map()
      at = parseSequence(bytes, at, end, sequences)
    } else {
      throw new DatabaseError(40432, `Unknown section kind: ${kind}`)
    }
  }
  if (body === undefined) throw new DatabaseError(40587, 'OP_MSG messages must have a body')
  if (sequences === undefined) return { body, sequences: noSequences, replyExpected }
  for (const name of sequences.keys()) {
    if (findField(walker, body, 0, Buffer.from(name))) {
      throw new DatabaseError(40433, `Duplicate field between body and document sequence ${name}`)
    }
  }
  return { body, sequences, replyExpected }
}

function parseSequence(
  bytes: Uint8Array,
  at: number,
  end: number,
  sequences: Map<string, readonly Uint8Array[]>,
): number {
  const size = end - at >= 4 ? readInt32(bytes, at) : 0
  const sequenceEnd = at + size
  if (size < 5 || sequenceEnd > end)
    throw new DatabaseError('InvalidBSON', `document sequence of ${size} bytes does not fit its message`)
  const nameEnd = bytes.indexOf(0, at + 4)
  if (nameEnd < 0 || nameEnd >= sequenceEnd) throw new DatabaseError('InvalidBSON', 'document sequence without a name')
  const name = decodeName(bytes.subarray(at + 4, nameEnd))
  if (sequences.has(name)) throw new DatabaseError(40431, `Duplicate document sequence: ${name}`)
  const documents: Uint8Array[] = []
  at = nameEnd + 1
  while (at < sequenceEnd) {
    const length = documentLength(bytes, at, sequenceEnd)
    // Whether one is too large to be stored is told where it would be stored.
    validateDocument(bytes, at, at + length, documentSizeMaxInternal)
    documents.push(bytes.subarray(at, at + length))
    at += length
  }
  sequences.set(name, documents)
  return sequenceEnd
}

function documentLength(bytes: Uint8Array, at: number, end: number): number {
  const length = end - at >= 5 ? readInt32(bytes, at) : -1
  if (length < 5 || length > end - at) {
    throw new DatabaseError(
      'InvalidBSON',
      `Invalid BSON: a document of ${length} bytes does not fit the ${end - at} bytes left of its message`,
    )
  }
  if (length > documentSizeMaxInternal) {
    throw new DatabaseError(
      'BSONObjectTooLarge',
      `BSONObj size: ${length} is invalid. Size must be between 0 and ${documentSizeMaxInternal}`,
    )
  }
  return length
}

function decodeName(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes)
  } catch (error) {
    throw new DatabaseError('InvalidBSON', `name of a document sequence is not UTF-8: ${String(error)}`)
  }
}

/** What an OP_QUERY asked: a command to run, or (for anything but the handshake) only the name it went by. */
export interface LegacyQuery {
  readonly collection: string
  /** First field of the query: the name of the command when `collection` ends in `.$cmd`. */
  readonly commandName: string
  readonly message: CommandMessage
}

/** An OP_QUERY in `bytes[start, end)`, header included. The command gets the `$db` that only later protocols carry inside. */
export function parseQuery(bytes: Uint8Array, start: number, end: number): LegacyQuery {
  const nameStart = start + headerLength + 4
  const nameEnd = bytes.indexOf(0, nameStart)
  if (nameEnd < 0 || nameEnd + 9 >= end) throw new DatabaseError('ProtocolError', 'OP_QUERY is cut short')
  const collection = decodeName(bytes.subarray(nameStart, nameEnd))
  const documentStart = nameEnd + 9
  const length = documentLength(bytes, documentStart, end)
  validateDocument(bytes, documentStart, documentStart + length)
  const fieldNameEnd = length > 5 ? bytes.indexOf(0, documentStart + 5) : documentStart + 4
  const commandName = length > 5 ? decodeName(bytes.subarray(documentStart + 5, fieldNameEnd)) : ''
  const writer = new BsonWriter()
  writer.beginDocument()
  writer.raw(bytes, documentStart + 4, documentStart + length - 1)
  writer.string('$db', collection.slice(0, Math.max(0, collection.indexOf('.'))))
  writer.end()
  return { collection, commandName, message: { body: writer.finish(), sequences: noSequences, replyExpected: true } }
}
