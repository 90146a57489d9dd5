/** Runs the `laura` command as a process of its own, for tests. */
import { type ChildProcess, spawn } from 'node:child_process'
import { join } from 'node:path'
import { getField, readString } from '../pkg/bson/value.ts'
import { parseUri, WireClient } from './tools/wire-client.ts'

const main = join(import.meta.dirname, 'main.ts')

export interface Finished {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** Runs a command to its end. `input`: what it reads on stdin. */
export async function laura(
  args: readonly string[],
  input: string | Uint8Array = '',
  environment: Record<string, string> = {},
): Promise<Finished> {
  const child = spawn(process.execPath, [main, ...args], { env: { ...process.env, ...environment } })
  child.stdin.on('error', () => undefined)
  child.stdin.end(input)
  return finish(child)
}

function finish(child: ChildProcess): Promise<Finished> {
  let stdout = ''
  let stderr = ''
  child.stdout!.on('data', (chunk: Buffer) => (stdout += chunk.toString('latin1')))
  child.stderr!.on('data', (chunk: Buffer) => (stderr += chunk.toString()))
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code) => resolve({ code, stdout: Buffer.from(stdout, 'latin1').toString(), stderr }))
  })
}

export class LauraServer {
  readonly process: ChildProcess
  /** Resolves when the process has ended. */
  readonly finished: Promise<Finished>
  readonly mongoUri: string
  readonly httpUri: string
  readonly grpcUri: string

  private constructor(
    child: ChildProcess,
    finished: Promise<Finished>,
    mongoUri: string,
    httpUri: string,
    grpcUri: string,
  ) {
    this.process = child
    this.finished = finished
    this.mongoUri = mongoUri
    this.httpUri = httpUri
    this.grpcUri = grpcUri
  }

  /** Starts `laura serve` on free ports and resolves when its doors are open. `nodeArgs`: for Node itself. */
  static start(dir: string, args: readonly string[] = [], nodeArgs: readonly string[] = []): Promise<LauraServer> {
    return LauraServer.run(process.execPath, [
      ...nodeArgs,
      main,
      'serve',
      '--dir',
      dir,
      '--mongo-port',
      '0',
      '--http-port',
      '0',
      '--grpc-port',
      '0',
      ...args,
    ])
  }

  /** Runs any command line that starts a server. */
  static async run(command: string, args: readonly string[], cwd?: string): Promise<LauraServer> {
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], ...(cwd === undefined ? {} : { cwd }) })
    const finished = finish(child)
    let text = ''
    const uris = new Promise<RegExpExecArray>((resolve) => {
      child.stdout.on('data', (chunk: Buffer) => {
        text += chunk.toString()
        const match = /(mongodb:\/\/\S+) ready\n(http:\/\/\S+) ready\n(grpc:\/\/\S+) ready\n/.exec(text)
        if (match !== null) resolve(match)
      })
    })
    const ended = finished.then(({ code, stderr }) => {
      throw new Error(`the server ended with ${code}: ${stderr}`)
    })
    const [, mongoUri, httpUri, grpcUri] = await Promise.race([uris, ended])
    return new LauraServer(child, finished, mongoUri!, httpUri!, grpcUri!)
  }

  connect(): Promise<WireClient> {
    return WireClient.connect(parseUri(this.mongoUri))
  }

  stop(): Promise<Finished> {
    this.process.kill('SIGTERM')
    return this.finished
  }
}

/** A string field of a document. */
export function textIn(document: Uint8Array, name: string): string {
  const value = getField(document, name)!
  return readString(value.bytes, value.start)
}

/** The lines of a server's log that are errors, and those that are no log lines at all. */
export function loggedErrors(stderr: string): string[] {
  return stderr.split('\n').filter((line) => line !== '' && !/^\{"level":"(?:debug|info|warn)"/.test(line))
}
