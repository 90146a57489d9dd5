import { DatabaseError } from '../../base/errors.ts'
import { buildDocument } from '../../bson/build.ts'
import { bsonType } from '../../bson/type.ts'
import { documentFields, documentValue, int32Value, readString, type Value } from '../../bson/value.ts'
import { parseExpression } from '../../expression/parse.ts'
import { sum } from '../accumulators/sum.ts'
import { givenMetadata } from '../carried-metadata.ts'
import { GroupStage } from '../grouping.ts'
import type { StageDefinition } from '../stage.ts'
import { sort } from './sort.ts'

const byCount = documentValue(buildDocument({ count: -1 }))

/** `{$sortByCount: expression}`: how often each value comes, the most frequent first. */
export const sortByCount: StageDefinition = {
  name: '$sortByCount',
  parse(operand, context) {
    const { scope } = context
    refuseUnfit(operand)
    const grouping = {
      id: parseExpression(operand, scope),
      fields: [{ name: 'count', accumulator: sum.parse(int32Value(1), scope), operator: sum.name }],
      carried: givenMetadata(scope),
      passesOn: true,
    }
    const sorting = sort.parse(byCount, context)
    return {
      name: '$sortByCount',
      makesDocuments: true,
      open: (input, run) => sorting.open(new GroupStage(input, run, grouping), run),
    }
  },
}

function refuseUnfit(operand: Value): void {
  if (operand.type === bsonType.document) {
    const [first] = documentFields(operand.bytes, operand.start)
    if (first?.name.startsWith('$') !== true) {
      throw new DatabaseError(
        40147,
        'the sortByCount field must be defined as a $-prefixed path or an expression inside an object',
      )
    }
  } else if (operand.type === bsonType.string) {
    if (!readString(operand.bytes, operand.start).startsWith('$')) {
      throw new DatabaseError(
        40148,
        'the sortByCount field must be defined as a $-prefixed path or an expression inside an object',
      )
    }
  } else {
    throw new DatabaseError(40149, 'the sortByCount field must be specified as a string or as an object')
  }
}
