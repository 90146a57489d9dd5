/**
 * Checks that bytes from outside are BSON, so that everything behind it may walk them without looking.
 *
 * INVARIANTS of what passes
 *  (1) Every length is exact: a walk ends on each terminator and never leaves the document.
 *  (2) Names, strings, regular expressions and code are UTF-8; strings end with the NUL that their length counts.
 *  (3) Booleans are 0 or 1, types are known, nesting is at most `messageDepthMax`.
 * Not checked: that names differ, and that array elements are named 0, 1, 2 ... (their position counts).
 */
import { isUtf8 as isUtf8Native } from 'node:buffer'
import { DatabaseError } from '../base/errors.ts'
import { documentSizeMax, messageDepthMax } from '../base/limits.ts'
import { readInt32 } from './little-endian.ts'
import { bsonType } from './type.ts'
import { isUtf8 } from './utf8.ts'

/** From this length on Node's own check is the faster one. */
const longText = 96
/** For each document that is open around the current one: where its terminator lies. Used within one call only. */
const outerTerminators = new Int32Array(messageDepthMax)

/**
 * Throws InvalidBSON, naming what is wrong and where, unless the bytes from `start` to `end` are exactly one valid
 * document; BSONObjectTooLarge when they are more than `sizeMax`, Overflow when they nest too deep.
 */
export function validateDocument(bytes: Uint8Array, start: number, end: number, sizeMax = documentSizeMax): void {
  if (end - start > sizeMax) refuseSize(end - start, sizeMax)
  if (start < 0 || end > bytes.length) refuse('the document reaches beyond its buffer', 0)
  if (end - start < 5) refuse(`a document has at least 5 bytes, not ${end - start}`, 0)
  if (readInt32(bytes, start) !== end - start) refuse('the length does not agree with the bytes given', 0)
  if (bytes[end - 1] !== 0) refuse('the document does not end with a NUL', end - 1 - start)
  let depth = 0
  // The byte at `terminator` is known to be 0: no search for a NUL runs past it.
  let terminator = end - 1
  let at = start + 4
  for (;;) {
    if (at === terminator) {
      if (depth === 0) return
      at = terminator + 1
      terminator = outerTerminators[--depth]!
      continue
    }
    const elementStart = at
    const type = bytes[at++]!
    if (type === 0) refuse('the document ends before its length', elementStart - start)
    const nameStart = at
    let seen = 0
    for (let byte = bytes[at]!; byte !== 0; byte = bytes[++at]!) seen |= byte
    if (seen >= 0x80 && !isUtf8(bytes, nameStart, at)) refuse('a field name is not UTF-8', nameStart - start)
    if (at === terminator) refuse('a field name does not end', nameStart - start)
    at++
    const room = terminator - at
    switch (type) {
      case bsonType.int32:
        if (room < 4) refuseRoom(bytes, type, nameStart, start)
        at += 4
        break
      case bsonType.double:
      case bsonType.int64:
      case bsonType.date:
      case bsonType.timestamp:
        if (room < 8) refuseRoom(bytes, type, nameStart, start)
        at += 8
        break
      case bsonType.string:
      case bsonType.code:
      case bsonType.symbol:
        at = stringEnd(bytes, at, room, nameStart, start)
        break
      case bsonType.objectId:
        if (room < 12) refuseRoom(bytes, type, nameStart, start)
        at += 12
        break
      case bsonType.boolean:
        if (room < 1) refuseRoom(bytes, type, nameStart, start)
        if (bytes[at]! > 1) refuse(`a boolean is neither 0 nor 1${inField(bytes, nameStart)}`, at - start)
        at++
        break
      case bsonType.document:
      case bsonType.array:
      case bsonType.codeWithScope: {
        let documentStart = at
        let documentRoom = room
        if (type === bsonType.codeWithScope) {
          if (room < 14) refuseRoom(bytes, type, nameStart, start)
          const total = readInt32(bytes, at)
          if (total < 14 || total > room) refuseLength(bytes, nameStart, at - start)
          documentStart = stringEnd(bytes, at + 4, total - 4, nameStart, start)
          documentRoom = at + total - documentStart
        }
        if (documentRoom < 5) refuseRoom(bytes, type, nameStart, start)
        const length = readInt32(bytes, documentStart)
        if (length < 5 || length > documentRoom) refuseLength(bytes, nameStart, documentStart - start)
        if (type === bsonType.codeWithScope && length !== documentRoom) refuseLength(bytes, nameStart, at - start)
        const innerTerminator = documentStart + length - 1
        if (bytes[innerTerminator] !== 0) {
          refuse(`the document does not end with a NUL${inField(bytes, nameStart)}`, innerTerminator - start)
        }
        if (depth + 1 >= messageDepthMax) refuseDepth()
        outerTerminators[depth++] = terminator
        terminator = innerTerminator
        at = documentStart + 4
        break
      }
      case bsonType.null:
      case bsonType.undefined:
      case bsonType.minKey:
      case bsonType.maxKey:
        break
      case bsonType.binary: {
        if (room < 5) refuseRoom(bytes, type, nameStart, start)
        const length = readInt32(bytes, at)
        if (length < 0 || length > room - 5) refuseLength(bytes, nameStart, at - start)
        if (bytes[at + 4] === 2 && (length < 4 || readInt32(bytes, at + 5) !== length - 4)) {
          refuseLength(bytes, nameStart, at + 5 - start)
        }
        at += 5 + length
        break
      }
      case bsonType.decimal128:
        if (room < 16) refuseRoom(bytes, type, nameStart, start)
        at += 16
        break
      case bsonType.regex:
        at = cstringEnd(bytes, at, terminator, nameStart, start)
        at = cstringEnd(bytes, at, terminator, nameStart, start)
        break
      case bsonType.dbPointer:
        if (room < 17) refuseRoom(bytes, type, nameStart, start)
        at = stringEnd(bytes, at, room - 12, nameStart, start) + 12
        break
      default:
        refuse(`unknown type 0x${type.toString(16).padStart(2, '0')}${inField(bytes, nameStart)}`, elementStart - start)
    }
  }
}

