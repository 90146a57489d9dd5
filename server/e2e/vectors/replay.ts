/** Replays the third-party vectors that lie beside the repository against a server of its own. */
import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gunzipSync, gzipSync } from 'node:zlib'
import { MongoClient } from 'mongodb'

const root = fileURLToPath(new URL('../../..', import.meta.url))
const shared = join(root, '..', 'shared')
const folder = join(shared, 'conformance', 'mql')
const tool = join(shared, 'tools', 'replay-vectors.mjs')

/** How a server is started, and which vectors it is given. */
export type Profile = 'standalone' | 'replica set'

/** What vectors call the profiles that they apply to. */
const profileNames = { standalone: 'mongodb/standalone', 'replica set': 'mongodb/replica_set' } as const

/** For a reply: long, because other tests may run beside this one. */
const timeoutMs = '60000'

/**
 * Not judged, because they pass in one run and fail in the next: two that hold only while other connections of the replaying tool
 * have nothing to do, and some that name a database that another one names, too, at the same time.
 */
const unstable =
  /test_out_no_unicode_normalization_db|idle_connections_true_reports_inactive|inactive_op_document_fields/

export const vectorsAreHere = existsSync(folder) && existsSync(tool)

export interface Replayed {
  readonly ran: readonly string[]
  readonly failures: ReadonlyMap<string, string>
  readonly output: string
}

interface Requirements {
  readonly profiles?: readonly string[]
  readonly capabilities?: { readonly search?: boolean; readonly remote_target?: boolean }
  readonly xfail?: readonly { readonly engine: string }[]
}

/**
 * Replays the vectors that apply to the profile: all of them to a standalone, to a replica set those that are not for a
 * standalone. `areas`: only files whose name begins with one of these.
 */
export async function replayVectors(profile: Profile, areas: readonly string[] = []): Promise<Replayed> {
  const files = readdirSync(folder).filter(
    (name) => name.endsWith('.ndjson.gz') && (areas.length === 0 || areas.some((area) => name.startsWith(area))),
  )
  const home = mkdtempSync(join(tmpdir(), 'laura-vectors-'))
  const server = spawn(
    process.execPath,
    [
      'server/main.ts',
      'serve',
      '--dir',
      join(home, 'data'),
      '--mongo-port',
      '0',
      '--http-port',
      '0',
      '--grpc-port',
      '0',
      '--log-level',
      'error',
      ...(profile === 'replica set' ? ['--repl-set', 'rs0'] : []),
    ],
    { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] },
  )
  try {
    const uri = await new Promise<string>((resolve, reject) => {
      let text = ''
      server.stdout.on('data', (chunk) => {
        text += String(chunk)
        const match = /(mongodb:\/\/\S+) ready/.exec(text)
        if (match !== null) resolve(match[1]!)
      })
      server.once('exit', (code) => reject(new Error(`the server ended with ${code}`)))
    })
    const ran: string[] = []
    const failures: Record<string, string> = {}
    const output: string[] = []
    const locking: string[] = []
    const blocking: string[] = []
    const plain = files.map((name) => {
      const lines = gunzipSync(readFileSync(join(folder, name)))
        .toString()
        .split('\n')
        .filter((line) => line !== '' && applies(line, profile))
      ran.push(...lines.map((line) => (JSON.parse(line) as { id: string }).id))
      locking.push(...lines.filter(takesFsyncLock))
      blocking.push(...lines.filter(blocksWrites))
      return writeVectors(
        join(home, name),
        lines.filter((line) => !takesFsyncLock(line) && !blocksWrites(line)),
      )
    })
    const results = join(home, 'results.json')
    const replay = async (paths: readonly string[]): Promise<void> => {
      output.push(
        await run([
          tool,
          uri,
          ...paths,
          '--profile',
          profileNames[profile],
          '--failures',
          '0',
          '--timeout',
          timeoutMs,
          '--json',
          results,
        ]),
      )
      Object.assign(
        failures,
        (JSON.parse(readFileSync(results, 'utf8')) as { failures: Record<string, string> }).failures,
      )
    }
    await replay(plain)
    // They take for granted that nobody holds the lock, and some leave it held.
    const client = await MongoClient.connect(uri)
    for (const line of locking) {
      await replay([writeVectors(join(home, 'locking.ndjson.gz'), [line])])
      await releaseFsyncLocks(client)
    }
    await client.close()
    // Each begins with writes allowed, and some leave them refused.
    if (blocking.length > 0) await replay([writeVectors(join(home, 'blocking.ndjson.gz'), blocking)])
    const judged = (id: string): boolean => !unstable.test(id)
    return {
      ran: ran.filter(judged),
      failures: new Map(Object.entries(failures).filter(([id]) => judged(id))),
      output: output[0]!,
    }
  } finally {
    const ended = new Promise((resolve) => server.once('exit', resolve))
    server.kill()
    await ended
    rmSync(home, { recursive: true, force: true })
  }
}

function run(args: readonly string[]): Promise<string> {
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  return new Promise((resolve, reject) => {
    let output = ''
    child.stdout.on('data', (chunk) => {
      output += String(chunk)
    })
    child.once('error', reject)
    child.once('exit', () => resolve(output))
  })
}

function writeVectors(path: string, lines: readonly string[]): string {
  writeFileSync(path, gzipSync(lines.join('\n')))
  return path
}

function takesFsyncLock(line: string): boolean {
  return line.includes('"fsync":') && line.includes('"lock":')
}

function blocksWrites(line: string): boolean {
  return line.includes('"setUserWriteBlockMode":')
}

async function releaseFsyncLocks(client: MongoClient): Promise<void> {
  const unlock = (): Promise<boolean> =>
    client
      .db('admin')
      .command({ fsyncUnlock: 1 })
      .then(
        () => true,
        () => false,
      )
  while (await unlock());
}

/** Whether the vector is one for the profile: of those that apply, as the replaying tool sees it. */
function applies(line: string, profile: Profile): boolean {
  const { requires: { profiles, capabilities, xfail } = {} } = JSON.parse(line) as { requires?: Requirements }
  if (capabilities?.search === true || capabilities?.remote_target === true) return false
  if (xfail?.some((each) => each.engine === 'mongodb') === true) return false
  const applies = (name: Profile): boolean => profiles === undefined || profiles.includes(profileNames[name])
  return profile === 'standalone' ? applies('standalone') : applies('replica set') && !applies('standalone')
}
