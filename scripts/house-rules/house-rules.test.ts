import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import packageJson from '../../package.json' with { type: 'json' }
import * as rules from './rules.ts'
import { readSource } from './source.ts'

const root = join(import.meta.dirname, '..', '..')
const ranks = rules.ranksIn(readFileSync(join(root, 'docs/architecture.md'), 'utf8'))

function tree(): rules.Sources {
  const paths = globSync('{pkg,server,clients,bench,scripts}/**/*.{ts,mjs}', {
    cwd: root,
    exclude: ['**/node_modules/**'],
  })
  return new Map(paths.sort().map((path) => [path, readSource(path, readFileSync(join(root, path), 'utf8'))]))
}

/** Where the program begins: the package's front, the command line, what its threads run, and every file that a script of package.json names. */
const entries = [
  'pkg/lauradb.ts',
  'server/main.ts',
  'pkg/command/detour-thread.ts',
  'clients/node/src/index.ts',
  ...Object.values(packageJson.scripts).flatMap((script) => script.match(/[\w./-]+\.(?:ts|mjs)/g) ?? []),
]

describe('the tree', () => {
  const sources = tree()

  it('has a rank for every file', () => {
    expect(rules.filesWithoutRank(sources, ranks)).toEqual([])
  })
  it('imports only files that are there', () => {
    expect(rules.importsOfMissingFiles(sources)).toEqual([])
  })
  it('imports only downwards', () => {
    expect(rules.upwardImports(sources, ranks)).toEqual([])
  })
  it('has no import cycle', () => {
    expect(rules.importCycles(sources)).toEqual([])
  })
  it('keeps the simulation out of the product', () => {
    expect(rules.simulationInProduct(sources)).toEqual([])
  })
  it('takes time, randomness, disk and network only from the world', () => {
    expect(rules.bypassesOfTheWorld(sources)).toEqual([])
  })
  it('has no file that nobody uses', () => {
    expect(rules.deadFiles(sources, entries)).toEqual([])
  })
  it('has no file that only re-exports', () => {
    expect(rules.barrels(sources, ['pkg/lauradb.ts'])).toEqual([])
  })
  it('has nothing unfinished', () => {
    expect(rules.leftovers(sources)).toEqual([])
  })
  it('has no long file without a reason', () => {
    expect(rules.longFilesWithoutReason(sources)).toEqual([])
  })
  it('has no name that says nothing', () => {
    expect(rules.emptyNames(sources)).toEqual([])
  })
})

/** A small tree for seeing that the rules find what they are for. */
function sourcesOf(files: Record<string, string>): rules.Sources {
  return new Map(Object.entries(files).map(([path, text]) => [path, readSource(path, text)]))
}

const smallRanks: rules.Ranks = [
  { place: 'pkg/storage', rank: 2, row: 3 },
  { place: 'pkg/base', rank: 0, row: 0 },
  { place: 'pkg/bson', rank: 1, row: 1 },
  { place: 'pkg/io', rank: 1, row: 2 },
  { place: 'server', rank: 10, row: 4 },
]

