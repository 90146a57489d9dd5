/** lmdb holding raw BSON values under the 12 bytes of the `_id`; a transaction is durable when it resolves. */
import { deserialize, serialize } from 'bson'
import { open } from 'lmdb'
import type { Person } from '../documents.ts'

export async function openLmdb(directory: string) {
  const database = open<Buffer, Buffer>({
    path: directory,
    encoding: 'binary',
    keyEncoding: 'binary',
    mapSize: 2 ** 33,
    overlappingSync: false,
  })
  return {
    async insertBatch(people: readonly Person[]): Promise<void> {
      await database.transaction(() => {
        for (const person of people) database.put(person._id.id as Buffer, serialize(person) as Buffer)
      })
    },
    findOne(id: Uint8Array): unknown {
      return deserialize(database.getBinaryFast(id as Buffer) as Uint8Array)
    },
    close: () => database.close(),
  }
}
