/**
 * A process of its own: sorts keys of ten times the memory that a sort may have, and prints how many rows there were, the seconds and the
 * most memory that it held, as JSON. Argument: a folder for the database.
 */
import { open } from '../pkg/lauradb.ts'
import { sortMemoryDefaultBytes } from '../pkg/query/sort/sorter.ts'

const directory = process.argv[2]
if (directory === undefined) throw new Error('a folder is needed')
const keyBytes = 4000
const count = Math.ceil((sortMemoryDefaultBytes * 10) / keyBytes)

const laura = await open(directory, { cacheSizeBytes: 32 * 2 ** 20 })
const rows = laura.db('bench').collection('rows')
const padding = 'k'.repeat(keyBytes - 8)
for (let at = 0; at < count; at += 1000) {
  await rows.insertMany(
    Array.from({ length: Math.min(1000, count - at) }, (_, i) => {
      const n = (((at + i) * 48271) % 99999989) + ''
      return { _id: at + i, text: n.padStart(8, '0') + padding }
    }),
  )
}
const began = performance.now()
let given = 0
let before = ''
for await (const { text } of rows
  .find({})
  .sort({ text: 1 })
  .project({ text: { $substrBytes: ['$text', 0, 8] } })) {
  if (String(text) < before) throw new Error('rows out of order')
  before = String(text)
  given++
}
const seconds = (performance.now() - began) / 1000
await laura.close()
// maxRSS is in kibibytes.
console.log(
  JSON.stringify({
    rows: given,
    seconds,
    residentBytes: process.resourceUsage().maxRSS * 1024,
    limitBytes: sortMemoryDefaultBytes,
  }),
)
