import { type ChildProcess, spawn } from 'node:child_process'
import fs, { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test, vi } from 'vitest'
import { HostDisk } from './disk.ts'

const folder = mkdtempSync(join(tmpdir(), 'laura-lock-'))
const disk = new HostDisk(folder)
const children: ChildProcess[] = []
afterAll(() => {
  for (const child of children) child.kill('SIGKILL')
  rmSync(folder, { recursive: true, force: true })
})

/** Another process that says `locked` or why not, and then stays. */
async function contender(): Promise<{ child: ChildProcess; said: string }> {
  const module = new URL('./disk.ts', import.meta.url).href
  const program = `
    const { HostDisk } = await import(${JSON.stringify(module)})
    try { globalThis.lock = new HostDisk(${JSON.stringify(folder)}).lock('lock'); console.log('locked') }
    catch (error) { console.log(error.message) }
    setInterval(() => {}, 1000)`
  const child = spawn(process.execPath, ['--input-type=module', '--eval', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  children.push(child)
  const said = await new Promise<string>((resolve) =>
    child.stdout!.once('data', (text) => resolve(String(text).trim())),
  )
  return { child, said }
}

async function killed(child: ChildProcess): Promise<void> {
  const exited = new Promise((resolve) => child.once('exit', resolve))
  child.kill('SIGKILL')
  await exited
}

test('a lock keeps other processes out, names its holder, and ends with a killed process', async () => {
  const first = await contender()
  expect(first.said).toBe('locked')
  expect(() => disk.lock('lock')).toThrow(new RegExp(`in use by process ${first.child.pid} on .*ELOCKED`))
  expect((await contender()).said).toContain(`in use by process ${first.child.pid}`)
  await killed(first.child)
  const lock = disk.lock('lock')
  expect((await contender()).said).toContain(`in use by process ${process.pid}`)
  expect(() => disk.lock('lock')).toThrow('already open in this process')
  expect((await contender()).said).toContain(`in use by process ${process.pid}`)
  lock.release()
})

test('of processes that race for the lock of a dead one, exactly one gets it', async () => {
  const first = await contender()
  expect(first.said).toBe('locked')
  await killed(first.child)
  const said = (await Promise.all([contender(), contender(), contender(), contender()])).map((each) => each.said)
  expect(said.filter((text) => text === 'locked')).toHaveLength(1)
  expect(said.filter((text) => text.includes('ELOCKED'))).toHaveLength(3)
})

test('a full disk does not keep the lock from being taken', async () => {
  const full = vi.spyOn(fs, 'writeFileSync').mockImplementation(() => {
    throw Object.assign(new Error('no space left on device'), { code: 'ENOSPC' })
  })
  const lock = disk.lock('full')
  expect(full).toHaveBeenCalled()
  full.mockRestore()
  expect(() => disk.lock('full')).toThrow('already open in this process')
  lock.release()
  disk.lock('full').release()
})
