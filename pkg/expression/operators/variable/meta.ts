import { DatabaseError } from '../../../base/errors.ts'
import { bsonType } from '../../../bson/type.ts'
import { readString } from '../../../bson/value.ts'
import { metadataUnavailable } from '../../available-metadata.ts'
import { missing } from '../../expression.ts'
import { metadataNames, metadataOfSearches } from '../../metadata.ts'
import type { Operator } from '../operator.ts'

/**
 * `{$meta: name}`: what is known of a document besides its fields; missing where no stage before has given it.
 * Errors: 17307 for what is no string, 17308 for an unknown name, 40218 for what only a search
 * gives, and, in a pipeline, for a score that no stage before gives.
 */
export const meta: Operator = {
  name: '$meta',
  parse(operand, scope) {
    if (operand.type !== bsonType.string) throw new DatabaseError(17307, '$meta only supports string arguments')
    const name = readString(operand.bytes, operand.start)
    if (!metadataNames.has(name)) throw new DatabaseError(17308, `Unsupported argument to $meta: ${name}`)
    if (metadataOfSearches.has(name)) throw metadataUnavailable(name)
    scope.metadata?.need(name)
    return {
      kind: 'operator',
      name: '$meta',
      operands: [],
      make: () => (context) => context.metadata?.(name) ?? missing,
    }
  },
}
