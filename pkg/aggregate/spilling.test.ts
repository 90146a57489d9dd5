/** What stages hold beyond their memory: the same from disk as from memory, and refused where nothing may go there. */
import { describe, expect, it } from 'vitest'
import { buildDocument } from '../bson/build.ts'
import { HeldDocuments } from './held-documents.ts'
import { PipelineRun } from './stage.ts'
import { Files, run } from './testdata/pipelines.ts'

const small = { memoryLimitBytes: 60_000, allowDiskUse: true }
/** The keys of a join and of a graph have to fit. */
const roomy = { memoryLimitBytes: 250_000, allowDiskUse: true }

interface Row extends Record<string, unknown> {
  readonly _id: number
}

const items: readonly Row[] = Array.from({ length: 3000 }, (_, _id) => ({
  _id,
  at: (_id * 7919) % 1000,
  key: `key${(_id * 31) % 700}`,
  keys: [`key${_id % 50}`, null],
  next: [_id * 2 + 1, _id * 2 + 2],
  text: 'x'.repeat(_id % 90),
}))

describe('held documents', () => {
  const documents = items.map((item) => buildDocument(item))

  it('are there by number wherever they lie', () => {
    const files = new Files()
    const held = new HeldDocuments(new PipelineRun({ nowMs: 0, ...small, host: files.host }))
    for (const document of documents) expect(held.add(document, 0, document.length)).toBe(true)
    const shown = (i: number) => {
      held.show(i)
      return held.bytes.slice(held.start, held.end)
    }
    expect(held.count).toBe(documents.length)
    expect(held.spilledBytes).toBeGreaterThan(100_000)
    for (let i = 0; i < documents.length; i++) {
      expect(shown(i)).toEqual(documents[i])
      // A second walk, and now and then a document from anywhere.
      expect(shown(i >> 1)).toEqual(documents[i >> 1])
      if (i % 10 === 0) expect(shown((i * 7919) % documents.length)).toEqual(documents[(i * 7919) % documents.length])
      expect(held.usedBytes).toBeLessThan(70_000)
    }
    held.reset()
    held.add(documents[5]!, 0, documents[5]!.length)
    expect(shown(0)).toEqual(documents[5])
    held.close()
    expect(files).toMatchObject({ made: 1, open: 0 })
  })

  it('are not taken beyond the memory when nothing may go to disk', () => {
    const held = new HeldDocuments(new PipelineRun({ nowMs: 0, memoryLimitBytes: 60_000 }))
    const taken = documents.findIndex((document) => !held.add(document, 0, document.length))
    expect(taken).toBeGreaterThan(100)
    expect(held.usedBytes).toBeLessThanOrEqual(60_000)
    held.show(taken - 1)
    expect(held.bytes.slice(held.start, held.end)).toEqual(documents[taken - 1])
  })
})

/** Stages that hold much, and the error without a disk; undefined: they find another way. */
const cases: readonly (readonly [string, readonly Record<string, unknown>[], number | undefined])[] = [
  [
    'one partition of a window',
    [
      {
        $setWindowFields: {
          output: {
            before: { $sum: '$at', window: { documents: ['unbounded', 'unbounded'] } },
            all: { $last: '$key', window: { documents: ['unbounded', 'unbounded'] } },
          },
        },
      },
    ],
    5643011,
  ],
  [
    'a sorted partition of a window',
    [
      {
        $setWindowFields: {
          sortBy: { at: 1 },
          output: {
            least: { $min: '$_id', window: { documents: [-700, 650] } },
            rank: { $rank: {} },
            text: { $last: '$text', window: { documents: ['current', 'unbounded'] } },
          },
        },
      },
    ],
    292,
  ],
  [
    'groups of scored documents',
    [
      { $score: { score: '$at', scoreDetails: true } },
      {
        $group: {
          _id: '$_id',
          sum: { $sum: { $meta: 'score' } },
          top: { $top: { sortBy: { score: { $meta: 'score' } }, output: { $meta: 'scoreDetails' } } },
        },
      },
      { $match: { _id: { $mod: [15, 0] } } },
      { $sort: { _id: 1 } },
    ],
    292,
  ],
  [
    'windows of scored documents',
    [
      { $score: { score: '$at' } },
      {
        $setWindowFields: {
          partitionBy: { $mod: ['$_id', 3] },
          sortBy: { score: { $meta: 'score' } },
          output: { before: { $push: { $meta: 'score' }, window: { documents: [-2, 0] } } },
        },
      },
      { $set: { score: { $meta: 'score' } } },
    ],
    292,
  ],
  [
    'the foreign side of a join',
    [
      { $lookup: { from: 'others', localField: 'key', foreignField: 'key', as: 'found' } },
      { $set: { found: '$found._id' } },
    ],
    undefined,
  ],
  [
    'the foreign side of a join, by several values, unwound',
    [
      { $limit: 12 },
      { $lookup: { from: 'others', localField: 'keys', foreignField: 'keys', as: 'found' } },
      { $unwind: { path: '$found', includeArrayIndex: 'n' } },
      { $match: { n: { $lt: 70 } } },
    ],
    undefined,
  ],
  [
    'a pipeline that depends on nothing',
    [
      { $limit: 5 },
      { $lookup: { from: 'others', pipeline: [{ $project: { key: 1, text: 1 } }], as: 'found' } },
      { $unwind: '$found' },
    ],
    undefined,
  ],
  [
    'what a graph leads to',
    [
      { $limit: 3 },
      {
        $graphLookup: {
          from: 'others',
          startWith: '$_id',
          connectFromField: 'next',
          connectToField: '_id',
          depthField: 'depth',
          as: 'found',
        },
      },
      { $unwind: { path: '$found', includeArrayIndex: 'n', preserveNullAndEmptyArrays: true } },
      { $sort: { _id: 1, n: 1 } },
    ],
    40099,
  ],
]

describe('beyond the memory', () => {
  it.each(cases)('%s is the same from disk', (what, stages, code) => {
    const files = new Files(items)
    const spilled = run(stages, items, { ...(/join|graph/.test(what) ? roomy : small), host: files.host })
    expect(files.made).toBeGreaterThan(0)
    expect(files.open).toBe(0)
    const memory = new Files(items)
    expect(spilled).toEqual(run(stages, items, { host: memory.host }))
    expect(memory.made).toBe(0)
    const without = () => run(stages, items, { ...small, allowDiskUse: false, host: memory.host })
    if (code !== undefined) expect(without).toThrow(expect.objectContaining({ code }))
  })

  it('a window that holds too much itself is refused', () => {
    const window = { $push: '$text', window: { documents: ['unbounded', 'unbounded'] } }
    const stages = [{ $setWindowFields: { output: { all: window } } }]
    const files = new Files()
    expect(() => run(stages, items, { ...small, host: files.host })).toThrow(expect.objectContaining({ code: 5414201 }))
  })
})

it('a graph unwound at once is what it is unwound afterwards', () => {
  const graph = {
    $graphLookup: { from: 'others', startWith: '$at', connectFromField: 'at', connectToField: '_id', as: 'found' },
  }
  for (const unwind of [
    '$found',
    { path: '$found', includeArrayIndex: 'n' },
    { path: '$found', preserveNullAndEmptyArrays: true, includeArrayIndex: 'text' },
  ]) {
    const files = new Files(items.slice(0, 300))
    const data = items.slice(0, 50)
    const at = run([graph, { $unwind: unwind }], data, { host: files.host })
    expect(at.length).toBeGreaterThan(20)
    expect(at).toEqual(run([graph, { $skip: 0 }, { $unwind: unwind }], data, { host: files.host }))
  }
})