/** Checks the string at `at`, which has `room` bytes, and returns where it ends. */
function stringEnd(bytes: Uint8Array, at: number, room: number, nameStart: number, start: number): number {
  if (room < 5) refuseRoom(bytes, bsonType.string, nameStart, start)
  const length = readInt32(bytes, at)
  if (length < 1 || length > room - 4) refuseLength(bytes, nameStart, at - start)
  const textStart = at + 4
  const textEnd = textStart + length - 1
  if (bytes[textEnd] !== 0) refuse(`a string does not end with a NUL${inField(bytes, nameStart)}`, textEnd - start)
  checkText(bytes, textStart, textEnd, nameStart, start)
  return textEnd + 1
}

function cstringEnd(bytes: Uint8Array, at: number, terminator: number, nameStart: number, start: number): number {
  const textStart = at
  while (at < terminator && bytes[at] !== 0) at++
  if (at >= terminator) refuse(`a regular expression does not end${inField(bytes, nameStart)}`, textStart - start)
  checkText(bytes, textStart, at, nameStart, start)
  return at + 1
}

function checkText(bytes: Uint8Array, textStart: number, textEnd: number, nameStart: number, start: number): void {
  if (textEnd - textStart >= longText) {
    if (isUtf8Native(bytes.subarray(textStart, textEnd))) return
  } else {
    let seen = 0
    for (let at = textStart; at < textEnd; at++) seen |= bytes[at]!
    if (seen < 0x80 || isUtf8(bytes, textStart, textEnd)) return
  }
  refuse(`text is not UTF-8${inField(bytes, nameStart)}`, textStart - start)
}

function refuseRoom(bytes: Uint8Array, type: number, nameStart: number, start: number): never {
  refuse(`no room for a value of type ${type}${inField(bytes, nameStart)}`, nameStart - start)
}

function refuseLength(bytes: Uint8Array, nameStart: number, offset: number): never {
  refuse(`a length does not fit${inField(bytes, nameStart)}`, offset)
}

function refuse(what: string, offset: number): never {
  throw new DatabaseError('InvalidBSON', `invalid BSON: ${what}, at byte ${offset}`)
}

/** The outermost document is not one of the levels that are told. */
function refuseDepth(): never {
  throw new DatabaseError('Overflow', `BSONObj exceeds maximum nested object depth: ${messageDepthMax - 1}`)
}

function refuseSize(size: number, sizeMax: number): never {
  throw new DatabaseError(
    'BSONObjectTooLarge',
    `BSONObj size: ${size} (0x${size.toString(16).toUpperCase()}) is invalid. Size must be between 0 and ${sizeMax}(${Math.floor(sizeMax / 1048576)}MB)`,
  )
}

const decoder = new TextDecoder()

function inField(bytes: Uint8Array, nameStart: number): string {
  const nameEnd = bytes.indexOf(0, nameStart)
  return ` in field '${decoder.decode(bytes.subarray(nameStart, Math.min(nameEnd, nameStart + 100)))}'`
}
