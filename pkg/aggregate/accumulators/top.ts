/** `$top`, `$topN`, `$bottom` and `$bottomN`: values of the documents that come first or last in an order. */

import { DatabaseError } from '../../base/errors.ts'
import { compareBytes, KeyWriter } from '../../bson/key.ts'
import { bsonType } from '../../bson/type.ts'
import { nullValue, type Value } from '../../bson/value.ts'
import type { GivenMetadata } from '../../expression/available-metadata.ts'
import type { EvaluationContext } from '../../expression/context.ts'
import { missing } from '../../expression/expression.ts'
import { parseExpression } from '../../expression/parse.ts'
import { compileSort } from '../../query/sort/key.ts'
import { parseSort, type Sort } from '../../query/sort/parse.ts'
import { CarriedMetadata, givenMetadata, isCarried, metadataPath } from '../carried-metadata.ts'
import { type Accumulation, type Accumulator, copyOf } from './accumulator.ts'
import { namedArguments, requiredArgument } from './arguments.ts'
import { countOf } from './count-of.ts'
import { GatheredArray } from './gathered.ts'

/** `{$top: {sortBy, output}}` */
export const top = orderedAccumulator('$top', { first: true, single: true })
/** `{$topN: {sortBy, output, n}}` */
export const topN = orderedAccumulator('$topN', { first: true, single: false })
/** `{$bottom: {sortBy, output}}` */
export const bottom = orderedAccumulator('$bottom', { first: false, single: true })
/** `{$bottomN: {sortBy, output, n}}`: in the order asked for. */
export const bottomN = orderedAccumulator('$bottomN', { first: false, single: false })

interface Which {
  readonly first: boolean
  readonly single: boolean
}

function orderedAccumulator(name: string, which: Which): Accumulator {
  const known = which.single ? ['sortBy', 'output'] : ['sortBy', 'output', 'n']
  return {
    name,
    parse(operand, scope) {
      const found = namedArguments(name, operand, known, { type: 5788001, unknown: 5788002 })
      const n = which.single ? undefined : requiredArgument(name, found, 'n', 5788003)
      const sortBy = requiredArgument(name, found, 'sortBy', 5788005)
      const output = requiredArgument(name, found, 'output', 5788004)
      if (sortBy.type !== bsonType.document) {
        throw new DatabaseError(5788604, `expected 'sortBy' to be an object in ${name}`)
      }
      const sort = parseSort(sortBy.bytes, sortBy.start, scope.collation, metadataPath(scope.metadata))
      // Of the documents that are taken in: those that come out have none.
      const carried = givenMetadata(scope)
      if (sort.parts.length === 0) throw new DatabaseError(15976, `${name} needs at least one sort key`)
      return {
        expression: parseExpression(output, scope),
        ...(n === undefined ? {} : { initial: parseExpression(n, scope) }),
        reads: sort.parts.filter(({ path }) => !isCarried(path)).map(({ path }) => path.text),
        open: (count) => new OrderedValues(keysOf(sort, carried), which.single ? 1 : countOf(name, count), which),
      }
    },
  }
}

type DocumentKey = (context: EvaluationContext, into: KeyWriter) => void

/** Keys of the document that a context is on, and of what is known of it where the sort names that. */
function keysOf(sort: Sort, names: readonly GivenMetadata[]): DocumentKey {
  const keyOf = compileSort(sort)
  if (!sort.parts.some(({ path }) => isCarried(path))) return ({ bytes, start }, into) => keyOf(bytes, start, into)
  const carried = new CarriedMetadata(names)
  return ({ bytes, start, end, metadata }, into) => {
    keyOf(carried.pack(bytes, start, end, (name) => metadata?.(name)).bytes, 0, into)
  }
}

interface Held {
  readonly key: Uint8Array
  readonly value: Value
}

class OrderedValues implements Accumulation {
  readonly #keyOf: DocumentKey
  readonly #n: number
  readonly #which: Which
  readonly #key = new KeyWriter()
  /** In the order asked for, equal keys as they came. */
  readonly #held: Held[] = []
  usedBytes = 64

  constructor(keyOf: DocumentKey, n: number, which: Which) {
    this.#keyOf = keyOf
    this.#n = n
    this.#which = which
  }

  add(value: Value, context: EvaluationContext): void {
    const held = this.#held
    const key = this.#key
    this.#keyOf(context, key.reset())
    const { first } = this.#which
    const full = held.length === this.#n
    if (full) {
      const order = this.#compare(first ? held.at(-1)! : held[0]!)
      if (first ? order >= 0 : order < 0) return
      const dropped = first ? held.pop()! : held.shift()!
      this.usedBytes -= sizeOf(dropped)
    }
    let [low, high] = [0, held.length]
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#compare(held[middle]!) < 0) high = middle
      else low = middle + 1
    }
    const entry = { key: key.bytes.slice(0, key.length), value: copyOf(value === missing ? nullValue : value) }
    held.splice(low, 0, entry)
    this.usedBytes += sizeOf(entry)
  }

  #compare(other: Held): number {
    return compareBytes(this.#key.bytes, 0, this.#key.length, other.key, 0, other.key.length)
  }

  result(): Value {
    if (this.#which.single) return this.#held[0]?.value ?? nullValue
    const array = new GatheredArray()
    for (const { value } of this.#held) array.add(value)
    return array.value()
  }
}

function sizeOf({ key, value }: Held): number {
  return 160 + key.length + value.end
}
