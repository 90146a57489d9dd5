/**
 * What a pipeline did to a document, told by comparing the two: the smallest description by fields that are set, removed, or changed
 * inside. A difference that would take more room than the document itself is none: the document counts as replaced.
 */
import { bsonType } from '../../bson/type.ts'
import type { Value } from '../../bson/value.ts'
import { ElementWalker } from '../../bson/walk.ts'
import type { BsonWriter } from '../../bson/writer.ts'
import type { ChangeDescriber } from '../../engine/change-notes.ts'
import { type DescribedPart, UpdateDescription } from './description.ts'

/** Bytes that MongoDB's log entry takes for a difference beside the difference itself. */
const entryOverhead = 24

const description = new UpdateDescription()

/** Writes the description (see `ChangeDescriber`), unless replacing the document is no longer than that: false then. */
function describeByComparing(before: Uint8Array, start: number, after: Uint8Array, out: BsonWriter): boolean {
  const difference = differenceOfDocuments(before, start, after, 0)
  if (difference.sizeBytes + entryOverhead >= after.length) return false
  show(difference, description.reset())
  description.writeTo(out)
  return true
}

/** For changes of which nothing but their result is known. */
export const byComparing: ChangeDescriber = { describe: describeByComparing }

/** Shows what differs between two values of one type, documents or arrays, at the path of `into`. */
export function describeDifference(before: Value, after: Value, into: UpdateDescription): void {
  show(differenceOf(before, after), into)
}

interface Difference {
  readonly updated: Changed[]
  readonly created: Changed[]
  readonly removed: Set<string>
  readonly inner: { readonly part: DescribedPart; readonly difference: Difference }[]
  /** Of an array that got shorter. */
  truncatedTo: number | undefined
  /** What it takes in MongoDB's log, where it says how much is worth telling. */
  sizeBytes: number
}

interface Changed {
  readonly part: DescribedPart
  readonly value: Value
}

function show(difference: Difference, into: UpdateDescription): void {
  if (difference.truncatedTo !== undefined) into.truncate(difference.truncatedTo)
  for (const name of difference.removed) into.remove(name)
  for (const { part, value } of difference.updated) into.update(part, value)
  for (const { part, value } of difference.created) into.update(part, value)
  for (const { part, difference: inside } of difference.inner) {
    into.path.push(part)
    show(inside, into)
    into.path.pop()
  }
}

function differenceOf(before: Value, after: Value): Difference {
  return after.type === bsonType.array
    ? differenceOfArrays(before, after)
    : differenceOfDocuments(before.bytes, before.start, after.bytes, after.start)
}

function nothing(): Difference {
  return { updated: [], created: [], removed: new Set(), inner: [], truncatedTo: undefined, sizeBytes: 5 }
}

/** Fields are met in order: one that changed its place among the others counts as removed there and created where it is now. */
function differenceOfDocuments(
  before: Uint8Array,
  beforeStart: number,
  after: Uint8Array,
  afterStart: number,
): Difference {
  const difference = nothing()
  const old = new ElementWalker().reset(before, beforeStart)
  const now = new ElementWalker().reset(after, afterStart)
  let oldHas = old.next()
  let nowHas = now.next()
  while (oldHas && nowHas) {
    const name = now.name()
    if (old.name() === name) {
      compare(difference, name, old.value(), now.value())
      nowHas = now.next()
    } else difference.removed.add(old.name())
    oldHas = old.next()
  }
  for (; oldHas; oldHas = old.next()) difference.removed.add(old.name())
  for (; nowHas; nowHas = now.next()) {
    const name = now.name()
    difference.removed.delete(name)
    difference.created.push({ part: name, value: now.value() })
  }
  difference.sizeBytes +=
    sectionSize(difference.updated) +
    sectionSize(difference.created) +
    (difference.removed.size === 0 ? 0 : [...difference.removed].reduce((sum, name) => sum + name.length + 3, 8))
  return difference
}

function differenceOfArrays(before: Value, after: Value): Difference {
  const difference = nothing()
  // It says of itself that it is one of an array.
  difference.sizeBytes += 4
  const old = new ElementWalker().reset(before.bytes, before.start)
  const now = new ElementWalker().reset(after.bytes, after.start)
  let index = 0
  let oldHas = old.next()
  let nowHas = now.next()
  for (; oldHas && nowHas; oldHas = old.next(), nowHas = now.next())
    compare(difference, index++, old.value(), now.value())
  if (oldHas) {
    difference.truncatedTo = index
    difference.sizeBytes += 7
  }
  for (; nowHas; nowHas = now.next()) difference.created.push({ part: index++, value: now.value() })
  for (const { part, value } of [...difference.updated, ...difference.created])
    difference.sizeBytes += 3 + String(part).length + value.end - value.start
  return difference
}

function compare(difference: Difference, part: DescribedPart, before: Value, after: Value): void {
  if (sameValue(before, after)) return
  if (before.type === after.type && (after.type === bsonType.document || after.type === bsonType.array)) {
    const inside = differenceOf(before, after)
    if (inside.sizeBytes < after.end - after.start) {
      difference.inner.push({ part, difference: inside })
      difference.sizeBytes += 3 + String(part).length + inside.sizeBytes
      return
    }
  }
  difference.updated.push({ part, value: after })
}

function sectionSize(changes: readonly Changed[]): number {
  if (changes.length === 0) return 0
  return changes.reduce((sum, { part, value }) => sum + 2 + String(part).length + value.end - value.start, 8)
}

/** Whether two values are the same to the last bit. */
export function sameValue(a: Value, b: Value): boolean {
  const length = a.end - a.start
  if (a.type !== b.type || b.end - b.start !== length) return false
  for (let i = 0; i < length; i++) if (a.bytes[a.start + i] !== b.bytes[b.start + i]) return false
  return true
}
