/**
 * What MongoDB 8.2 makes of values that leave a `$group` for another stage: its engine for groups hands MinKey and MaxKey on inside a
 * document whose one field has no name, and code without a scope as its text.
 */
import { bsonType } from '../bson/type.ts'
import { arrayValue, documentValue, type Value } from '../bson/value.ts'
import { ElementWalker } from '../bson/walk.ts'
import { BsonWriter, indexName } from '../bson/writer.ts'

/** `gathered`: an array of values, each of which is handed on. */
export function passedOn(value: Value, gathered = false): Value {
  switch (value.type) {
    case bsonType.minKey:
    case bsonType.maxKey: {
      const writer = new BsonWriter(16)
      writer.beginDocument()
      writer.value('', value)
      writer.end()
      return documentValue(writer.finish())
    }
    case bsonType.code:
      // Of the same form as a string.
      return { type: bsonType.string, bytes: value.bytes, start: value.start, end: value.end }
    case bsonType.array:
      return gathered ? elementsPassedOn(value) : value
    default:
      return value
  }
}

function elementsPassedOn(array: Value): Value {
  const walker = new ElementWalker().reset(array.bytes, array.start)
  let changes = false
  while (walker.next()) {
    changes ||= walker.type === bsonType.minKey || walker.type === bsonType.maxKey || walker.type === bsonType.code
  }
  if (!changes) return array
  const writer = new BsonWriter(array.end - array.start)
  writer.beginDocument()
  walker.reset(array.bytes, array.start)
  for (let i = 0; walker.next(); i++) writer.value(indexName(i), passedOn(walker.value()))
  writer.end()
  return arrayValue(writer.finish())
}
