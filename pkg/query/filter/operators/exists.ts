/** `$exists` */
import { truthy } from '../../../bson/value.ts'
import { missing, type PathOperator, type ValueTest } from '../operator.ts'
import type { ExistsFilter } from '../tree.ts'

export const existsOperator: PathOperator = {
  name: '$exists',
  parse(path, operand) {
    const exists: ExistsFilter = { kind: 'exists', path }
    return truthy(operand) ? exists : { kind: 'not', filter: exists }
  },
}

export const existsTest: ValueTest = (type) => type !== missing
