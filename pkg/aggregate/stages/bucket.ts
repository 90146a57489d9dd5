import { DatabaseError } from '../../base/errors.ts'
import { buildDocument } from '../../bson/build.ts'
import { bsonType, canonicalRank, typeAlias } from '../../bson/type.ts'
import { documentFields, documentValue, int32Value, readString, type Value } from '../../bson/value.ts'
import type { ValueOrder } from '../../bson/value-order.ts'
import { type Evaluate, type Expression, missing } from '../../expression/expression.ts'
import { foldConstants } from '../../expression/fold.ts'
import { parseExpression } from '../../expression/parse.ts'
import type { Scope } from '../../expression/scope.ts'
import { sum } from '../accumulators/sum.ts'
import { givenMetadata } from '../carried-metadata.ts'
import { type GroupField, GroupStage } from '../grouping.ts'
import type { StageDefinition } from '../stage.ts'
import { parseFields } from './group.ts'
import { sort } from './sort.ts'

interface Buckets {
  readonly boundaries: readonly Value[]
  readonly otherwise: Value | undefined
}

const byId = documentValue(buildDocument({ _id: 1 }))

/** `{$bucket: {groupBy, boundaries: [b0, b1, ...], default?, output?}}`: groups by the range that a value lies in. */
export const bucket: StageDefinition = {
  name: '$bucket',
  parse(operand, context) {
    const { scope } = context
    if (operand.type !== bsonType.document) {
      throw new DatabaseError(
        40201,
        `Argument to $bucket stage must be an object, but found type: ${typeAlias(operand.type)}.`,
      )
    }
    let groupBy: Expression | undefined
    let boundaries: Value[] | undefined
    let otherwise: Value | undefined
    let fields: GroupField[] | undefined
    for (const field of documentFields(operand.bytes, operand.start)) {
      switch (field.name) {
        case 'groupBy':
          groupBy = groupByOf(field, scope)
          break
        case 'boundaries':
          boundaries = boundariesOf(field, scope)
          break
        case 'default':
          otherwise = constantOf(field, scope, 40195, 'The $bucket "default" field')
          break
        case 'output':
          if (field.type !== bsonType.document) {
            throw new DatabaseError(
              40196,
              `The $bucket 'output' field must be an object, but found type: ${typeAlias(field.type)}.`,
            )
          }
          fields = parseFields(field, scope)
          break
        default:
          throw new DatabaseError(40197, `Unrecognized option to $bucket: ${field.name}.`)
      }
    }
    if (groupBy === undefined || boundaries === undefined) {
      throw new DatabaseError(40198, "$bucket requires 'groupBy' and 'boundaries' to be specified.")
    }
    refuseDefaultWithin(boundaries, otherwise, scope.order)
    if (fields?.some(({ name }) => name === '_id')) {
      throw new DatabaseError(15948, "a group's _id may only be specified once")
    }
    const grouping = {
      id: bucketOf(groupBy, { boundaries, otherwise }, scope.order),
      fields: fields ?? [{ name: 'count', accumulator: sum.parse(int32Value(1), scope), operator: sum.name }],
      carried: givenMetadata(scope),
      passesOn: true,
    }
    const sorting = sort.parse(byId, context)
    return {
      name: '$bucket',
      makesDocuments: true,
      open: (input, run) => sorting.open(new GroupStage(input, run, grouping), run),
    }
  },
}

function groupByOf(value: Value, scope: Scope): Expression {
  const isExpression =
    value.type === bsonType.document ||
    (value.type === bsonType.string && readString(value.bytes, value.start).startsWith('$'))
  if (!isExpression) {
    throw new DatabaseError(
      40202,
      "The $bucket 'groupBy' field must be defined as a $-prefixed path or an expression object",
    )
  }
  return parseExpression(value, scope)
}

function constantOf(value: Value, scope: Scope, code: number, what: string): Value {
  const expression = foldConstants(parseExpression(value, scope))
  if (expression.kind !== 'constant') throw new DatabaseError(code, `${what} must be a constant expression`)
  return expression.value
}

function boundariesOf(value: Value, scope: Scope): Value[] {
  if (value.type !== bsonType.array) {
    throw new DatabaseError(
      40200,
      `The $bucket 'boundaries' field must be an array, but found type: ${typeAlias(value.type)}.`,
    )
  }
  const boundaries = [...documentFields(value.bytes, value.start)].map((element) =>
    constantOf(element, scope, 40191, "The $bucket 'boundaries' field"),
  )
  if (boundaries.length < 2) {
    throw new DatabaseError(40192, `The $bucket 'boundaries' field must have at least 2 values`)
  }
  for (let i = 1; i < boundaries.length; i++) {
    const [low, high] = [boundaries[i - 1]!, boundaries[i]!]
    if (canonicalRank(low.type) !== canonicalRank(high.type)) {
      throw new DatabaseError(40193, "All values in the 'boundaries' option to $bucket must have the same type.")
    }
    if (scope.order.compare(low, high) >= 0) {
      throw new DatabaseError(40194, "The 'boundaries' option to $bucket must be sorted")
    }
  }
  return boundaries
}

function refuseDefaultWithin(
  boundaries: readonly Value[],
  otherwise: Value | undefined,
  { compare }: ValueOrder,
): void {
  if (otherwise === undefined || otherwise === missing) return
  if (compare(otherwise, boundaries[0]!) >= 0 && compare(otherwise, boundaries.at(-1)!) < 0) {
    throw new DatabaseError(
      40199,
      "The $bucket 'default' field must be less than the lowest boundary or greater than or equal to the highest boundary.",
    )
  }
}

/** The lower bound of the range that the value of `groupBy` lies in. Errors: 7158303 for a value in none, without a default. */
function bucketOf(groupBy: Expression, { boundaries, otherwise }: Buckets, { compare }: ValueOrder): Expression {
  return {
    kind: 'operator',
    name: '$bucket',
    operands: [groupBy],
    make([evaluate]: readonly Evaluate[]) {
      const last = boundaries.length - 1
      return (context) => {
        const value = evaluate!(context)
        if (value !== missing && compare(value, boundaries[0]!) >= 0 && compare(value, boundaries[last]!) < 0) {
          let [low, high] = [0, last]
          while (high - low > 1) {
            const middle = (low + high) >>> 1
            if (compare(value, boundaries[middle]!) >= 0) low = middle
            else high = middle
          }
          return boundaries[low]!
        }
        if (otherwise === undefined) {
          throw new DatabaseError(
            7158303,
            '$switch could not find a matching branch for an input, and no default was specified.',
          )
        }
        return otherwise
      }
    },
  }
}