describe('the rules', () => {
  it('read the ranks from the document', () => {
    expect(ranks).toContainEqual(expect.objectContaining({ place: 'pkg/base', rank: 0 }))
    expect(ranks).toContainEqual(expect.objectContaining({ place: 'server', rank: 10 }))
    expect(ranks.length).toBeGreaterThan(12)
  })

  it('find a file without a rank', () => {
    expect(rules.filesWithoutRank(sourcesOf({ 'pkg/odd/a.ts': '', 'pkg/base/a.ts': '' }), smallRanks)).toEqual([
      'pkg/odd/a.ts',
    ])
  })

  it.each([
    ["import { b } from '../storage/b.ts'", 1],
    ["import type { b } from '../storage/b.ts'", 1],
    ["import {\n  b,\n} from '../storage/b.ts'", 1],
    ["export { b } from '../storage/b.ts'", 1],
    ["const b = await import('../storage/b.ts')", 1],
    ["import { b } from '../io/b.ts'", 1],
    ["import { b } from '../base/b.ts'", 0],
    ["import { b } from './b.ts'", 0],
    ["// import { b } from '../storage/b.ts'", 0],
  ])('find an import that is not downwards: %j', (line, count) => {
    expect(rules.upwardImports(sourcesOf({ 'pkg/bson/a.ts': line }), smallRanks)).toHaveLength(count)
  })

  it('find an import of a missing file', () => {
    expect(
      rules.importsOfMissingFiles(sourcesOf({ 'pkg/base/a.ts': "import './b'\nimport 'node:zlib'" })),
    ).toHaveLength(1)
  })

  it('find a cycle, but not one that only types make', () => {
    const a = "import { b } from './b.ts'"
    expect(
      rules.importCycles(sourcesOf({ 'pkg/base/a.ts': a, 'pkg/base/b.ts': "import { a } from './a.ts'" })),
    ).toEqual(['pkg/base/a.ts -> pkg/base/b.ts -> pkg/base/a.ts'])
    expect(
      rules.importCycles(sourcesOf({ 'pkg/base/a.ts': a, 'pkg/base/b.ts': "import type { a } from './a.ts'" })),
    ).toEqual([])
  })

  it('find the simulation in the product', () => {
    const line = "import { SimulatedDisk } from '../sim/disk.ts'"
    expect(
      rules.simulationInProduct(sourcesOf({ 'pkg/storage/a.ts': line, 'pkg/storage/a.test.ts': line })),
    ).toHaveLength(1)
  })

  it.each([
    ['const a = Date.now()', 1],
    ['const a = new Date()', 1],
    ['const a = new Date', 1],
    ['const a = new Date(5)', 0],
    ['const a = new Date(clock.nowMs())', 0],
    ['const a = Math.random()', 1],
    ['const a = performance.now()', 1],
    ['setTimeout(go, 5)', 1],
    ['clock.setTimer(5, go)', 0],
    ["import fs from 'node:fs'", 1],
    ["import { open } from 'node:fs/promises'", 1],
    ["import { crc32 } from 'node:zlib'", 0],
    ["const a = 'Date.now()'", 0],
    ['// Date.now()', 0],
    ['/* setTimeout */', 0],
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the text is a program
    ['const a = `${Date.now()}`', 1],
    ['const a = `Date.now()`', 0],
    ['const a = /setTimeout/', 0],
    ["const a = 'x'.length / setTimeout(go) / 2", 1],
    ['#!/usr/bin/env node\nsetTimeout(go)', 1],
  ])('find what goes past the world: %j', (line, count) => {
    expect(rules.bypassesOfTheWorld(sourcesOf({ 'pkg/base/a.ts': line }))).toHaveLength(count)
    expect(rules.bypassesOfTheWorld(sourcesOf({ 'pkg/io/host/a.ts': line }))).toEqual([])
  })

  it('find a file that only its own test knows', () => {
    const sources = sourcesOf({
      'server/main.ts': "import './used.ts'",
      'server/used.ts': "spawn('server/started.ts')",
      'server/started.ts': '',
      'server/dead.ts': '',
      'server/dead.test.ts': "import './dead.ts'\nimport './model.ts'",
      'server/model.ts': '',
    })
    expect(rules.deadFiles(sources, ['server/main.ts'])).toEqual(['server/dead.ts'])
  })

  it('find a file that only re-exports', () => {
    const sources = sourcesOf({
      'pkg/base/a.ts': "/** All. */\nexport * from './b.ts'\nexport { c } from './c.ts'",
      'pkg/base/b.ts': "export { c } from './c.ts'\nexport const b = 1",
    })
    expect(rules.barrels(sources, [])).toEqual(['pkg/base/a.ts only re-exports'])
  })

  it('find what is unfinished', () => {
    const mark = 'TO' + 'DO'
    expect(rules.leftovers(sourcesOf({ 'pkg/base/a.ts': `\n// ${mark}: later` }))).toEqual([
      'pkg/base/a.ts line 2: unfinished',
    ])
    expect(rules.leftovers(sourcesOf({ 'pkg/base/a.test.ts': `it.${'only'}('x', f)` }))).toHaveLength(1)
  })

  it('find a long file without a reason', () => {
    const long = '\n'.repeat(900)
    const sources = sourcesOf({
      'pkg/base/a.ts': `/** A parser. */${long}`,
      'pkg/base/b.ts': `/** A parser; one file because it is one grammar. */${long}`,
    })
    expect(rules.longFilesWithoutReason(sources)).toHaveLength(1)
  })

  it('find a name that says nothing', () => {
    expect(
      rules.emptyNames(
        sourcesOf({ 'pkg/base/string-utils.ts': '', 'pkg/common/a.ts': '', 'pkg/base/commonality.ts': '' }),
      ),
    ).toHaveLength(2)
  })
})
