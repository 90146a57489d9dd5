/** What the disk itself can do: a write of a few hundred bytes and an fdatasync, over and over, on a growing file. */
import { closeSync, fdatasyncSync, openSync, writeSync } from 'node:fs'

export function rawSyncsPerSecond(directory: string, count: number, bytes = 400): number {
  const file = openSync(`${directory}/raw.bin`, 'w')
  const block = new Uint8Array(bytes).fill(65)
  const begin = performance.now()
  for (let i = 0; i < count; i++) {
    writeSync(file, block, 0, bytes, i * bytes)
    fdatasyncSync(file)
  }
  const seconds = (performance.now() - begin) / 1000
  closeSync(file)
  return count / seconds
}
