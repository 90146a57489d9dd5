/** `{$rand: {}}` and `{$createObjectId: {}}`: another value each time they are evaluated. */
import { DatabaseError } from '../../../base/errors.ts'
import { ObjectIdGenerator } from '../../../bson/objectid.ts'
import { bsonType } from '../../../bson/type.ts'
import { doubleValue, objectIdValue, readInt64Number, type Value } from '../../../bson/value.ts'
import type { EvaluationContext } from '../../context.ts'
import type { Evaluate } from '../../expression.ts'
import type { Operator } from '../operator.ts'

/** Errors: 10065 for what is neither document nor array, 3040501 for one with something in it. */
function nullaryOperator(name: string, make: () => Evaluate): Operator {
  return {
    name,
    parse(operand) {
      refuseOperands(name, operand)
      return { kind: 'operator', name, operands: [], make }
    },
  }
}

function refuseOperands(name: string, { type, bytes, start }: Value): void {
  if (type !== bsonType.document && type !== bsonType.array) {
    throw new DatabaseError(10065, `invalid parameter: expected an object (${name})`)
  }
  if (bytes[start + 4] !== 0) throw new DatabaseError(3040501, `${name} does not currently accept arguments`)
}

/** Uniform in [0, 1). */
const rand = nullaryOperator('$rand', () => (context) => doubleValue(context.random()))

const createObjectId = nullaryOperator('$createObjectId', () => {
  let generator: ObjectIdGenerator | undefined
  return (context) => {
    generator ??= generatorOf(context)
    return objectIdValue(generator.next())
  }
})

function generatorOf(context: EvaluationContext): ObjectIdGenerator {
  const nowMs = readInt64Number(context.now.bytes, context.now.start)
  const random = {
    next: () => context.random(),
    bytes: (length: number) => Uint8Array.from({ length }, () => Math.floor(context.random() * 256)),
  }
  return new ObjectIdGenerator(random, () => nowMs)
}

export const randomOperators: readonly Operator[] = [createObjectId, rand]
