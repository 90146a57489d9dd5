/** How deep documents nest: an update may put what was deep enough already deeper still. */
import { DatabaseError } from '../../base/errors.ts'
import { documentDepthMax } from '../../base/limits.ts'
import { nestsDeeper } from '../../bson/depth.ts'
import { bsonType } from '../../bson/type.ts'
import type { Value } from '../../bson/value.ts'

/** Refuses a value that at `path` would lie or reach deeper than stored documents may. Errors: Overflow. */
export function refuseDeep(path: string, { type, bytes, start }: Value): void {
  let levels = documentDepthMax - 1
  for (let i = 0; i < path.length; i++) if (path.charCodeAt(i) === 0x2e) levels--
  const isTooDeep =
    type === bsonType.document || type === bsonType.array ? nestsDeeper(bytes, start, levels) : levels < 0
  if (isTooDeep) throw tooDeep()
}

/** Refuses a whole document that nests deeper than stored ones may. Errors: Overflow. */
export function refuseDeepDocument(document: Uint8Array): void {
  if (nestsDeeper(document, 0, documentDepthMax)) throw tooDeep()
}

function tooDeep(): DatabaseError {
  return new DatabaseError('Overflow', `Document exceeds maximum nested object depth: ${documentDepthMax}`)
}
