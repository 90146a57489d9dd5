/** Documents that others lead to, looked up together: one query for all values that a step of a request asks for. */
import { Decimal128, Long } from 'bson'
import DataLoader from 'dataloader'
import { encodeDocument } from '../../pkg/bson/convert.ts'
import type { Document, Store } from './store.ts'

/** Values in one look-up. */
const valuesMax = 1000

/** The look-ups of one request, which remembers what it found until it is told to forget. */
export class RelatedDocuments {
  readonly #store: Store
  readonly #loaders = new Map<string, DataLoader<unknown, Document[], string>>()

  constructor(store: Store) {
    this.#store = store
  }

  /** The documents of a collection that have one of the values in `foreignField`, each once. */
  async find(collection: string, foreignField: string, values: readonly unknown[]): Promise<Document[]> {
    const found = new Set<Document>()
    for (const documents of await this.#loader(collection, foreignField).loadMany(values)) {
      if (documents instanceof Error) throw documents
      for (const document of documents) found.add(document)
    }
    return [...found]
  }

  /** From now on everything is looked up again. */
  forget(): void {
    this.#loaders.clear()
  }

  #loader(collection: string, foreignField: string): DataLoader<unknown, Document[], string> {
    const key = `${collection}\0${foreignField}`
    const known = this.#loaders.get(key)
    if (known !== undefined) return known
    const loader = new DataLoader<unknown, Document[], string>(
      (values) => this.#lookUp(collection, foreignField, values),
      { cacheKeyFn: keyText, maxBatchSize: valuesMax },
    )
    this.#loaders.set(key, loader)
    return loader
  }

  /** For each value the documents that have it. */
  async #lookUp(collection: string, foreignField: string, values: readonly unknown[]): Promise<Document[][]> {
    const documents = await this.#store.all({ find: collection, filter: { [foreignField]: { $in: values } } })
    const path = foreignField.split('.')
    const byKey = new Map<string, Document[]>()
    for (const document of documents) {
      for (const key of new Set(valuesAt(document, path).map(keyText))) {
        const others = byKey.get(key)
        if (others === undefined) byKey.set(key, [document])
        else others.push(document)
      }
    }
    return values.map((value) => byKey.get(keyText(value)) ?? [])
  }
}

/** The values at a path, through arrays as queries go; those of an array at its end. */
export function valuesAt(value: unknown, [name, ...rest]: readonly string[]): unknown[] {
  if (Array.isArray(value))
    return value.flatMap((each) => (name === undefined ? [each] : valuesAt(each, [name, ...rest])))
  if (name === undefined) return [value]
  if (typeof value !== 'object' || value === null) return []
  return Object.hasOwn(value, name) ? valuesAt((value as Document)[name], rest) : []
}

/** The same text for values that a query finds equal: numbers count, not their types. */
function keyText(value: unknown): string {
  const number = value instanceof Long || value instanceof Decimal128 ? Number(value.toString()) : value
  const isExact = typeof number === 'number' && (value === number || Number.isSafeInteger(number))
  return Buffer.from(encodeDocument({ v: isExact ? number : value })).toString('latin1')
}
