/**
 * npm run mutation [-- --only conflict,fsync]
 *
 * Switches off, one at a time, what isolation and durability rest on, in a copy of the tree, and runs the tests that must notice.
 * Prints a table; exit code 1 when a mutation is not noticed, or does not fit the source any more.
 */
import { spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

interface Mutation {
  readonly name: string
  /** What is switched off. */
  readonly about: string
  readonly file: string
  /** This text, which is there exactly once, becomes that. */
  readonly from: string
  readonly to: string
  readonly tests: readonly string[]
}

const histories = ['pkg/sim/history.test.ts', 'pkg/sim/history-writes.test.ts']

const mutations: readonly Mutation[] = [
  {
    name: 'conflict',
    about: 'the conflict check: a transaction writes over what was committed since its snapshot',
    file: 'pkg/mvcc/overlaid-map.ts',
    from: ' || base.changedSince(key, keyLength, this.#sight.readTimestamp)',
    to: '',
    tests: histories,
  },
  {
    name: 'read range',
    about: 'the read-range check: a serializable transaction commits although others have written what it read',
    file: 'pkg/engine/transaction.ts',
    from: 'if (this.hasWritten || this.readLocks !== undefined) this.#validateReads()',
    to: '',
    tests: histories,
  },
  {
    name: 'lock',
    about: 'the lock check: a plain write goes over what an open transaction has written',
    file: 'pkg/mvcc/versioned-map.ts',
    from: 'if (!locks.isFree(target.space, target.key, target.mode)) throw new WriteConflict(target)',
    to: '',
    tests: [...histories, 'pkg/engine/transaction.test.ts'],
  },
  {
    name: 'session',
    about: 'the session record: a retryable write is logged without it',
    file: 'pkg/engine/write-unit.ts',
    from: 'this.#operations.session(body)',
    to: '',
    tests: histories,
  },
  {
    name: 'checkout',
    about: 'the checkout of a session: two attempts of one write run side by side',
    file: 'pkg/command/session.ts',
    from: 'if (this.#holder === undefined) {',
    to: 'if (this.#holder === undefined || true) {',
    tests: ['pkg/command/retryable-write.test.ts'],
  },
  {
    name: 'fsync',
    about: 'the wait for the disk before a write is acknowledged',
    file: 'pkg/command/operation.ts',
    from: 'if (!this.writeConcern.durable) return',
    to: 'if (this.writeConcern.durable) return',
    tests: histories,
  },
  {
    name: 'read durability',
    about: 'the wait for the disk before a majority or linearizable read is answered',
    file: 'pkg/command/dispatch.ts',
    from: 'if (durableIndex >= lastIndex) return reply',
    to: 'if (durableIndex <= lastIndex) return reply',
    tests: [...histories, 'pkg/command/replica-set.test.ts'],
  },
  {
    name: 'vacuum',
    about: 'the vacuum horizon: versions that an open snapshot needs are dropped',
    file: 'pkg/mvcc/snapshots.ts',
    from: 'return low < open.length && open[low]! < until',
    to: 'return false',
    tests: [...histories, 'pkg/mvcc/versioned-map.test.ts'],
  },
  {
    name: 'slices seen',
    about: 'what a commit in slices has applied is seen before all of it is',
    file: 'pkg/engine/sliced-commit.ts',
    from: 'this.#state.snapshots.visible = this.#before.timestamp',
    to: '',
    tests: [...histories, 'pkg/engine/sliced-commit.test.ts'],
  },
  {
    name: 'slices written',
    about: 'others write while a commit is applied in slices',
    file: 'pkg/engine/engine.ts',
    from: '    if (this.#standstill.over !== undefined) throw new WriteConflict(commitLock)\n',
    to: '',
    tests: [...histories, 'pkg/engine/sliced-commit.test.ts'],
  },
]

/** Seeds of each workload: a mutation that needs more to be noticed is not noticed. */
const seeds = '60'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const { values } = parseArgs({ options: { only: { type: 'string' } } })
const chosen = mutations.filter(({ name }) => values.only === undefined || values.only.split(',').includes(name))
const copy = mkdtempSync(join(tmpdir(), 'laura-mutation-'))
let unnoticed = 0
try {
  for (const part of ['pkg', 'server', 'package.json', 'tsconfig.json', 'vitest.config.ts'])
    cpSync(join(root, part), join(copy, part), { recursive: true })
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'))
  const rows = [row('mutation', 'noticed', 'by', 'what is switched off'), row('---', '---', '---', '---')]
  const whole = runTests([...new Set(chosen.flatMap(({ tests }) => tests))])
  if (whole.failed !== undefined) throw new Error(`without any mutation: ${whole.failed}`)
  for (const mutation of chosen) {
    const failed = tryMutation(mutation)
    if (failed === undefined) unnoticed++
    rows.push(row(mutation.name, failed === undefined ? 'NO' : 'yes', failed ?? '', mutation.about))
  }
  process.stdout.write(`${rows.join('\n')}\n`)
} finally {
  rmSync(copy, { recursive: true, force: true })
}
process.exitCode = unnoticed === 0 ? 0 : 1

function row(...cells: readonly string[]): string {
  return `| ${cells.join(' | ')} |`
}

/** The first test that fails; undefined: none does. */
function tryMutation({ name, file, from, to, tests }: Mutation): string | undefined {
  const path = join(copy, file)
  const source = readFileSync(path, 'utf8')
  if (source.split(from).length !== 2) throw new Error(`${name}: ${file} has not exactly once: ${from}`)
  writeFileSync(
    path,
    source.replace(from, () => to),
  )
  try {
    return runTests(tests).failed
  } finally {
    writeFileSync(path, source)
  }
}

function runTests(tests: readonly string[]): { readonly failed: string | undefined } {
  const runner = join(root, 'node_modules', 'vitest', 'vitest.mjs')
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [runner, 'run', '--bail', '1', '--maxWorkers', '1', '--reporter', 'verbose', ...tests],
    { cwd: copy, encoding: 'utf8', env: { ...process.env, LAURA_HISTORY_SEEDS: seeds, NO_COLOR: '1' } },
  )
  if (status === 0) return { failed: undefined }
  const line = stdout.split('\n').find((each) => /^\s*(?:×|FAIL)/.test(each)) ?? `${stdout}${stderr}`.slice(-1000)
  return {
    failed: line
      .trim()
      .replace(/^(?:×|FAIL)\s*/, '')
      .replaceAll('|', '/'),
  }
}
