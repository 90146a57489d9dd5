/** @seald-io/nedb with a data file; it appends without fsync, so that it is here for orientation only. */
import { createRequire } from 'node:module'
import type { Person } from '../documents.ts'

/** The part of nedb that is used; the package's own declarations and its CommonJS export disagree about the default export. */
interface Nedb {
  loadDatabaseAsync(): Promise<void>
  ensureIndexAsync(options: { fieldName: string }): Promise<void>
  insertAsync(documents: readonly object[]): Promise<unknown>
  findOneAsync(query: object): Promise<unknown>
  countAsync(query: object): Promise<number>
}
const Datastore = createRequire(import.meta.url)('@seald-io/nedb') as new (options: { filename: string }) => Nedb

const plain = (person: Person) => ({ ...person, _id: person._id.toHexString() })

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
