/** @seald-io/nedb with a data file; it appends without fsync, so that it is here for orientation only. */
import { createRequire } from 'node:module'
import type NedbStore from '@seald-io/nedb'
import type { Person } from '../documents.ts'

const plain = (person: Person) => ({ ...person, _id: person._id.toHexString() })

// The package's type declarations and its CommonJS export disagree about the default export.
const Datastore = createRequire(import.meta.url)('@seald-io/nedb') as new (options: { filename: string }) => NedbStore

export async function openNedb(directory: string) {
  const store = new Datastore({ filename: `${directory}/people.nedb` })
  await store.loadDatabaseAsync()
  await store.ensureIndexAsync({ fieldName: 'email' })
  return {
    insertBatch: (people: readonly Person[]) => store.insertAsync(people.map(plain)),
    findOne: (id: string) => store.findOneAsync({ _id: id }),
    count: (age: number, city: string) => store.countAsync({ age: { $gte: age }, city }),
  }
}
