/** How deep documents nest: an update may put what was deep enough already deeper still. */
import { DatabaseError } from '../../base/errors.ts'
import { documentDepthMax } from '../../base/limits.ts'
import { bsonType } from '../../bson/type.ts'
import type { Value } from '../../bson/value.ts'
import { ElementWalker } from '../../bson/walk.ts'

/** Refuses a value that at `path` would lie or reach deeper than documents may. Errors: Overflow. */
export function refuseDeep(path: string, { type, bytes, start }: Value): void {
  let levels = 1
  for (let i = 0; i < path.length; i++) if (path.charCodeAt(i) === 0x2e) levels++
  if (levels + depthOf(type, bytes, start) > documentDepthMax) {
    throw new DatabaseError('Overflow', `Document exceeds maximum nested object depth: ${documentDepthMax}`)
  }
}

/** Levels of documents and arrays in a value, itself counted; 0 for a scalar. */
function depthOf(type: number, bytes: Uint8Array, start: number): number {
  if (type !== bsonType.document && type !== bsonType.array) return 0
  let deepest = 0
  const walker = new ElementWalker().reset(bytes, start)
  while (walker.next()) deepest = Math.max(deepest, depthOf(walker.type, bytes, walker.valueStart))
  return deepest + 1
}
