/**
 * The house rules, each a function from the sources to what breaks it. docs/architecture.md has the ranks; the reasons are
 * there and in the rules' names.
 */
import { posix } from 'node:path'
import type { Source } from './source.ts'

export type Sources = ReadonlyMap<string, Source>

/** Rank by folder (or file), longest name first; places of one row of the table are one place. */
export type Ranks = readonly { readonly place: string; readonly rank: number; readonly row: number }[]

/** Ranks as docs/architecture.md tables them: `| 2 | \`pkg/storage\` | ... |`. */
export function ranksIn(markdown: string): Ranks {
  const rows = [...markdown.matchAll(/^\| *(\d+) *\| *((?:`[^`]+`(?:, *)?)+) *\|/gm)]
  return rows
    .flatMap((row, index) =>
      [...row[2]!.matchAll(/`([^`]+)`/g)].map((name) => ({
        place: name[1]!.replace(/\/$/, ''),
        rank: Number(row[1]),
        row: index,
      })),
    )
    .sort((a, b) => b.place.length - a.place.length)
}

/** Tests, and what only they use. */
const isTest = (path: string) => path.endsWith('.test.ts') || path.includes('/testdata/')
/** Code beside the product, which may use the host and import from every rank. */
const isOutside = (path: string) => /^(?:bench|scripts|clients)\//.test(path) || !path.includes('/')
const isSimulation = (path: string) => path.startsWith('pkg/sim/')

function placeOf(path: string, ranks: Ranks): Ranks[number] | undefined {
  return ranks.find(({ place }) => path === place || path.startsWith(`${place}/`))
}

/** The path in the tree that an import names, or undefined when it names a package. */
function target(source: Source, specifier: string): string | undefined {
  return specifier.startsWith('.') ? posix.normalize(posix.join(posix.dirname(source.path), specifier)) : undefined
}

export function filesWithoutRank(sources: Sources, ranks: Ranks): string[] {
  return [...sources.keys()].filter(
    (path) => !isOutside(path) && !isSimulation(path) && !isTest(path) && placeOf(path, ranks) === undefined,
  )
}

export function importsOfMissingFiles(sources: Sources): string[] {
  return problems(sources, (source) =>
    source.imports.flatMap(({ specifier }) => {
      const path = target(source, specifier)
      const known = path === undefined || sources.has(path) || path.endsWith('.json') || path.endsWith('.mjs')
      return known ? [] : [`imports ${specifier}, which is not a file of the tree`]
    }),
  )
}

/** Only from a lower rank or the own folder. Tests and what stands beside the product may import everything. */
export function upwardImports(sources: Sources, ranks: Ranks): string[] {
  return problems(sources, (source) => {
    const from = placeOf(source.path, ranks)
    if (from === undefined || isTest(source.path)) return []
    return source.imports.flatMap(({ specifier }) => {
      const path = target(source, specifier)
      const to = path === undefined ? undefined : placeOf(path, ranks)
      if (to === undefined || to.row === from.row || to.rank < from.rank) return []
      return [`(rank ${from.rank}) imports ${path} (rank ${to.rank})`]
    })
  })
}

export function simulationInProduct(sources: Sources): string[] {
  return problems(sources, (source) => {
    if (isTest(source.path) || isOutside(source.path) || isSimulation(source.path)) return []
    return source.imports
      .filter(({ specifier }) => isSimulation(target(source, specifier) ?? ''))
      .map(({ specifier }) => `imports ${specifier}`)
  })
}

/** Cycles of imports that exist when the program runs, each once, as `a -> b -> a`. */
export function importCycles(sources: Sources): string[] {
  const done = new Set<string>()
  const cycles: string[] = []
  const visit = (path: string, trail: string[]) => {
    const from = trail.indexOf(path)
    if (from >= 0) {
      cycles.push([...trail.slice(from), path].join(' -> '))
      return
    }
    if (done.has(path)) return
    done.add(path)
    for (const next of runtimeImports(sources.get(path))) visit(next, [...trail, path])
  }
  for (const path of sources.keys()) visit(path, [])
  return cycles
}

function runtimeImports(source: Source | undefined): string[] {
  return (source?.imports ?? [])
    .filter(({ typeOnly }) => !typeOnly)
    .flatMap(({ specifier }) => target(source!, specifier) ?? [])
}

const banned: readonly (readonly [RegExp, string])[] = [
  [/\bDate\.now\b/, 'Date.now'],
  [/\bnew Date(?:\(\s*\)|(?!\s*\())/, 'new Date without a time'],
  [/(?<![.\w] ?)Date\(/, 'Date()'],
  [/\bMath\.random\b/, 'Math.random'],
  [/\bperformance\.now\b/, 'performance.now'],
  [/\bhrtime\b/, 'process.hrtime'],
  [/(?<!\.)\b(?:setTimeout|setInterval|setImmediate)\b/, 'a timer'],
  [/\b(?:randomBytes|randomUUID|getRandomValues|randomInt|randomFillSync)\b/, 'randomness'],
]
const bannedModules = /^(?:node:)?(?:fs|net|os|child_process|dgram|tls|http|https|http2|timers|sqlite|cluster)(?:\/|$)/

/** Time, randomness, disk and network come from the world that is passed in, so that a run can be repeated from a seed. */
export function bypassesOfTheWorld(sources: Sources): string[] {
  return problems(sources, (source) => {
    if (!source.path.startsWith('pkg/') || source.path.startsWith('pkg/io/host/') || isTest(source.path)) return []
    const code = source.code.replace(/\bnew Date\((?!\s*\))/g, 'givenDate(')
    // The simulated clock takes its turns on the event loop it runs in; nothing else there may.
    if (source.path === 'pkg/sim/clock.ts') return []
    return [
      ...banned.filter(([pattern]) => pattern.test(code)).map(([, name]) => `uses ${name}`),
      ...source.imports
        .filter(({ specifier }) => bannedModules.test(specifier))
        .map(({ specifier }) => `imports ${specifier}`),
    ]
  })
}

/** Files that nothing but their own test knows. `entries`: where the program, its scripts and its tools begin. */
export function deadFiles(sources: Sources, entries: readonly string[]): string[] {
  const reached = reach(
    sources,
    entries.filter((path) => sources.has(path)),
  )
  for (const path of [...sources.keys()].filter((each) => each.endsWith('.test.ts'))) {
    const own = path.replace(/\.test\.ts$/, '.ts')
    for (const each of reach(sources, [path], own)) if (each !== own) reached.add(each)
  }
  return [...sources.keys()].filter((path) => !reached.has(path) && !path.endsWith('.d.ts'))
}

/** Everything that `from` import or name, directly or not, themselves included; not going through `except`. */
function reach(sources: Sources, from: readonly string[], except?: string): Set<string> {
  const reached = new Set<string>()
  const waiting = [...from]
  for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
    if (reached.has(path) || path === except) continue
    reached.add(path)
    const source = sources.get(path)
    for (const { specifier } of source?.imports ?? []) {
      const next = target(source!, specifier)
      if (next !== undefined) waiting.push(next)
    }
    waiting.push(...(source?.mentions ?? []).filter((each) => sources.has(each)))
  }
  return reached
}

/** A file that only passes on what others export hides where things are. The package's own front is the exception. */
export function barrels(sources: Sources, fronts: readonly string[]): string[] {
  return [...sources.values()]
    .filter(({ path, code }) => {
      if (!path.startsWith('pkg/') || isTest(path) || fronts.includes(path)) return false
      const statements = code.replace(/^\s*export\s+(?:type\s+)?(?:\*[^'"\n;]*|\{[^}]*\})\s*from[^\n]*$/gm, '')
      return statements !== code && statements.trim() === ''
    })
    .map(({ path }) => `${path} only re-exports`)
}

// In two pieces, so that this file does not break its own rule.
const leftover = new RegExp(`\\b(?:${['TO' + 'DO', 'FIX' + 'ME', 'XX' + 'X', 'HA' + 'CK'].join('|')})\\b`)

export function leftovers(sources: Sources): string[] {
  return problems(sources, (source) => [
    ...lines(source.text, leftover).map((line) => `line ${line}: unfinished`),
    ...(isTest(source.path) ? lines(source.code, /\b(?:it|test|describe)\.(?:only|skip|todo)\b/) : []).map(
      (line) => `line ${line}: a test that does not run`,
    ),
  ])
}

function lines(text: string, pattern: RegExp): number[] {
  return text.split('\n').flatMap((line, index) => (pattern.test(line) ? [index + 1] : []))
}

const linesMax = 800

/** A long file says at its head why it is one file. */
export function longFilesWithoutReason(sources: Sources): string[] {
  return problems(sources, ({ text }) => {
    const count = text.split('\n').length
    const head = /^(?:#![^\n]*\n)?\s*\/\*\*[\s\S]*?\*\//.exec(text)?.[0] ?? ''
    return count > linesMax && !/one file/i.test(head)
      ? [`has ${count} lines and no head comment that says why it is one file`]
      : []
  })
}

const emptyWords = /(?:^|[-/.])(?:utils?|helpers?|managers?|services?|common|misc|shared)(?=[-/.]|$)/

export function emptyNames(sources: Sources): string[] {
  return [...sources.keys()].filter((path) => emptyWords.test(path))
}

function problems(sources: Sources, find: (source: Source) => string[]): string[] {
  return [...sources.values()].flatMap((source) => find(source).map((problem) => `${source.path} ${problem}`))
}
