/**
 * One process per data directory.
 *
 * A lock file with a process number in it goes stale: the number is given to another process, and after a crash in a
 * container every process is number 1 under a host name that may be old or new. Only a lock that the kernel holds
 * ends exactly when its process does. Node has no `flock`, but its SQLite module takes such a lock for an exclusive
 * transaction on an (empty, never written) database file; that transaction, never ended, is the lock. It is a POSIX
 * record lock: only SQLite may open and close the file in this process, since any other close would let go of it.
 *
 *   <path>          empty; carries the kernel's lock; never removed, because removing it would let two processes
 *                   lock two different files of the same name
 *   <path>.holder   JSON {pid, host, started}: only for the message to who comes second
 */
import fs from 'node:fs'
import { hostname } from 'node:os'
import { basename, dirname } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { DiskError, type DiskLock } from '../disk.ts'
import { diskErrorOf } from './disk-error.ts'

const busy = 5

/** Locks held by this process; also keeps them from being collected, which would release them. */
const held = new Map<string, DatabaseSync>()

/** Takes the lock at `absolute`; throws ELOCKED naming the holder. `shown`: the path for messages. */
export function lockFile(absolute: string, shown: string): DiskLock {
  let key: string
  try {
    key = `${fs.realpathSync(dirname(absolute))}/${basename(absolute)}`
  } catch (error) {
    throw diskErrorOf(error, shown)
  }
  if (held.has(key)) throw new DiskError('ELOCKED', shown, 'already open in this process')
  const database = acquire(key, shown)
  held.set(key, database)
  try {
    fs.writeFileSync(`${key}.holder`, describeSelf(), { mode: 0o600 })
  } catch (error) {
    // A full disk must not keep a database from being read; whoever comes second is told no name then.
    const diskError = diskErrorOf(error, shown)
    if (diskError.code !== 'ENOSPC') {
      release(key, database)
      throw diskError
    }
  }
  return { release: () => release(key, database) }
}

function acquire(key: string, shown: string): DatabaseSync {
  let database: DatabaseSync | undefined
  try {
    database = new DatabaseSync(key, { timeout: 0 })
    database.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE')
    return database
  } catch (error) {
    database?.close()
    if ((error as { errcode?: number }).errcode === busy) {
      throw new DiskError('ELOCKED', shown, `in use by ${describeHolder(key)}`)
    }
    throw new DiskError('EIO', shown, `cannot take the lock: ${(error as Error).message}`)
  }
}

function release(key: string, database: DatabaseSync): void {
  if (held.get(key) !== database) return
  fs.rmSync(`${key}.holder`, { force: true })
  held.delete(key)
  database.close()
}

function describeSelf(): string {
  const started = new Date(Date.now() - process.uptime() * 1000).toISOString()
  return JSON.stringify({ pid: process.pid, host: hostname(), started })
}

function describeHolder(key: string): string {
  try {
    const { pid, host, started } = JSON.parse(fs.readFileSync(`${key}.holder`, 'utf8')) as Record<string, unknown>
    return `process ${String(pid)} on ${String(host)}, started ${String(started)}`
  } catch (error) {
    // The holder may be between taking the lock and writing its name.
    return `another process (${diskErrorOf(error, key).code === 'ENOENT' ? 'not named yet' : 'its name cannot be read'})`
  }
}
