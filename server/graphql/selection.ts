/** What a query selects below a field, so that nothing else needs to leave the database. */
import { type GraphQLResolveInfo, Kind, type SelectionSetNode } from 'graphql'
import type { CollectionModel } from './model.ts'
import type { Document } from './store.ts'

/** Dotted names of what is selected below a field, down to `depth`; fragments are looked into. */
export function selectedPaths(info: GraphQLResolveInfo, depth: number): string[] {
  const paths: string[] = []
  const walk = (set: SelectionSetNode | undefined, prefix: string, left: number): void => {
    for (const selection of set?.selections ?? []) {
      if (selection.kind === Kind.FIELD) {
        const path = prefix + selection.name.value
        paths.push(path)
        if (left > 1) walk(selection.selectionSet, `${path}.`, left - 1)
      } else if (selection.kind === Kind.INLINE_FRAGMENT) walk(selection.selectionSet, prefix, left)
      else walk(info.fragments[selection.name.value]?.selectionSet, prefix, left)
    }
  }
  for (const node of info.fieldNodes) walk(node.selectionSet, '', depth)
  return paths
}

/** Only the fields that are selected need to leave the database; undefined: all of them. */
export function projectionFor(
  info: GraphQLResolveInfo,
  model: CollectionModel,
  places: readonly string[],
): Document | undefined {
  const projection: Document = { _id: 1 }
  for (const path of selectedPaths(info, 3)) {
    const place = places.find((each) => path.startsWith(`${each}.`))
    if (place === undefined) continue
    const name = path.slice(place.length + 1)
    if (name.includes('.') || name.startsWith('__')) continue
    if (name === '_document') return undefined
    const field = model.fields.find((each) => each.name === name)
    const relation = model.relations.find((each) => each.name === name)
    if (field !== undefined) projection[field.path] = 1
    // The whole field: its path and one below it cannot be asked for together.
    if (relation !== undefined) projection[relation.localField.split('.')[0]!] = 1
  }
  return projection
}
