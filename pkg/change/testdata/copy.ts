/** A copy of collections, kept up to date from events alone, in the dumbest way there is. */

type Document = Record<string, unknown>

export interface Event extends Document {
  readonly _id: { readonly _data: string }
  readonly operationType: string
  readonly clusterTime: unknown
  readonly ns: { readonly db: string; readonly coll: string }
  readonly to?: { readonly db: string; readonly coll: string }
  readonly documentKey: Document
  readonly fullDocument?: Document
  readonly updateDescription: {
    readonly updatedFields: Document
    readonly removedFields: string[]
    readonly truncatedArrays: { readonly field: string; readonly newSize: number }[]
    readonly disambiguatedPaths: Record<string, (string | number)[]>
  }
}

/** Collections by namespace, documents by their key. */
export type Copy = Map<string, Map<string, Document>>

export function applyEvent(copy: Copy, event: Event): void {
  const name = `${event.ns.db}.${event.ns.coll}`
  const documents = copy.get(name) ?? new Map<string, Document>()
  const key = JSON.stringify(event.documentKey?.['_id'])
  switch (event.operationType) {
    case 'insert':
      if (documents.has(key)) throw new Error(`inserted twice: ${key}`)
      documents.set(key, event.fullDocument!)
      break
    case 'replace':
      if (!documents.has(key)) throw new Error(`replaced before it was there: ${key}`)
      documents.set(key, event.fullDocument!)
      break
    case 'update':
      update(documents.get(key)!, event.updateDescription)
      break
    case 'delete':
      if (!documents.delete(key)) throw new Error(`deleted before it was there: ${key}`)
      break
    case 'drop':
      documents.clear()
      break
    case 'rename':
      copy.delete(name)
      copy.delete(`${event.to!.db}.${event.to!.coll}`)
      if (documents.size > 0) copy.set(`${event.to!.db}.${event.to!.coll}`, documents)
      return
    default:
      return
  }
  if (documents.size > 0) copy.set(name, documents)
  else copy.delete(name)
}

function update(document: Document, description: Event['updateDescription']): void {
  const parts = (path: string): (string | number)[] => description.disambiguatedPaths[path] ?? path.split('.')
  for (const { field, newSize } of description.truncatedArrays) (valueAt(document, parts(field)) as unknown[]).length = newSize
  for (const path of description.removedFields) {
    const at = parts(path)
    delete (valueAt(document, at.slice(0, -1)) as Document)[String(at.at(-1))]
  }
  for (const [path, value] of Object.entries(description.updatedFields)) {
    const at = parts(path)
    const within = valueAt(document, at.slice(0, -1)) as Document
    const index = Number(at.at(-1))
    if (Array.isArray(within)) while (within.length < index) within.push(null)
    within[String(at.at(-1))] = value
  }
}

function valueAt(document: Document, parts: readonly (string | number)[]): unknown {
  return parts.reduce<unknown>((value, part) => (value as Document)[String(part)], document)
}
