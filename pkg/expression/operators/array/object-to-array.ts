import { DatabaseError } from '../../../base/errors.ts'
import { bsonType } from '../../../bson/type.ts'
import { nullValue } from '../../../bson/value.ts'
import { ElementWalker } from '../../../bson/walk.ts'
import { ArrayResult } from '../../array-result.ts'
import { isNullish } from '../../expression.ts'
import { refuseOversize } from '../../memory-limit.ts'
import { fixedOperator } from '../operator.ts'
import { shownType } from '../shown-type.ts'

/** `{$objectToArray: document}`: `{k: name, v: value}` for each field. Errors: 40390 for what is no document. */
export const objectToArray = fixedOperator('$objectToArray', 1, ([operand]) => {
  const result = new ArrayResult()
  const walker = new ElementWalker()
  return (context) => {
    const document = operand!(context)
    if (isNullish(document)) return nullValue
    if (document.type !== bsonType.document) {
      throw new DatabaseError(40390, `$objectToArray requires a document input, found: ${shownType(document)}`)
    }
    const { writer } = result.reset()
    walker.reset(document.bytes, document.start)
    while (walker.next()) {
      refuseOversize(writer.length + walker.valueEnd - walker.nameStart)
      result.beginDocument()
      writer.string('k', walker.name())
      writer.head(walker.type, 'v')
      writer.append(document.bytes, walker.valueStart, walker.valueEnd)
      writer.end()
    }
    return result.value(context)
  }
})
