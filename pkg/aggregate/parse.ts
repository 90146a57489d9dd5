/** Parses pipelines. */
import { DatabaseError } from '../base/errors.ts'
import { bsonType } from '../bson/type.ts'
import { documentFields, type Value } from '../bson/value.ts'
import { Scope } from '../expression/scope.ts'
import type { StagePlan } from './stage.ts'
import { stages } from './stages/table.ts'

export type Pipeline = readonly StagePlan[]

/** Most stages of a pipeline. */
const stagesMax = 1000

/**
 * `array`: the bytes of the command's `pipeline` array; the plans point into them.
 *
 * Errors: TypeMismatch for an element that is no document, 40323 for one without exactly one field, 40324 for an unknown stage, and
 * what each stage refuses of its operand.
 */
export function parsePipeline(array: Uint8Array, start = 0): Pipeline {
  const plans: StagePlan[] = []
  for (const element of documentFields(array, start)) plans.push(parseStage(element))
  if (plans.length > stagesMax) {
    throw new DatabaseError(7749501, `Pipeline length must be no longer than ${stagesMax} stages`)
  }
  return plans
}

function parseStage(element: Value): StagePlan {
  if (element.type !== bsonType.document) {
    throw new DatabaseError('TypeMismatch', "Each element of the 'pipeline' array must be an object")
  }
  const [stage, second] = documentFields(element.bytes, element.start)
  if (stage === undefined || second !== undefined) {
    throw new DatabaseError(40323, 'A pipeline stage specification object must contain exactly one field.')
  }
  const definition = stages.get(stage.name)
  if (definition === undefined) {
    throw new DatabaseError(40324, `Unrecognized pipeline stage name: '${stage.name}'`)
  }
  return definition.parse(stage, Scope.outermost())
}
