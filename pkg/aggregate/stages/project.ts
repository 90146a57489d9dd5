import { DatabaseError } from '../../base/errors.ts'
import { bsonType } from '../../bson/type.ts'
import { parseProjectStage } from '../../query/projection/parse.ts'
import { shapingPlan } from '../shaping-stage.ts'
import type { StageDefinition } from '../stage.ts'

/** `{$project: {path: 1 | 0 | expression, ...}}` */
export const project: StageDefinition = {
  name: '$project',
  parse(operand, { scope }) {
    if (operand.type !== bsonType.document) throw new DatabaseError(15969, '$project specification must be an object')
    const { root, mode } = parseProjectStage(operand, scope)
    return shapingPlan('$project', root, mode)
  },
}
