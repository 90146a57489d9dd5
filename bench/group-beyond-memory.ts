/**
 * A process of its own: groups by keys of ten times the memory that a stage may have, and prints how many groups there were, the seconds
 * and the most memory that it held, as JSON. Argument: a folder for the database.
 */

import { stageMemoryDefaultBytes } from '../pkg/aggregate/stage.ts'
import { open } from '../pkg/lauradb.ts'

const directory = process.argv[2]
if (directory === undefined) throw new Error('a folder is needed')
const keyBytes = 250
const perDocument = 4096
const documents = Math.ceil((stageMemoryDefaultBytes * 10) / keyBytes / perDocument)

const laura = await open(directory)
const seeds = laura.db('bench').collection('seeds')
await seeds.insertMany(Array.from({ length: documents }, (_, _id) => ({ _id, text: 'k'.repeat(keyBytes - 12) })))
const began = performance.now()
const [counted] = await seeds
  .aggregate([
    { $set: { n: { $range: [0, perDocument] } } },
    { $unwind: '$n' },
    { $group: { _id: { $concat: [{ $toString: { $add: [{ $multiply: ['$_id', perDocument] }, '$n'] } }, '$text'] } } },
    { $count: 'groups' },
  ])
  .toArray()
const seconds = (performance.now() - began) / 1000
await laura.close()
// maxRSS is in kibibytes.
console.log(JSON.stringify({ groups: counted?.groups, seconds, residentBytes: process.resourceUsage().maxRSS * 1024 }))
