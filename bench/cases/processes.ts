/** Child processes of a benchmark run: the server, the echo, the load generator. */
import type { ChildProcess } from 'node:child_process'
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../..', import.meta.url))

export interface Server {
  readonly process: ChildProcess
  readonly port: number
  /** Resolves when the process has ended. */
  readonly ended: Promise<void>
}

/** Starts `laura serve` on any free port and waits for its MongoDB door. */
export function startServer(directory: string, flags: readonly string[] = []): Promise<Server> {
  const args = [
    'server/main.ts',
    'serve',
    '--dir',
    directory,
    '--mongo-port',
    '0',
    '--http-port',
    '0',
    '--grpc-port',
    '0',
    ...flags,
  ]
  return started(
    spawn(process.execPath, args, { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] }),
    /mongodb:\/\/127\.0\.0\.1:(\d+) ready/,
  )
}

export function startEcho(replyBytes: number): Promise<Server> {
  const child = spawn(process.execPath, ['bench/echo-server.ts', String(replyBytes)], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  return started(child, /^(\d+)$/m)
}

function started(child: ChildProcess, pattern: RegExp): Promise<Server> {
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  return new Promise((resolve, reject) => {
    let output = ''
    child.stdout!.on('data', (chunk) => {
      output += String(chunk)
      const match = pattern.exec(output)
      if (match !== null) resolve({ process: child, port: Number(match[1]), ended })
    })
    child.once('exit', (code) => reject(new Error(`the process ended with ${code} before it was ready: ${output}`)))
  })
}

export interface Load {
  readonly perSecond: number
  readonly replyBytes: number
}

export function runLoad(
  port: number,
  connections: number,
  depth: number,
  seconds: number,
  documents: number,
): Promise<Load> {
  const args = ['bench/wire-load.ts', port, connections, depth, seconds, documents].map(String)
  const child = spawn(process.execPath, args, { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] })
  return new Promise((resolve, reject) => {
    let output = ''
    child.stdout.on('data', (chunk) => {
      output += String(chunk)
    })
    child.once('exit', () => {
      try {
        resolve(JSON.parse(output) as Load)
      } catch {
        reject(new Error(`the load generator said: ${output}`))
      }
    })
  })
}
