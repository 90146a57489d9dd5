/** What of an array a projection shows: `$slice`, `$elemMatch`, positional `$`. */
import { DatabaseError } from '../../base/errors.ts'
import { bsonType } from '../../bson/type.ts'
import { ElementWalker, valueEnd } from '../../bson/walk.ts'
import { type BsonWriter, indexName } from '../../bson/writer.ts'
import { compileElementTest } from '../filter/compile.ts'
import { positionalIndex } from '../update/positional.ts'
import type { ElemMatchAction, PositionalAction, SliceAction } from './field-tree.ts'

/** Where the root document is, whose filter found it. */
export interface Root {
  readonly bytes: Uint8Array
  readonly start: number
}

/** Writes the part of the value at `start` as a field called `name`; it writes nothing where there is nothing to show. */
export type WritePart = (
  type: number,
  bytes: Uint8Array,
  start: number,
  name: string,
  root: Root,
  out: BsonWriter,
) => void

export function compilePart(action: SliceAction | ElemMatchAction | PositionalAction): WritePart {
  switch (action.kind) {
    case 'slice':
      return (type, bytes, start, name, _root, out) => {
        if (type === bsonType.array) writeSlice(action, bytes, start, name, out)
        else writeWhole(type, bytes, start, name, out)
      }
    case 'elemMatch': {
      const matches = compileElementTest(action.filter)
      return (type, bytes, start, name, _root, out) => {
        if (type !== bsonType.array) return
        const walker = new ElementWalker().reset(bytes, start)
        while (walker.next()) {
          if (!matches(walker.type, bytes, walker.valueStart)) continue
          writeOnly(walker, name, out)
          return
        }
      }
    }
    case 'positional':
      return (type, bytes, start, name, root, out) => {
        if (type === bsonType.array) writePositional(action, bytes, start, name, root, out)
        else writeWhole(type, bytes, start, name, out)
      }
  }
}

function writeWhole(type: number, bytes: Uint8Array, start: number, name: string, out: BsonWriter): void {
  out.head(type, name)
  out.append(bytes, start, valueEnd(bytes, type, start))
}

/** An array of the walker's element alone. */
function writeOnly(walker: ElementWalker, name: string, out: BsonWriter): void {
  out.beginArray(name)
  out.head(walker.type, '0')
  out.append(walker.bytes, walker.valueStart, walker.valueEnd)
  out.end()
}

function writeSlice(action: SliceAction, bytes: Uint8Array, start: number, name: string, out: BsonWriter): void {
  const walker = new ElementWalker().reset(bytes, start)
  let from = action.skip
  if (from < 0) {
    let length = 0
    while (walker.next()) length++
    walker.reset(bytes, start)
    from = Math.max(0, length + from)
  }
  const to = from + action.count
  out.beginArray(name)
  for (let i = 0; i < to && walker.next(); i++) {
    if (i < from) continue
    out.head(walker.type, indexName(i - from))
    out.append(bytes, walker.valueStart, walker.valueEnd)
  }
  out.end()
}

function writePositional(
  action: PositionalAction,
  bytes: Uint8Array,
  start: number,
  name: string,
  root: Root,
  out: BsonWriter,
): void {
  const index = positionalIndex(action.filter, root.bytes, root.start, action.collation)
  if (index === undefined) {
    throw new DatabaseError(
      51246,
      `Executor error during find command :: caused by :: positional operator '.$' couldn't find a matching element in the array`,
    )
  }
  const walker = new ElementWalker().reset(bytes, start)
  for (let i = 0; walker.next(); i++) {
    if (i < index) continue
    writeOnly(walker, name, out)
    return
  }
  throw new DatabaseError(
    51247,
    `Executor error during find command :: caused by :: positional operator '.$' element mismatch`,
  )
}
