/**
 * The MongoDB wire protocol's numbers. All integers little endian.
 *
 *   header      int32 messageLength (header included) | int32 requestID | int32 responseTo | int32 opCode
 *   OP_MSG      uint32 flagBits | sections | [uint32 CRC-32C of all before it]
 *     kind 0    byte 0 | document                                   exactly once: the command
 *     kind 1    byte 1 | int32 size (itself included) | cstring identifier | documents
 *   OP_COMPRESSED  int32 originalOpcode | int32 uncompressedSize (without header) | uint8 compressorId | bytes
 *   OP_QUERY    int32 flags | cstring collection | int32 skip | int32 return | document | [document]
 *   OP_REPLY    int32 flags | int64 cursorID | int32 startingFrom | int32 numberReturned | documents
 *
 * Source: https://www.mongodb.com/docs/manual/reference/mongodb-wire-protocol/
 */
export const headerLength = 16

export const opcode = {
  reply: 1,
  update: 2001,
  insert: 2002,
  query: 2004,
  getMore: 2005,
  delete: 2006,
  killCursors: 2007,
  compressed: 2012,
  message: 2013,
} as const

export function isOpcode(code: number): boolean {
  return code === 1 || (code >= 2001 && code <= 2013)
}

export const messageFlag = {
  checksumPresent: 1,
  moreToCome: 2,
  exhaustAllowed: 1 << 16,
} as const

/** A receiver must refuse a message with a flag among the low 16 bits that it does not know. */
export const requiredFlags = 0xffff

export const replyFlag = { queryFailure: 2, awaitCapable: 8 } as const

export function readUint32(bytes: Uint8Array, at: number): number {
  return (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> 0
}

export function readInt32(bytes: Uint8Array, at: number): number {
  return bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)
}

export function writeInt32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value
  bytes[at + 1] = value >>> 8
  bytes[at + 2] = value >>> 16
  bytes[at + 3] = value >>> 24
}

export function writeHeader(
  bytes: Uint8Array,
  length: number,
  requestId: number,
  responseTo: number,
  code: number,
): void {
  writeInt32(bytes, 0, length)
  writeInt32(bytes, 4, requestId)
  writeInt32(bytes, 8, responseTo)
  writeInt32(bytes, 12, code)
}
