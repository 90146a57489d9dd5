/**
 * A process whose memory is measured: `DIR MEGABYTES` watches while one transaction of so many documents of a megabyte's thousandth is
 * committed. Prints `{rssBefore, rssPeak, events}`: the most, in bytes, up to the commit and in all.
 */
import { open } from '../../lauradb.ts'

const [directory, megabytes] = process.argv.slice(2)
const documentBytes = 1000
const perWrite = 500
const count = Number(megabytes) * 1000
const laura = await open(directory!, { cacheSizeBytes: 16 * 2 ** 20, transactionMemoryBytes: 8 * 2 ** 20 })
const collection = laura.db('db').collection('c')
await collection.insertOne({ warm: 1 })
const stream = collection.watch()
const iterator = stream[Symbol.asyncIterator]()
const first = iterator.next()
const text = 'x'.repeat(documentBytes - 40)
const session = laura.startSession()
session.startTransaction()
for (let id = 0; id < count; id += perWrite)
  await collection.insertMany(
    Array.from({ length: perWrite }, (_, n) => ({ _id: id + n, text })),
    { session },
  )
const rssBefore = process.resourceUsage().maxRSS * 1024
await session.commitTransaction()
let events = 0
for (let next = await first; ; next = await iterator.next()) {
  if (next.done === true) break
  if (++events === count) break
}
const rssPeak = process.resourceUsage().maxRSS * 1024
process.stdout.write(JSON.stringify({ rssBefore, rssPeak, events }))
process.exit(0)
