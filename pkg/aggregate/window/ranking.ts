/** `$rank`, `$denseRank` and `$documentNumber`: where a document stands in its partition. */
import { DatabaseError } from '../../base/errors.ts'
import { bsonType } from '../../bson/type.ts'
import { int32Value, int64Value, type Value } from '../../bson/value.ts'
import type { Partition } from './partition.ts'
import type { WindowColumn, WindowFunctionDefinition } from './window-function.ts'

/** `{$rank: {}}`: equal documents have equal ranks, those after them the number of documents before + 1. */
export const rank = ranking('$rank', (partition) => new Rank(partition, false))
/** `{$denseRank: {}}`: as `$rank`, without gaps. */
export const denseRank = ranking('$denseRank', (partition) => new Rank(partition, true))
/** `{$documentNumber: {}}` */
export const documentNumber = ranking('$documentNumber', () => ({
  reset: () => undefined,
  valueOf: (i) => numberValue(i + 1),
}))

function ranking(name: string, open: (partition: Partition) => WindowColumn): WindowFunctionDefinition {
  return {
    name,
    parse(operand, { frame, sort }) {
      if (operand.type !== bsonType.document || operand.bytes[operand.start + 4] !== 0) {
        throw new DatabaseError(5371603, `${name} must be specified with '{}' as the value`)
      }
      if (frame !== undefined) throw new DatabaseError(5371601, `Rank style window functions take no other arguments`)
      if (sort === undefined || (name !== '$documentNumber' && sort.parts.length !== 1)) {
        throw new DatabaseError(
          5371602,
          `${name} must be specified with a top level sortBy expression with exactly one element`,
        )
      }
      return { reads: () => undefined, compile: () => open }
    },
  }
}

class Rank implements WindowColumn {
  readonly #partition: Partition
  readonly #dense: boolean
  #rank = 0

  constructor(partition: Partition, dense: boolean) {
    this.#partition = partition
    this.#dense = dense
  }

  reset(): void {
    this.#rank = 0
  }

  valueOf(i: number): Value {
    if (i === 0 || !this.#partition.areTied(i - 1, i)) this.#rank = this.#dense ? this.#rank + 1 : i + 1
    return numberValue(this.#rank)
  }
}

function numberValue(n: number): Value {
  return n <= 0x7fffffff ? int32Value(n) : int64Value(n)
}
