/** Replies as wire messages, each one buffer. */
import type { DatabaseError } from '../../pkg/base/errors.ts'
import { buildDocument } from '../../pkg/bson/build.ts'
import { headerLength, opcode, replyFlag, writeHeader, writeInt32 } from './protocol.ts'

/** Header, flags and section kind: what stands before the document of an OP_MSG. */
export const messagePrefixLength = headerLength + 5
const replyPrefixLength = headerLength + 20

let lastRequestId = 0

function nextRequestId(): number {
  lastRequestId = (lastRequestId + 1) | 0
  return lastRequestId
}

/** Fills the first `messagePrefixLength` bytes of an OP_MSG whose one section is a document of `documentLength` bytes. */
export function writeMessagePrefix(target: Uint8Array, documentLength: number, responseTo: number): void {
  writeHeader(target, messagePrefixLength + documentLength, nextRequestId(), responseTo, opcode.message)
  writeInt32(target, headerLength, 0)
  target[headerLength + 4] = 0
}

export function messageReply(document: Uint8Array, responseTo: number): Uint8Array {
  const message = Buffer.allocUnsafe(messagePrefixLength + document.length)
  writeMessagePrefix(message, document.length, responseTo)
  message.set(document, messagePrefixLength)
  return message
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
