/** Reading and writing the elements of array fields, for the operators on arrays. */
import { bsonType } from '../../../bson/type.ts'
import { arrayValue, type Value } from '../../../bson/value.ts'
import { simpleOrder, type ValueOrder } from '../../../bson/value-order.ts'
import { ElementWalker } from '../../../bson/walk.ts'
import { BsonWriter, indexName } from '../../../bson/writer.ts'

/**
 * What going over all elements takes, with making values of them and writing them anew, in nanoseconds for a byte, roughly; and what comparing
 * each with others adds to it, among which it is searched or sorted.
 */
export const elementNs = 15

export function comparedNs(order: ValueOrder): number {
  return elementNs + (order === simpleOrder ? 20 : 80)
}

/** The elements of an array value, pointing into its bytes. */
export function elementsOf(array: Value): Value[] {
  const elements: Value[] = []
  const walker = new ElementWalker().reset(array.bytes, array.start)
  while (walker.next()) elements.push(walker.value())
  return elements
}

/** How many elements an array has. */
export function countElements(array: Value): number {
  const walker = new ElementWalker().reset(array.bytes, array.start)
  let count = 0
  while (walker.next()) count++
  return count
}

const writer = new BsonWriter()

export function arrayOf(elements: readonly Value[]): Value {
  writer.reset()
  writer.beginDocument()
  for (let i = 0; i < elements.length; i++) writer.value(indexName(i), elements[i]!)
  writer.end()
  return arrayValue(writer.finish())
}

/** The array with more elements at its end: `count` is how many it has. Those that are there are copied in one piece. */
export function appended(array: Value, count: number, more: readonly Value[]): Value {
  writer.reset()
  writer.beginDocument()
  writer.raw(array.bytes, array.start + 4, array.end - 1)
  for (let i = 0; i < more.length; i++) writer.value(indexName(count + i), more[i]!)
  writer.end()
  return arrayValue(writer.finish())
}

export function isArray(value: Value): boolean {
  return value.type === bsonType.array
}

/** The array without the elements that `gone` names; the array itself when it names none. */
export function without(array: Value, gone: (element: Value) => boolean): Value {
  const elements = elementsOf(array)
  const kept = elements.filter((element) => !gone(element))
  return kept.length === elements.length ? array : arrayOf(kept)
}
