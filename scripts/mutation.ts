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
import { type Mutation, mutated, mutations } from './mutations.ts'

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
function tryMutation(mutation: Mutation): string | undefined {
  const path = join(copy, mutation.file)
  const source = readFileSync(path, 'utf8')
  writeFileSync(path, mutated(mutation, source))
  try {
    return runTests(mutation.tests).failed
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
