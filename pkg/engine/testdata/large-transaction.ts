/**
 * A process of its own, whose memory is measured: `write DIR MEGABYTES` commits one transaction of so many documents of a megabyte's
 * thousandth and ends as if killed, `read DIR` opens what is there. Both print `{rssBefore, rssPeak, documents}`, in bytes.
 */
import { buildDocument } from '../../bson/build.ts'
import { hostWorld } from '../../io/host/world.ts'
import { Engine } from '../engine.ts'

const [what, directory, megabytes] = process.argv.slice(2)
const documentBytes = 1000
const perWrite = 500
const options = { cacheSizeBytes: 16 * 2 ** 20, transactionMemoryBytes: 8 * 2 ** 20, logSegmentBytes: 2 ** 20 }
const world = hostWorld(directory!)
/** What modules and caches take that are there in any case. */
const rssBefore = process.memoryUsage().rss
const engine = await Engine.open(world, 'data', options)
if (what === 'write') await write(Number(megabytes) * 1000)
const documents = engine.collection('db', 'c')!.documentCount
process.stdout.write(JSON.stringify({ rssBefore, rssPeak: process.resourceUsage().maxRSS * 1024, documents }))
process.exit(0)

async function write(count: number): Promise<void> {
  engine.write((unit) => {
    const collection = unit.createCollection('db', 'c', buildDocument({}))
    unit.createIndex(collection, buildDocument({ v: 2, key: { n: 1 }, name: 'n' }))
  })
  const transaction = engine.begin()
  const text = 'x'.repeat(documentBytes - 40)
  for (let id = 0; id < count; ) {
    transaction.write((unit) => {
      const collection = transaction.collection('db', 'c')!
      for (const end = Math.min(count, id + perWrite); id < end; id++)
        unit.insert(collection, buildDocument({ _id: id, n: (id * 7919) % count, text }))
    })
    await world.clock.yield()
  }
  await engine.durable(await transaction.commitLater())
}
