/** A program that awaits something of the database, and has nothing else to do meanwhile, must not end before it has it. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'

const folder = mkdtempSync(join(tmpdir(), 'laura-idle-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** What `body`, with the open database as `laura` and a collection as `items`, prints. */
function printedBy(name: string, body: string): string {
  const program = `
    import { open } from ${JSON.stringify(new URL('../lauradb.ts', import.meta.url).href)}
    const laura = await open(${JSON.stringify(join(folder, name))})
    const items = laura.db('app').collection('items')
    await items.insertMany(Array.from({ length: 5000 }, (_, _id) => ({ _id, n: 0 })))
    ${body}
    await laura.close()`
  return spawnSync(process.execPath, ['--input-type=module', '-e', program], { encoding: 'utf8' }).stdout
}

test('vacuum that rests because there were writes', () => {
  const body = `
    await laura.transaction(async (session) => {
      await session.db('app').collection('items').findOne({ _id: 1 })
      await items.updateMany({}, { $inc: { n: 1 } })
    })
    console.log('dropped', await laura.vacuum())`
  expect(printedBy('vacuum', body)).toBe('dropped 5000\n')
})

test('a transaction that begins again some time after a conflict', () => {
  const body = `
    let attempts = 0
    await laura.transaction(async (session) => {
      await session.db('app').collection('items').findOne({ _id: 1 })
      if (++attempts < 5) await items.updateOne({ _id: 1 }, { $inc: { n: 1 } })
      await session.db('app').collection('items').updateOne({ _id: 1 }, { $inc: { n: 1 } })
    })
    console.log('attempts', attempts)`
  expect(printedBy('conflict', body)).toBe('attempts 5\n')
})

test('a lock that its own program holds', () => {
  const body = `
    const [first, second] = [laura.startSession(), laura.startSession()]
    first.startTransaction()
    await first.db('app').collection('items').updateOne({ _id: 1 }, { $inc: { n: 1 } })
    second.startTransaction({ onConflict: 'wait', lockTimeoutMs: 50 })
    await second.db('app').collection('items').updateOne({ _id: 1 }, { $inc: { n: 1 } }).catch((error) => console.log(error.codeName))`
  expect(printedBy('lock', body)).toBe('LockTimeout\n')
})
