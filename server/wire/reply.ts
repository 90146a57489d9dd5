/** Replies as wire messages, each one buffer. */
import type { DatabaseError } from '../../pkg/base/errors.ts'
import { buildDocument } from '../../pkg/bson/build.ts'
import { headerLength, opcode, readInt32, replyFlag, writeHeader, writeInt32 } from './protocol.ts'

/** Header, flags and section kind: what stands before the document of an OP_MSG. */
export const messagePrefixLength = headerLength + 5
const replyPrefixLength = headerLength + 20

let lastRequestId = 0

function nextRequestId(): number {
  lastRequestId = (lastRequestId + 1) | 0
  return lastRequestId
}

/**
 * Fills the first `messagePrefixLength` bytes of an OP_MSG whose one section is a document of `documentLength` bytes.
 * `flags`: of `messageFlag`.
 */
export function writeMessagePrefix(
  target: Uint8Array,
  documentLength: number,
  responseTo: number,
  flags: number,
): void {
  writeHeader(target, messagePrefixLength + documentLength, nextRequestId(), responseTo, opcode.message)
  writeInt32(target, headerLength, flags)
  target[headerLength + 4] = 0
}

export function messageReply(document: Uint8Array, responseTo: number, flags = 0): Uint8Array {
  const message = Buffer.allocUnsafe(messagePrefixLength + document.length)
  writeMessagePrefix(message, document.length, responseTo, flags)
  message.set(document, messagePrefixLength)
  return message
}

/** The id of a message that was made here. */
export function requestIdOf(message: Uint8Array): number {
  return readInt32(message, 4)
}

/** An OP_REPLY, for who asked by OP_QUERY. `flags`: of `replyFlag`. */
export function queryReply(document: Uint8Array, responseTo: number, flags: number): Uint8Array {
  const message = new Uint8Array(replyPrefixLength + document.length)
  writeHeader(message, message.length, nextRequestId(), responseTo, opcode.reply)
  writeInt32(message, headerLength, flags | replyFlag.awaitCapable)
  message[headerLength + 16] = 1
  message.set(document, replyPrefixLength)
  return message
}

/** The reply document for an error that the door itself found. */
export function errorDocument(error: DatabaseError): Uint8Array {
  return buildDocument({ ok: 0.0, errmsg: error.message, code: error.code, codeName: error.codeName })
}
