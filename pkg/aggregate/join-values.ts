/**
 * What equality joins compare: the values of a local document's path, and those a foreign document is found by.
 */
import { bsonType } from '../bson/type.ts'
import { arrayValue, nullValue, type Value } from '../bson/value.ts'
import { ElementWalker, valueEnd } from '../bson/walk.ts'
import { BsonWriter, indexName } from '../bson/writer.ts'
import { findElement, type Path, type PathPart } from '../query/path.ts'

/** Takes a value in place; type 0: missing. */
type Visit = (type: number, bytes: Uint8Array, start: number, end: number) => void

/**
 * The values that a local document is joined by: those at the path through arrays, the elements of an array instead of the
 * array; null when there are none.
 */
export function localValues(path: Path, bytes: Uint8Array, start: number): Value[] {
  const values: Value[] = []
  visitLocal(path.parts, 0, bytes, start, (type, at, from, end) => {
    if (type !== bsonType.array) {
      values.push({ type, bytes: at, start: from, end })
      return
    }
    const walker = new ElementWalker().reset(at, from)
    while (walker.next()) values.push(walker.value())
  })
  return values.length === 0 ? [nullValue] : values
}

/** Visits the values that are there. */
function visitLocal(parts: readonly PathPart[], i: number, bytes: Uint8Array, start: number, visit: Visit): void {
  const { bytes: name } = parts[i]!
  const at = findElement(bytes, start, name)
  if (at < 0) return
  visitValue(parts, i, bytes, bytes[at]!, at + name.length + 2, visit)
}

function visitValue(
  parts: readonly PathPart[],
  i: number,
  bytes: Uint8Array,
  type: number,
  start: number,
  visit: Visit,
): void {
  if (i === parts.length - 1) visit(type, bytes, start, valueEnd(bytes, type, start))
  else if (type === bsonType.document) visitLocal(parts, i + 1, bytes, start, visit)
  else if (type === bsonType.array) {
    const { position } = parts[i + 1]!
    const walker = new ElementWalker().reset(bytes, start)
    for (let index = 0; walker.next(); index++) {
      if (walker.type === bsonType.document) visitLocal(parts, i + 1, bytes, walker.valueStart, visit)
      else if (index === position) visitValue(parts, i + 1, bytes, walker.type, walker.valueStart, visit)
    }
  }
}

/**
 * Visits the values by which a filter `{path: {$eq: value}}` finds the document: what is missing counts as null, an
 * array counts by its elements and as a whole.
 */
export function visitForeign(path: Path, bytes: Uint8Array, start: number, visit: Visit): void {
  inDocument(path.parts, 0, bytes, start, visit)
}

function inDocument(parts: readonly PathPart[], i: number, bytes: Uint8Array, start: number, visit: Visit): void {
  const { bytes: name } = parts[i]!
  const at = findElement(bytes, start, name)
  if (at < 0) visit(bsonType.null, bytes, 0, 0)
  else ofPart(parts, i, bytes, bytes[at]!, at + name.length + 2, visit, true)
}

function ofPart(
  parts: readonly PathPart[],
  i: number,
  bytes: Uint8Array,
  type: number,
  start: number,
  visit: Visit,
  elements: boolean,
): void {
  if (i === parts.length - 1) {
    if (type === bsonType.array && elements) {
      const walker = new ElementWalker().reset(bytes, start)
      while (walker.next()) visit(walker.type, bytes, walker.valueStart, walker.valueEnd)
    }
    visit(type, bytes, start, valueEnd(bytes, type, start))
  } else if (type === bsonType.document) inDocument(parts, i + 1, bytes, start, visit)
  else if (type === bsonType.array) inArray(parts, i + 1, bytes, start, visit)
  else if (elements) visit(bsonType.null, bytes, 0, 0)
}

function inArray(parts: readonly PathPart[], i: number, bytes: Uint8Array, start: number, visit: Visit): void {
  const { position } = parts[i]!
  const walker = new ElementWalker().reset(bytes, start)
  for (let index = 0; walker.next(); index++) {
    if (walker.type === bsonType.document) inDocument(parts, i, bytes, walker.valueStart, visit)
    if (index === position) ofPart(parts, i, bytes, walker.type, walker.valueStart, visit, false)
  }
}

const writer = new BsonWriter(128)

/** `{path: {$in: values}}`, with regular expressions as values of their own. */
export function equalityFilter(path: string, values: readonly Value[]): Uint8Array {
  writer.reset().beginDocument()
  if (values.length === 1) {
    writer.beginDocument(path)
    writer.value('$eq', values[0]!)
    writer.end()
  } else if (values.some(({ type }) => type === bsonType.regex)) {
    writer.beginArray('$or')
    values.forEach((value, i) => {
      writer.beginDocument(indexName(i))
      writer.beginDocument(path)
      writer.value('$eq', value)
      writer.end()
      writer.end()
    })
    writer.end()
  } else {
    writer.beginDocument(path)
    writer.value('$in', arrayOf(values))
    writer.end()
  }
  writer.end()
  return writer.finish()
}

function arrayOf(values: readonly Value[]): Value {
  const writer = new BsonWriter(64)
  writer.beginDocument()
  values.forEach((value, i) => {
    writer.value(indexName(i), value)
  })
  writer.end()
  return arrayValue(writer.finish())
}
