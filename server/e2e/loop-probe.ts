/**
 * Loaded into a server before its own code (`--import`): how long single turns of its event loop held it, told apart from how long the machine let the
 * process wait for a processor, which on a busy machine is most of what a clock shows. A turn that held it for longer than `longTurnMs` becomes a
 * line of a file.
 */
import { appendFileSync, closeSync, openSync, readFileSync, readSync } from 'node:fs'
import { platform } from 'node:os'
import { isMainThread } from 'node:worker_threads'

export interface LongTurn {
  /** When it ended, on the clock, in ms since 1970. */
  readonly endMs: number
  /** Of which it computed. */
  readonly cpuMs: number
  /** From its begin to its end, without the time for which no processor was free: computing and waiting for the disk. */
  readonly heldMs: number
  readonly wallMs: number
}

const longTurnMs = 5
const everyMs = 1

/** Arguments for Node that load the probe into what it runs. */
export function loopProbe(file: string): string[] {
  const self = new URL(import.meta.url)
  self.searchParams.set('file', file)
  return ['--import', self.href]
}

/** The long turns that began and ended between two times on the clock, the longest first. */
export function longTurns(file: string, fromMs: number, toMs: number): LongTurn[] {
  const lines = readFileSync(file, { encoding: 'utf8', flag: 'a+' }).split('\n')
  return lines
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as LongTurn)
    .filter(({ endMs, wallMs }) => endMs - wallMs >= fromMs && endMs <= toMs)
    .sort((a, b) => b.heldMs - a.heldMs)
}

/** How long this thread was ready to run and did not, in ms: the second number of Linux's schedstat. 0 where there is none. */
function waitedForProcessor(): () => number {
  if (platform() !== 'linux') return () => 0
  const buffer = Buffer.alloc(100)
  const stat = openSync('/proc/thread-self/schedstat', 'r')
  process.on('exit', () => closeSync(stat))
  return () => {
    const length = readSync(stat, buffer, 0, buffer.length, 0)
    return Number(buffer.toString('latin1', 0, length).split(' ')[1]) / 1e6
  }
}

const file = new URL(import.meta.url).searchParams.get('file')
if (file !== null && isMainThread) {
  const waited = waitedForProcessor()
  let begin = performance.now()
  let waitedBefore = waited()
  let cpu = process.threadCpuUsage()
  setInterval(() => {
    const wallMs = performance.now() - begin
    const used = process.threadCpuUsage(cpu)
    const heldMs = wallMs - (waited() - waitedBefore)
    const turn: LongTurn = { endMs: Date.now(), cpuMs: (used.user + used.system) / 1000, heldMs, wallMs }
    if (heldMs > longTurnMs) appendFileSync(file, `${JSON.stringify(turn)}\n`)
    begin = performance.now()
    waitedBefore = waited()
    cpu = process.threadCpuUsage()
  }, everyMs).unref()
}
