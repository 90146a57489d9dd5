/** What is published is compiled: it must have the files that no other imports, such as what threads run. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'

const root = join(import.meta.dirname, '..')
const folder = mkdtempSync(join(tmpdir(), 'laura-build-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const program = `
  import { open } from ${JSON.stringify(join(folder, 'dist/pkg/lauradb.js'))}
  const laura = await open(${JSON.stringify(join(folder, 'data'))})
  const items = laura.db('app').collection('items')
  await items.insertOne({ _id: 1, values: Array.from({ length: 100000 }, (_, i) => 'value ' + i) })
  await items.updateOne({ _id: 1 }, { $pull: { values: { $ne: 'value 5' } } })
  console.log(JSON.stringify(await items.findOne({ _id: 1 })))
  await laura.close()
`

test('the compiled package opens a database and starts its threads', { timeout: 120_000 }, () => {
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'))
  const compiler = join(root, 'node_modules/.bin/tsc')
  execFileSync(compiler, ['-p', 'tsconfig.build.json', '--outDir', join(folder, 'dist')], { cwd: root })
  const output = execFileSync(process.execPath, ['--input-type=module', '--eval', program], { encoding: 'utf8' })
  expect(JSON.parse(output)).toEqual({ _id: 1, values: ['value 5'] })
})
