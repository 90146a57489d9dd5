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
const profile = 'mongodb/standalone'

/** Not judged: they pass in one run and fail in the next, and it is not known yet why. */
const unstable = /test_out_no_unicode_normalization_db/

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

/** `areas`: only files whose name begins with one of these. */
export async function replayVectors(areas: readonly string[] = []): Promise<Replayed> {
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
    const plain = files.map((name) => {
      const lines = gunzipSync(readFileSync(join(folder, name)))
        .toString()
        .split('\n')
        .filter((line) => line !== '')
      ran.push(...applicableIds(lines))
      locking.push(...lines.filter(takesFsyncLock))
      return writeVectors(
        join(home, name),
        lines.filter((line) => !takesFsyncLock(line)),
      )
    })
    const results = join(home, 'results.json')
    const replay = async (paths: readonly string[]): Promise<void> => {
      output.push(await run([tool, uri, ...paths, '--profile', profile, '--failures', '0', '--json', results]))
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

/** The ids of the vectors that apply to the profile: the same choice as the replaying tool makes. */
function applicableIds(lines: readonly string[]): string[] {
  return lines
    .map((line) => JSON.parse(line) as { id: string; requires?: Requirements })
    .filter(({ requires: { profiles, capabilities, xfail } = {} }) => {
      if (profiles !== undefined && !profiles.includes(profile)) return false
      if (capabilities?.search === true || capabilities?.remote_target === true) return false
      return xfail?.some((each) => each.engine === 'mongodb') !== true
    })
    .map(({ id }) => id)
}
