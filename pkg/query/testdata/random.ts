/** Random documents and filters over few names and values, so that they meet often. For tests. */
import { arrayValue, documentValue, doubleValue, int32Value, int64Value, nullValue, stringValue, dateValue, booleanValue, objectIdValue, decimal128Value, minKeyValue, maxKeyValue, type Value } from '../../bson/value.ts'
import { bsonType } from '../../bson/type.ts'
import { BsonWriter } from '../../bson/writer.ts'
import { decimal128Bytes } from '../../bson/decimal128.ts'

export type Rng = (below: number) => number

/** Integers below a bound, from a seed. */
export function rngOf(seed: number): Rng {
  let state = seed >>> 0
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) % below
  }
}

const names = ['a', 'b', 'c', '0', '1']
const scalars: readonly Value[] = [
  int32Value(0), int32Value(1), int32Value(2), int32Value(-3), int64Value(1), int64Value(2n ** 60n), int64Value(2n ** 60n + 1n),
  doubleValue(1), doubleValue(1.5), doubleValue(2 ** 60), doubleValue(-0), doubleValue(Number.NaN), doubleValue(Infinity), doubleValue(-Infinity),
  decimal128Value(decimal128Bytes({ form: 'finite', negative: false, coefficient: 15n, exponent: -1 })),
  decimal128Value(decimal128Bytes({ form: 'nan', negative: false, coefficient: 0n, exponent: 0 })),
  stringValue(''), stringValue('x'), stringValue('xy'), stringValue('é'), nullValue, booleanValue(false), booleanValue(true),
  dateValue(0), dateValue(1_600_000_000_000), objectIdValue(new Uint8Array(12)), objectIdValue(new Uint8Array(12).fill(7)), minKeyValue, maxKeyValue,
]

export function pick<T>(rng: Rng, from: readonly T[]): T {
  return from[rng(from.length)]!
}

export function documentOfFields(fields: readonly (readonly [string, Value])[]): Uint8Array {
  const writer = new BsonWriter()
  writer.beginDocument()
  for (const [name, value] of fields) writer.value(name, value)
  writer.end()
  return writer.finish()
}

export function arrayOf(values: readonly Value[]): Value {
  return arrayValue(documentOfFields(values.map((value, i) => [String(i), value])))
}

export function randomValue(rng: Rng, depth: number): Value {
  const kind = rng(10)
  if (depth === 0 || kind < 5) return pick(rng, scalars)
  if (kind < 8) return arrayOf(Array.from({ length: rng(4) }, () => randomValue(rng, depth - 1)))
  return documentValue(documentOfFields(randomFields(rng, depth - 1)))
}

function randomFields(rng: Rng, depth: number): [string, Value][] {
  const chosen = names.filter(() => rng(2) === 0)
  if (rng(4) === 0) chosen.reverse()
  return chosen.map((name) => [name, randomValue(rng, depth)])
}

/** `depth` 0: fields hold scalars only. */
export function randomDocument(rng: Rng, id: number, depth = 3): Uint8Array {
  return documentOfFields([['_id', int32Value(id)], ...randomFields(rng, depth)])
}

export function randomPath(rng: Rng): string {
  return Array.from({ length: pick(rng, [1, 1, 2, 2, 3]) }, () => pick(rng, names)).join('.')
}

/** A filter's document. Operators are those that the model in `filter/compile.test.ts` knows. */
export function randomFilter(rng: Rng, depth = 2): Uint8Array {
  const fields: [string, Value][] = []
  const count = pick(rng, [1, 1, 1, 2, 3])
  for (let i = 0; i < count; i++) {
    if (depth > 0 && rng(6) === 0) {
      const filters = Array.from({ length: 1 + rng(2) }, () => documentValue(randomFilter(rng, depth - 1)))
      fields.push([pick(rng, ['$and', '$or', '$nor']), arrayOf(filters)])
    } else {
      const path = randomPath(rng)
      fields.push([path, rng(3) === 0 ? randomValue(rng, 1) : documentValue(randomOperators(rng, depth))])
    }
  }
  return documentOfFields(fields)
}

function randomOperators(rng: Rng, depth: number): Uint8Array {
  const fields: [string, Value][] = []
  const count = 1 + rng(2)
  for (let i = 0; i < count; i++) fields.push(randomOperator(rng, depth))
  return documentOfFields(fields)
}

function randomOperator(rng: Rng, depth: number): [string, Value] {
  const values = () => arrayOf(Array.from({ length: rng(4) }, () => randomValue(rng, 1)))
  switch (rng(depth > 0 ? 12 : 9)) {
    case 0:
    case 1:
    case 2:
    case 3:
      return [pick(rng, ['$eq', '$ne', '$gt', '$gte', '$lt', '$lte']), randomValue(rng, 1)]
    case 4:
      return ['$in', values()]
    case 5:
      return ['$nin', values()]
    case 6:
      return ['$exists', booleanValue(rng(2) === 0)]
    case 7:
      return ['$type', pick(rng, [stringValue('number'), stringValue('array'), stringValue('object'), int32Value(bsonType.null)])]
    case 8:
      return ['$size', int32Value(rng(4))]
    case 9:
      return ['$not', documentValue(randomOperators(rng, depth - 1))]
    case 10:
      return ['$elemMatch', documentValue(randomOperators(rng, depth - 1))]
    default:
      return ['$elemMatch', documentValue(randomFilter(rng, depth - 1))]
  }
}
