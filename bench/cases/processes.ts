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
  return startLaura(directory, flags, /mongodb:\/\/127\.0\.0\.1:(\d+) ready/)
}

/** The same, for its gRPC door. */
export function startGrpcServer(directory: string): Promise<Server> {
  return startLaura(directory, [], /grpc:\/\/127\.0\.0\.1:(\d+) ready/)
}

export interface HttpServer extends Server {
  readonly mongoUri: string
}

/** The same, for its HTTP door, with the address of the MongoDB door. */
export async function startHttpServer(directory: string): Promise<HttpServer> {
  let mongoUri = ''
  const server = await startLaura(directory, ['--log-level', 'warn'], /http:\/\/127\.0\.0\.1:(\d+) ready/, (output) => {
    mongoUri = /mongodb:\/\/\S+/.exec(output)![0]
  })
  return { ...server, mongoUri }
}

function startLaura(
  directory: string,
  flags: readonly string[],
  ready: RegExp,
  told?: (output: string) => void,
): Promise<Server> {
  const ports = ['--mongo-port', '0', '--http-port', '0', '--grpc-port', '0']
  const args = ['server/main.ts', 'serve', '--dir', directory, ...ports, ...flags]
  return started(spawn(process.execPath, args, { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] }), ready, told)
}

export function startEcho(replyBytes: number): Promise<Server> {
  return startScript('bench/echo-server.ts', [replyBytes])
}

/** Starts a server that prints its port. */
export function startScript(path: string, args: readonly number[]): Promise<Server> {
  return started(spawnScript(path, args), /^(\d+)$/m)
}

function spawnScript(path: string, args: readonly (number | string)[]): ChildProcess {
  return spawn(process.execPath, [path, ...args.map(String)], { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] })
}

function started(child: ChildProcess, pattern: RegExp, told?: (output: string) => void): Promise<Server> {
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  return new Promise((resolve, reject) => {
    let output = ''
    child.stdout!.on('data', (chunk) => {
      output += String(chunk)
      const match = pattern.exec(output)
      if (match !== null) told?.(output)
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
  const args = [port, connections, depth, seconds, documents]
  return runScript('bench/wire-load.ts', args) as Promise<Load>
}

/** Runs a script to its end; resolves with the JSON that it printed. */
export function runScript(path: string, args: readonly (number | string)[]): Promise<unknown> {
  const child = spawnScript(path, args)
  return new Promise((resolve, reject) => {
    let output = ''
    child.stdout!.on('data', (chunk) => {
      output += String(chunk)
    })
    child.once('exit', () => {
      try {
        resolve(JSON.parse(output))
      } catch {
        reject(new Error(`${path} said: ${output}`))
      }
    })
  })
}
