import { timestampMax } from '../../base/timestamp.ts'
import type { Collection } from '../collection.ts'

/** Everything that a reader of what is newest may find in a collection, by record and by index. */
export function shownIn(collection: Collection): { found: string[]; documents: number; bytes: number } {
  const found: string[] = []
  const scan = collection.scan(timestampMax)
  while (scan.next()) found.push(Buffer.from(scan.bytes.subarray(scan.start, scan.end)).toString('hex'))
  scan.close()
  for (const index of collection.indexes) {
    const walk = index.scan(timestampMax)
    while (walk.next()) found.push(`${index.name} ${Buffer.from(walk.key.subarray(0, walk.keyEnd)).toString('hex')}`)
    walk.close()
  }
  return { found, documents: collection.documentCount, bytes: collection.dataSizeBytes }
}
