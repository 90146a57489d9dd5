/** Regular expressions: refused by name until there is an engine that a hostile pattern cannot stop. */
import { DatabaseError } from '../../../base/errors.ts'
import type { Path } from '../../path.ts'

export function refuseRegex(path: Path): never {
  throw new DatabaseError('NotImplemented', `matching '${path.text}' by a regular expression is not supported yet`)
}
