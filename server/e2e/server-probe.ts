/**
 * Loaded into a server before its own code (`--import`), by those who send it malformed requests: how long single turns of its event loop held it, told
 * apart from how long the machine let the process wait for a processor, which on a busy machine is most of what a clock shows; and, by SIGUSR2,
 * how much memory it holds when all garbage is collected. What it sees goes into a file, a line each.
 */
import type { ChildProcess } from 'node:child_process'
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

interface Held {
  /** Of the heap and of buffers outside it, without garbage. */
  readonly heldBytes: number
}

const longTurnMs = 5
const everyMs = 1
const lookAgainMs = 20

/** What a server's probe has seen. */
export class ServerProbe {
  readonly #file: string

  constructor(file: string) {
    this.#file = file
  }

  /** Arguments for Node that load the probe into what it runs. */
  get nodeArgs(): string[] {
    const self = new URL(import.meta.url)
    self.searchParams.set('file', this.#file)
    return ['--expose-gc', '--import', self.href]
  }

  /** The long turns that began and ended between two times on the clock, those that computed longest first. */
  longTurns(fromMs: number, toMs: number): LongTurn[] {
    return this.#lines()
      .filter((line): line is LongTurn => 'endMs' in line)
      .filter(({ endMs, wallMs }) => endMs - wallMs >= fromMs && endMs <= toMs)
      .sort((a, b) => b.cpuMs - a.cpuMs)
  }

  /** The memory that the server holds now, garbage collected, in bytes. */
  async heldBytes(server: ChildProcess): Promise<number> {
    const held = () => this.#lines().filter((line): line is Held => 'heldBytes' in line)
    const before = held().length
    server.kill('SIGUSR2')
    for (;;) {
      const now = held()
      if (now.length > before) return now.at(-1)!.heldBytes
      await new Promise((resolve) => setTimeout(resolve, lookAgainMs))
    }
  }

  #lines(): (LongTurn | Held)[] {
    const lines = readFileSync(this.#file, { encoding: 'utf8', flag: 'a+' }).split('\n')
    // The last one may be half written.
    return lines.slice(0, -1).map((line) => JSON.parse(line) as LongTurn | Held)
  }
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
  const tell = (line: LongTurn | Held) => appendFileSync(file, `${JSON.stringify(line)}\n`)
  const waited = waitedForProcessor()
  let begin = 0
  let waitedBefore = 0
  let cpu = process.threadCpuUsage()
  const beginTurn = () => {
    begin = performance.now()
    waitedBefore = waited()
    cpu = process.threadCpuUsage()
  }
  beginTurn()
  setInterval(() => {
    const wallMs = performance.now() - begin
    const used = process.threadCpuUsage(cpu)
    const heldMs = wallMs - (waited() - waitedBefore)
    if (heldMs > longTurnMs) tell({ endMs: Date.now(), cpuMs: (used.user + used.system) / 1000, heldMs, wallMs })
    beginTurn()
  }, everyMs).unref()
  process.on('SIGUSR2', () => {
    globalThis.gc!()
    const { heapUsed, external } = process.memoryUsage()
    tell({ heldBytes: heapUsed + external })
    beginTurn()
  })
}
