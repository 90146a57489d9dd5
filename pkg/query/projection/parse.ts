/** Projections of find: which fields to keep, or which to leave out. */

import { DatabaseError } from '../../base/errors.ts'
import { bsonType } from '../../bson/type.ts'
import { documentFields, isNumber, truthy, type Value } from '../../bson/value.ts'
import { checkFieldPath, type Path, parsePath } from '../path.ts'
import type { Projection, ProjectionNode } from './tree.ts'

/**
 * Throws 31253/31254 (inclusion and exclusion mixed), 31249/31250 (paths that collide), 51270 (an empty sub-projection),
 * the path errors of `checkFieldPath`, and NotImplemented for positional, `$slice`, `$elemMatch`, `$meta` and expressions.
 */
export function parseProjection(bytes: Uint8Array, start = 0): Projection {
  const paths: ProjectedPath[] = []
  collect(bytes, start, '', paths)
  const idPath = paths.find(({ path }) => path.text === '_id')
  // `_id` alone decides only when nothing else does.
  const deciding = paths.find((projected) => projected !== idPath) ?? idPath
  if (deciding === undefined) return { kind: 'all' }
  const included = deciding.included
  const root = mutableNode('')
  for (const projected of paths) {
    if (projected.included === included) addPath(root, projected.path)
    else if (projected !== idPath) refuseMixture(projected)
  }
  if (included && idPath === undefined && !paths.some(({ path }) => path.parts[0]!.name === '_id')) {
    addPath(root, parsePath('_id'))
  }
  return { kind: included ? 'inclusion' : 'exclusion', root }
}

interface ProjectedPath {
  readonly path: Path
  readonly included: boolean
}

function collect(bytes: Uint8Array, start: number, prefix: string, into: ProjectedPath[]): void {
  for (const field of documentFields(bytes, start)) {
    if (prefix !== '' && field.name.startsWith('$')) checkFieldPath(field.name)
    const text = prefix + field.name
    if (text.endsWith('.$') || text.includes('.$.')) {
      throw new DatabaseError('NotImplemented', `positional projection '${text}' is not supported yet`)
    }
    checkFieldPath(text)
    if (field.type === bsonType.document) collectNested(field, text, into)
    else into.push({ path: parsePath(text), included: isIncluded(text, field) })
  }
}

function collectNested(value: Value, text: string, into: ProjectedPath[]): void {
  const [first] = documentFields(value.bytes, value.start)
  if (first === undefined) {
    throw new DatabaseError(51270, `An empty sub-projection is not a valid value. Found empty object at path ${text}`)
  }
  if (first.name.startsWith('$')) {
    throw new DatabaseError('NotImplemented', `${first.name} in a projection is not supported yet`)
  }
  collect(value.bytes, value.start, `${text}.`, into)
}

function isIncluded(text: string, value: Value): boolean {
  if (value.type === bsonType.boolean || isNumber(value.type)) return truthy(value)
  throw new DatabaseError(
    'NotImplemented',
    `the projection of '${text}' to an expression or constant is not supported yet`,
  )
}

function refuseMixture({ path, included }: ProjectedPath): never {
  if (included) {
    throw new DatabaseError(31253, `Cannot do inclusion on field ${path.text} in exclusion projection`)
  }
  throw new DatabaseError(31254, `Cannot do exclusion on field ${path.text} in inclusion projection`)
}

interface MutableNode extends ProjectionNode {
  readonly children: Map<string, MutableNode>
}

function mutableNode(name: string): MutableNode {
  return { part: parsePath(name).parts[0]!, children: new Map() }
}

/** A node without children is the end of a path; so no path may go on from one, and none may end on a node with children. */
function addPath(root: MutableNode, path: Path): void {
  let node = root
  path.parts.forEach((part, i) => {
    let child = node.children.get(part.name)
    const end = i === path.parts.length - 1
    if (child === undefined) {
      child = { part, children: new Map() }
      node.children.set(part.name, child)
    } else if (end) throw new DatabaseError(31250, `Path collision at ${path.text}`)
    else if (child.children.size === 0) {
      const remaining = path.parts.slice(i + 1).map(({ name }) => name)
      throw new DatabaseError(31249, `Path collision at ${path.text} remaining portion ${remaining.join('.')}`)
    }
    node = child
  })
}
