/** The real process on a disk whose syncs and durable writes fail from some moment on: a module loaded before it puts the fault into Node's fs. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { buildDocument } from '../pkg/bson/build.ts'
import { getField, numberOf } from '../pkg/bson/value.ts'
import { LauraServer, laura } from './laura-process.ts'

const folder = mkdtempSync(join(tmpdir(), 'laura-fault-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** From when the file `trigger` is there, what would make files durable whose path holds `where` fails: syncs, and writes to descriptors with O_DSYNC. */
function faultModule(trigger: string, where: string): string {
  const code = `
    import fs from 'node:fs'
    import { syncBuiltinESMExports } from 'node:module'
    const paths = new Map()
    const durable = new Set()
    const { openSync, writeSync, fdatasyncSync, fdatasync, fsyncSync, existsSync, constants } = fs
    fs.openSync = (path, flags, ...rest) => {
      const descriptor = openSync(path, flags, ...rest)
      paths.set(descriptor, String(path))
      if (flags & constants.O_DSYNC) durable.add(descriptor)
      else durable.delete(descriptor)
      return descriptor
    }
    const fault = (descriptor) =>
      (paths.get(descriptor) ?? '').includes(${JSON.stringify(where)}) && existsSync(${JSON.stringify(trigger)})
        ? Object.assign(new Error('EIO: i/o error, sync'), { code: 'EIO' })
        : undefined
    const failing = (sync) => (descriptor) => {
      const error = fault(descriptor)
      if (error !== undefined) throw error
      return sync(descriptor)
    }
    fs.writeSync = (descriptor, ...rest) => {
      const error = durable.has(descriptor) ? fault(descriptor) : undefined
      if (error !== undefined) throw error
      return writeSync(descriptor, ...rest)
    }
    fs.fdatasyncSync = failing(fdatasyncSync)
    fs.fsyncSync = failing(fsyncSync)
    fs.fdatasync = (descriptor, done) => {
      const error = fault(descriptor)
      if (error === undefined) fdatasync(descriptor, done)
      else setImmediate(done, error)
    }
    syncBuiltinESMExports()`
  return `data:text/javascript,${encodeURIComponent(code)}`
}

test.for([
  { where: '/log/', command: { insert: 'c', documents: [{ _id: 2 }], $db: 'd' } },
  { where: 'data.laura', command: { fsync: 1, $db: 'admin' } },
])(
  'the first failed sync of $where ends the process with code 2, and what it had acknowledged is there',
  async ({ where, command }) => {
    const dir = join(folder, where.replaceAll('/', ''))
    const trigger = `${dir}.fails`
    const main = join(import.meta.dirname, 'main.ts')
    const flags = ['serve', '--dir', dir, '--mongo-port', '0', '--http-port', '0', '--grpc-port', '0']
    const server = await LauraServer.run(process.execPath, ['--import', faultModule(trigger, where), main, ...flags])
    const client = await server.connect()
    const first = await client.command(buildDocument({ insert: 'c', documents: [{ _id: 1 }], $db: 'd' }))
    expect(numberOf(getField(first, 'ok')!)).toBe(1)
    writeFileSync(trigger, '')
    const acknowledged = await client.command(buildDocument(command)).then(
      (reply) => numberOf(getField(reply, 'ok')!) === 1,
      () => false,
    )
    expect(acknowledged).toBe(false)
    const { code, stderr } = await server.finished
    expect(code).toBe(2)
    expect(stderr).toContain('storage failed: nothing more can be acknowledged')
    expect((await laura(['check', dir])).code).toBe(0)
    const again = await LauraServer.start(dir)
    const other = await again.connect()
    const found = await other.command(buildDocument({ count: 'c', query: { _id: 1 }, $db: 'd' }))
    expect(numberOf(getField(found, 'n')!)).toBe(1)
    other.close()
    await again.stop()
  },
)
