/**
 * FindOne by `_id` and nothing else, which most calls of most programs are: answered from the request's bytes to the response's, in
 * one turn and without a command. Everything else takes the long way.
 */

import { readUtf8 } from '../../pkg/bson/utf8.ts'
import { validateDocument } from '../../pkg/bson/validate.ts'
import { readById } from '../../pkg/command/by-id.ts'
import type { Database } from '../../pkg/command/dispatch.ts'
import type { RecordRef } from '../../pkg/engine/collection.ts'
import { bytesType, ProtobufReader, varintLength, writeVarint } from './protobuf.ts'

const reader = new ProtobufReader()
const none: Uint8Array = new Uint8Array(0)
const found: RecordRef = { bytes: none, start: 0, end: 0 }
const nothingFound = Buffer.alloc(0)

/**
 * The FindOneResponse to a FindOneRequest, or undefined when it must be found the long way.
 * Errors: ProtocolError, InvalidBSON; ShutdownInProgress.
 */
export function quickFindOne(request: Buffer, database: Database): Buffer | undefined {
  if (database.failCommand.isOn || database.parameters.requireApiVersion) return undefined
  const bytes = new Uint8Array(request.buffer, request.byteOffset, request.length)
  reader.reset(bytes, 0, bytes.length)
  let databaseName = ''
  let collectionName = ''
  let filter = none
  while (reader.next()) {
    if (reader.number > 3) return undefined
    const start = reader.span()
    if (reader.number === 1) databaseName = readUtf8(bytes, start, reader.at)
    else if (reader.number === 2) collectionName = readUtf8(bytes, start, reader.at)
    else filter = bytes.subarray(start, reader.at)
  }
  if (filter.length === 0) return undefined
  validateDocument(filter, 0, filter.length)
  const isFound = readById(database, databaseName, collectionName, filter, found)
  if (isFound === undefined) return undefined
  return isFound ? responseOf(found) : nothingFound
}

/** FindOneResponse { 1 document }. */
function responseOf({ bytes, start, end }: RecordRef): Buffer {
  const length = end - start
  const headLength = 1 + varintLength(length)
  const response = Buffer.allocUnsafe(headLength + length)
  response[0] = (1 << 3) | bytesType
  writeVarint(response, 1, length)
  response.set(bytes.subarray(start, end), headLength)
  return response
}
