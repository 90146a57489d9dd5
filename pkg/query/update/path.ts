/** Paths of the update language: `a.b`, `a.0`, `a.$`, `a.$[]`, `a.$[identifier]`. */
import { DatabaseError } from '../../base/errors.ts'
import type { ElementFilter, PathPart } from './update.ts'

/** Most array elements that one update may add as padding before the index it sets. */
export const paddingMax = 1_500_000

const allElements: ElementFilter = { identifier: '', nsPerByte: 0, matches: () => true }

/**
 * Splits and checks a path. `filters`: the array filters by identifier.
 * Errors: EmptyFieldName, BadValue for a placeholder that cannot stand where it does.
 */
export function parsePath(path: string, filters: ReadonlyMap<string, ElementFilter>): PathPart[] {
  if (path.length > 0 && !path.includes('.') && path[0] !== '$') return [{ kind: 'field', name: path }]
  const parts: PathPart[] = []
  let positional = false
  for (const name of path.split('.')) {
    if (name === '') {
      throw new DatabaseError(
        'EmptyFieldName',
        `The update path '${path}' contains an empty field name, which is not allowed.`,
      )
    }
    const first = parts.length === 0
    if (name === '$') {
      if (first) {
        throw new DatabaseError(
          'BadValue',
          `Cannot have positional (i.e. '$') element in the first position in path '${path}'`,
        )
      }
      if (positional) {
        throw new DatabaseError('BadValue', `Too many positional (i.e. '$') elements found in path '${path}'`)
      }
      positional = true
      parts.push({ kind: 'positional' })
    } else if (name.startsWith('$[') && name.endsWith(']')) {
      if (first) {
        throw new DatabaseError(
          'BadValue',
          `Cannot have array filter identifier (i.e. '$[<id>]') element in the first position in path '${path}'`,
        )
      }
      const identifier = name.slice(2, -1)
      const filter = identifier === '' ? allElements : filters.get(identifier)
      if (filter === undefined) {
        throw new DatabaseError('BadValue', `No array filter found for identifier '${identifier}' in path '${path}'`)
      }
      parts.push({ kind: 'elements', filter })
    } else {
      parts.push({ kind: 'field', name })
    }
  }
  return parts
}

/** The array index that a field name spells in decimal without leading zeros, or -1. */
export function arrayIndexOf(name: string): number {
  const first = name.charCodeAt(0)
  if (!(first >= 48 && first <= 57) || name.length > 10) return -1
  if (first === 48) return name.length === 1 ? 0 : -1
  for (let i = 1; i < name.length; i++) {
    const code = name.charCodeAt(i)
    if (code < 48 || code > 57) return -1
  }
  return Number(name)
}
