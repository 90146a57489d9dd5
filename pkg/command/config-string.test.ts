import { expect, test } from 'vitest'
import { checkConfigString } from './config-string.ts'

test('names of WiredTiger are taken, with values of every shape', () => {
  for (const text of [
    '',
    'block_compressor=zstd',
    'block_compressor=zstd,',
    'leaf_page_max=32KB, internal_page_max=16KB',
    'log=(enabled=true),checksum=on',
    'app_metadata=(formatVersion=1,x=[a,b])',
    'exclusive',
  ])
    expect(() => checkConfigString(text)).not.toThrow()
})

test('other names, and brackets that do not match, are refused', () => {
  for (const text of ['invalid=bad', 'checksum=on,invalid', 'log=(enabled=true', 'log=enabled)'])
    expect(() => checkConfigString(text), text).toThrow(/unknown configuration key|unbalanced/)
})
