/** `$bitsAllSet $bitsAnySet $bitsAllClear $bitsAnyClear`: bits of an integral number (two's complement) or of binary data. */

import { DatabaseError } from '../../../base/errors.ts'
import { bsonType } from '../../../bson/type.ts'
import { documentFields, isNumber, readInt32, type Value } from '../../../bson/value.ts'
import type { PathOperator, ValueTest } from '../operator.ts'
import type { BitsFilter } from '../tree.ts'
import { exactInt64 } from './integer.ts'

export const bitsOperators: readonly PathOperator[] = [
  bits('$bitsAllSet', 'allSet'),
  bits('$bitsAnySet', 'anySet'),
  bits('$bitsAllClear', 'allClear'),
  bits('$bitsAnyClear', 'anyClear'),
]

function bits(name: string, operator: BitsFilter['operator']): PathOperator {
  return {
    name,
    parse: (path, operand) => ({ kind: 'bits', path, operator, positions: parsePositions(name, operand) }),
  }
}

/** From an array of positions, a number whose set bits they are, or binary data whose set bits they are. */
function parsePositions(name: string, operand: Value): number[] {
  if (operand.type === bsonType.array) {
    const positions = new Set<number>()
    for (const element of documentFields(operand.bytes, operand.start)) positions.add(parsePosition(element))
    return [...positions].sort((a, b) => a - b)
  }
  if (isNumber(operand.type)) {
    const mask = exactInt64(operand)
    if (mask === undefined || mask < 0n) {
      const reason = mask === undefined ? 'Expected an integer' : 'Expected a non-negative number'
      throw new DatabaseError('FailedToParse', `${reason} in: ${name}`)
    }
    return setBits(64, (position) => ((mask >> BigInt(position)) & 1n) === 1n)
  }
  if (operand.type === bsonType.binary) {
    const length = readInt32(operand.bytes, operand.start)
    const first = operand.start + 5
    return setBits(length * 8, (position) => binaryBit(operand.bytes, first, position))
  }
  throw new DatabaseError('BadValue', `${name} takes an Array, a number, or a BinData but received: ${name}`)
}

function parsePosition(element: Value): number {
  if (!isNumber(element.type))
    throw new DatabaseError('BadValue', 'bit positions must be an integer but got: a value that is no number')
  const position = exactInt64(element)
  if (position === undefined || position > 2147483647n || position < -2147483648n) {
    throw new DatabaseError('BadValue', 'bit positions cannot be represented as a 32-bit signed integer')
  }
  if (position < 0n) throw new DatabaseError('BadValue', `bit positions must be >= 0 but got: ${position}`)
  return Number(position)
}

function setBits(count: number, isSet: (position: number) => boolean): number[] {
  const positions: number[] = []
  for (let position = 0; position < count; position++) if (isSet(position)) positions.push(position)
  return positions
}

function binaryBit(bytes: Uint8Array, first: number, position: number): boolean {
  return ((bytes[first + (position >>> 3)]! >>> (position & 7)) & 1) === 1
}

export function bitsTest(filter: BitsFilter): ValueTest {
  const { positions, operator } = filter
  const wanted = operator === 'allSet' || operator === 'anySet'
  const all = operator === 'allSet' || operator === 'allClear'
  return (type, bytes, start) => {
    if (type === bsonType.binary) {
      const length = readInt32(bytes, start) * 8
      const first = start + 5
      return decide((position) => position < length && binaryBit(bytes, first, position))
    }
    if (!isNumber(type)) return false
    const n = exactInt64({ type, bytes, start, end: start })
    if (n === undefined) return false
    // Two's complement goes on with the sign.
    return decide((position) => ((n >> BigInt(Math.min(position, 63))) & 1n) === 1n)
  }

  function decide(isSet: (position: number) => boolean): boolean {
    for (const position of positions) if ((isSet(position) === wanted) !== all) return !all
    return all
  }
}
