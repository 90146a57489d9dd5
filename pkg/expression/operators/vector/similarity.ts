/** How alike two vectors are. */
import { DatabaseError } from '../../../base/errors.ts'
import { bsonType } from '../../../bson/type.ts'
import { booleanValue, doubleValue, isNumber, nullValue, numberOf, truthy, type Value } from '../../../bson/value.ts'
import { type Evaluate, isNullish } from '../../expression.ts'
import { elementsOf } from '../accumulator/gathering.ts'
import { namedArguments } from '../named-arguments.ts'
import { type Operator, parseArguments } from '../operator.ts'
import { shownType } from '../shown-type.ts'
import { vectorOfBinary } from './binary-vector.ts'

type Vector = ArrayLike<number>

/** `{$similarityDotProduct: [a, b]}`, or `{vectors: [a, b], score: true}` for (1 + product) / 2. */
const similarityDotProduct = similarityOperator('$similarityDotProduct', dotProduct, (product) => (1 + product) / 2)

/** `{$similarityCosine: ...}`: of the angle between the vectors, 0 when one has no length; its score is (1 + cosine) / 2. */
const similarityCosine = similarityOperator(
  '$similarityCosine',
  (a, b) => {
    const length = Math.sqrt(dotProduct(a, a)) * Math.sqrt(dotProduct(b, b))
    return length === 0 ? 0 : dotProduct(a, b) / length
  },
  (cosine) => (1 + cosine) / 2,
)

/** `{$similarityEuclidean: ...}`: the distance between the vectors' ends; its score is 1 / (1 + distance). */
const similarityEuclidean = similarityOperator('$similarityEuclidean', distance, (n) => 1 / (1 + n))

export const vectorOperators: readonly Operator[] = [similarityCosine, similarityDotProduct, similarityEuclidean]

function dotProduct(a: Vector, b: Vector): number {
  let sum = 0
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!
  return sum
}

function distance(a: Vector, b: Vector): number {
  let sum = 0
  for (let i = 0; i < a.length; i++) sum += (a[i]! - b[i]!) ** 2
  return Math.sqrt(sum)
}

/**
 * Null when a vector is null or missing. Errors: 10413200 for what is no vector, 10413202 for different lengths, 10413203 and
 * 10413204 for an element that is no number, FailedToParse for the arguments.
 */
function similarityOperator(
  name: string,
  measure: (a: Vector, b: Vector) => number,
  scoreOf: (measured: number) => number,
): Operator {
  return {
    name,
    parse(operand, scope, parse) {
      const named = operand.type === bsonType.document
      const codes = { notDocument: failedToParse, unknown: failedToParse }
      const given = named ? namedArguments(name, operand, ['vectors', 'score'], codes) : undefined
      const vectors = given?.required('vectors', failedToParse) ?? operand
      const score = given?.get('score') ?? booleanValue(false)
      if (score.type !== bsonType.boolean)
        throw new DatabaseError('FailedToParse', `${name}: 'score' must be a boolean`)
      const operands = vectors.type === bsonType.array ? parseArguments(vectors, scope, parse) : []
      if (operands.length !== 2)
        throw new DatabaseError('FailedToParse', `${name} takes an array of exactly two vectors`)
      const adapt = truthy(score) ? scoreOf : (measured: number) => measured
      return {
        kind: 'operator',
        name,
        operands,
        foldable: true,
        make: (both) => evaluation(name, both, measure, adapt),
      }
    },
  }
}

const failedToParse = 9

function evaluation(
  name: string,
  [left, right]: readonly Evaluate[],
  measure: (a: Vector, b: Vector) => number,
  adapt: (measured: number) => number,
): Evaluate {
  return (context) => {
    const a = left!(context)
    const b = right!(context)
    if (isNullish(a) || isNullish(b)) return nullValue
    const vectorA = vectorOf(name, a, 10413203)
    const vectorB = vectorOf(name, b, 10413204)
    if (vectorA.length !== vectorB.length) {
      throw new DatabaseError(
        10413202,
        `${name} needs vectors of the same size, not of ${vectorA.length} and ${vectorB.length}`,
      )
    }
    return doubleValue(adapt(measure(vectorA, vectorB)))
  }
}

function vectorOf(name: string, value: Value, elementCode: number): Vector {
  const vector = value.type === bsonType.binary ? vectorOfBinary(value) : undefined
  if (vector !== undefined) return vector
  if (value.type !== bsonType.array) {
    throw new DatabaseError(
      10413200,
      `${name} needs vectors: arrays of numbers or binary vectors, not ${shownType(value)}`,
    )
  }
  return elementsOf(value).map((element) => {
    if (isNumber(element.type)) return numberOf(element)
    throw new DatabaseError(
      elementCode,
      `${name} needs vectors of numbers, not with an element of type ${shownType(element)}`,
    )
  })
}
