import { bsonType } from '../bson/type.ts'
import { documentFields, documentOf } from '../bson/value.ts'

/** The paths that a filter looks at; undefined: not known. */
export function filterPaths(document: Uint8Array): string[] | undefined {
  const paths: string[] = []
  for (const field of documentFields(document)) {
    if (!field.name.startsWith('$')) paths.push(field.name)
    else if (field.name === '$and' || field.name === '$or' || field.name === '$nor') {
      for (const element of documentFields(field.bytes, field.start)) {
        const inner = element.type === bsonType.document ? filterPaths(documentOf(element)) : undefined
        if (inner === undefined) return undefined
        paths.push(...inner)
      }
    } else if (field.name !== '$comment') return undefined
  }
  return paths
}
