/** node:sqlite with JSONB documents, WAL and synchronous=full: a commit is durable when it returns. */
import { DatabaseSync } from 'node:sqlite'
import type { Person } from '../documents.ts'

const text = (person: Person): string => JSON.stringify({ ...person, _id: person._id.toHexString() })

export function openSqlite(directory: string, indexed: boolean) {
  const database = new DatabaseSync(`${directory}/peer.sqlite`)
  database.exec(
    'pragma journal_mode=wal; pragma synchronous=full; create table people (id text primary key, doc blob) without rowid',
  )
  if (indexed) database.exec(`create index people_email on people (doc ->> '$.email')`)
  const insert = database.prepare('insert into people values (?, jsonb(?))')
  const get = database.prepare('select json(doc) as doc from people where id = ?')
  const increment = database.prepare(
    `update people set doc = jsonb_set(doc, '$.age', (doc ->> '$.age') + 1) where id = ?`,
  )
  const count = database.prepare(`select count(*) as n from people where doc ->> '$.age' >= ? and doc ->> '$.city' = ?`)
  return {
    insertBatch(people: readonly Person[]): void {
      database.exec('begin')
      for (const person of people) insert.run(person._id.toHexString(), text(person))
      database.exec('commit')
    },
    findOne(id: string): unknown {
      return JSON.parse((get.get(id) as { doc: string }).doc)
    },
    incrementBatch(ids: readonly string[]): void {
      database.exec('begin')
      for (const id of ids) increment.run(id)
      database.exec('commit')
    },
    count(age: number, city: string): number {
      return (count.get(age, city) as { n: number }).n
    },
    close: () => database.close(),
  }
}
