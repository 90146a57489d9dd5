import { DatabaseError } from '../../../base/errors.ts'
import { bsonType } from '../../../bson/type.ts'
import type { Value } from '../../../bson/value.ts'
import { simpleOrder } from '../../../bson/value-order.ts'
import { BsonWriter } from '../../../bson/writer.ts'
import type { Collation } from '../../../collation/collation.ts'
import { compileFilter } from '../../filter/compile.ts'
import { filterNsPerByte } from '../../filter/cost.ts'
import { collated, parseFilter } from '../../filter/parse.ts'
import { onMissing, type UpdateOperator } from '../update.ts'
import { comparedNs, elementNs, isArray, without } from './elements.ts'

/**
 * `{$pull: {path: condition}}`: removes the elements that meet the condition, which is a value that they equal, an operator
 * document or regex applied to each (`{$gte: 5}`), or a filter for those that are documents (`{score: {$gte: 5}}`).
 */
export const pull: UpdateOperator = {
  name: '$pull',
  parse(path, operand, target) {
    const { matches, nsPerByte } = conditionOf(operand, target.collation)
    target.add(path, {
      operator: '$pull',
      nsPerByte: elementNs + nsPerByte,
      onMissing: () => onMissing.ignore,
      modify(existing) {
        if (existing === undefined) return undefined
        if (!isArray(existing)) throw new DatabaseError('BadValue', 'Cannot apply $pull to a non-array value')
        return without(existing, matches)
      },
    })
  },
}

/** Which elements go, and what asking that takes, in nanoseconds for each of their bytes. */
interface Condition {
  readonly matches: (element: Value) => boolean
  readonly nsPerByte: number
}

function conditionOf(operand: Value, collation: Collation | undefined): Condition {
  if (operand.type === bsonType.regex || isOperatorDocument(operand)) return wrappedCondition(operand, collation)
  if (operand.type !== bsonType.document) {
    const order = collation ?? simpleOrder
    return { matches: (element) => order.equal(operand, element), nsPerByte: comparedNs(order) }
  }
  const filter = parseFilter(operand.bytes, operand.start, collated(collation))
  const predicate = compileFilter(filter)
  return {
    matches: (element) => element.type === bsonType.document && predicate(element.bytes, element.start),
    nsPerByte: filterNsPerByte(filter),
  }
}

/** Operators that are whole conditions over a document rather than over one value. */
const documentOperators = new Set([
  '$and',
  '$or',
  '$nor',
  '$expr',
  '$jsonSchema',
  '$comment',
  '$where',
  '$text',
  '$sampleRate',
  '$alwaysTrue',
  '$alwaysFalse',
])

function isOperatorDocument({ type, bytes, start }: Value): boolean {
  if (type !== bsonType.document || bytes[start + 4] === 0 || bytes[start + 5] !== 0x24) return false
  const nameEnd = bytes.indexOf(0, start + 5)
  return !documentOperators.has(new TextDecoder().decode(bytes.subarray(start + 5, nameEnd)))
}

/** The filter `{e: condition}` over the element as the field `e` of a document. */
function wrappedCondition(condition: Value, collation: Collation | undefined): Condition {
  const filter = parseFilter(wrap(condition, new BsonWriter()).slice(), 0, collated(collation))
  const predicate = compileFilter(filter)
  const writer = new BsonWriter()
  return { matches: (element) => predicate(wrap(element, writer), 0), nsPerByte: filterNsPerByte(filter) }
}

function wrap(value: Value, writer: BsonWriter): Uint8Array {
  writer.reset()
  writer.beginDocument()
  writer.value('e', value)
  writer.end()
  return writer.bytes
}
