/** What readers of the past are told of a collection that was another then. */
import { DatabaseError } from '../base/errors.ts'

export function snapshotUnavailable(namespace: string): DatabaseError {
  return new DatabaseError(
    'SnapshotUnavailable',
    `Unable to read from a snapshot due to pending collection catalog changes; please retry the operation. Collection: ${namespace}`,
  )
}
