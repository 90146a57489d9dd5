/** `$size` */

import { DatabaseError } from '../../../base/errors.ts'
import { bsonType } from '../../../bson/type.ts'
import { isNumber } from '../../../bson/value.ts'
import { valueEnd } from '../../../bson/walk.ts'
import type { PathOperator, ValueTest } from '../operator.ts'
import type { SizeFilter } from '../tree.ts'
import { exactInt64 } from './integer.ts'

export const sizeOperator: PathOperator = {
  name: '$size',
  parse(path, operand): SizeFilter {
    if (!isNumber(operand.type)) throw refused('Expected a number')
    const size = exactInt64(operand)
    if (size === undefined) throw refused('Expected an integer')
    if (size < 0n) throw refused('Expected a non-negative number')
    if (size > 2147483647n) throw refused('Cannot represent as a 32-bit integer')
    return { kind: 'size', path, size: Number(size) }

    function refused(reason: string): DatabaseError {
      return new DatabaseError('BadValue', `Failed to parse $size. ${reason} in: ${path.text}`)
    }
  },
}

export function sizeTest(filter: SizeFilter): ValueTest {
  const { size } = filter
  return (type, bytes, start) => type === bsonType.array && hasElements(bytes, start, size)
}

/** Whether the array at `start` has exactly `count` elements. */
function hasElements(bytes: Uint8Array, start: number, count: number): boolean {
  let at = start + 4
  let seen = 0
  for (;;) {
    const type = bytes[at]!
    if (type === 0) return seen === count
    if (++seen > count) return false
    while (bytes[++at] !== 0);
    at = valueEnd(bytes, type, at + 1)
  }
}
