import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { hostWorld } from './host/world.ts'
import { TemporaryFiles } from './temporary-files.ts'

test('a large file has no name at once, and is freed over several turns', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'laura-temporary-'))
  const { disk, clock } = hostWorld(directory)
  const deferred: (() => void)[] = []
  try {
    const files = new TemporaryFiles(disk, { defer: (action) => deferred.push(action) }, 'tmp')
    const file = files.open()
    file.truncate(100 * 2 ** 20)
    file.close()
    expect(readdirSync(join(directory, 'tmp'))).toEqual([])
    // Another process, which begins to count anew.
    const other = new TemporaryFiles(disk, clock, 'tmp').open()
    let turns = 0
    for (let next = deferred.shift(); next !== undefined; next = deferred.shift(), turns++) next()
    expect(turns).toBe(3)
    expect(() => file.size()).toThrow()
    expect(readdirSync(join(directory, 'tmp'))).toEqual(['1'])
    other.close()
    expect(readdirSync(join(directory, 'tmp'))).toEqual([])
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
})
