/**
 * Which values a path leads to, arrays included, and whether one of them passes a test.
 *
 *  - A part looks up a field of a document. A field that is not there, or a scalar on the way, is one missing value.
 *  - An array on the way stands for its elements: each document in it is searched by the rest of the path. What is no
 *    document in it leads nowhere (not to a missing value).
 *  - A part that is a plain number also means that position of an array; what stands there is taken as it is.
 *  - An array at the end is tested by each of its elements and then as a whole, unless the test is of whole values only.
 */
import { bsonType } from '../../bson/type.ts'
import { valueEnd } from '../../bson/walk.ts'
import { findElement, type Path, type PathPart } from '../path.ts'
import { missing, type Predicate, type ValueTest } from './operator.ts'
import { someElement } from './operators/elem-match.ts'

/** What a path's end is tested by. */
export interface EndTest {
  readonly test: ValueTest
  /** The test is of arrays as such (`$size`, `$elemMatch`): their elements are not tried. */
  readonly wholeArrays: boolean
}

/** Tests the value of the first part of `path`, given that value. */
export function pathTest(path: Path, end: EndTest): ValueTest {
  return valueOfPart(path.parts, 0, end)
}

/** Given the value of part `i`. */
function valueOfPart(parts: readonly PathPart[], i: number, end: EndTest): ValueTest {
  const { test } = end
  if (i === parts.length - 1) {
    if (end.wholeArrays) return test
    return (type, bytes, start) => {
      if (type === bsonType.array && someElement(test, bytes, start)) return true
      return test(type, bytes, start)
    }
  }
  const inDocument = documentHolding(parts, i + 1, end)
  const inArray = arrayHolding(parts, i + 1, end, inDocument)
  return (type, bytes, start) => {
    if (type === bsonType.document) return inDocument(bytes, start)
    if (type === bsonType.array) return inArray(bytes, start)
    return test(missing, bytes, 0)
  }
}

/** Given the document that part `i` is a field of. */
function documentHolding(parts: readonly PathPart[], i: number, end: EndTest): Predicate {
  const name = parts[i]!.bytes
  const inValue = valueOfPart(parts, i, end)
  return (bytes, start) => {
    const at = findElement(bytes, start, name)
    return at < 0 ? inValue(missing, bytes, 0) : inValue(bytes[at]!, bytes, at + name.length + 2)
  }
}

/** Given an array that stands where the document should be that part `i` is a field of. */
function arrayHolding(parts: readonly PathPart[], i: number, end: EndTest, inDocument: Predicate): Predicate {
  const { position } = parts[i]!
  const atPosition = position < 0 ? never : valueAtPosition(parts, i, end)
  return (bytes, start) => {
    let at = start + 4
    for (let index = 0; ; index++) {
      const type = bytes[at]!
      if (type === 0) return false
      while (bytes[++at] !== 0);
      at++
      if (type === bsonType.document && inDocument(bytes, at)) return true
      if (index === position && atPosition(type, bytes, at)) return true
      at = valueEnd(bytes, type, at)
    }
  }
}

const never: ValueTest = () => false

/** Given the array element that part `i` names by its position. */
function valueAtPosition(parts: readonly PathPart[], i: number, end: EndTest): ValueTest {
  // At the end an array is not tried by its elements: its position has been used up.
  if (i === parts.length - 1) return end.test
  const inDocument = documentHolding(parts, i + 1, end)
  const inArray = arrayHolding(parts, i + 1, end, inDocument)
  return (type, bytes, start) => {
    if (type === bsonType.document) return inDocument(bytes, start)
    return type === bsonType.array && inArray(bytes, start)
  }
}
