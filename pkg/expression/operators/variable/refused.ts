import { DatabaseError } from '../../../base/errors.ts'
import type { Operator } from '../operator.ts'

/** `$function` runs JavaScript of the user's within the server, which is not done here. */
export const userFunction: Operator = {
  name: '$function',
  parse() {
    throw new DatabaseError('NotImplemented', '$function is not supported: the server runs no JavaScript')
  },
}
