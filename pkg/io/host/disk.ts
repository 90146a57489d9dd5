import fs from 'node:fs'
import { resolve } from 'node:path'
import { type Disk, DiskError, type DiskLock, type File } from '../disk.ts'
import { diskErrorOf } from './disk-error.ts'
import { HostFile } from './file.ts'
import { lockFile } from './lock.ts'

/** The folder `rootDirectory` of the host's file system. */
export class HostDisk implements Disk {
  readonly #root: string

  /** `rootDirectory` is made when it is missing; throws `DiskError` when it cannot be. */
  constructor(rootDirectory: string) {
    this.#root = resolve(rootDirectory)
    const made = attempt('', () => fs.mkdirSync(this.#root, { recursive: true }))
    if (made !== undefined) syncFolder(resolve(made, '..'), '')
  }

  open(path: string, options: { readonly create: boolean }): File {
    const { O_RDWR, O_CREAT } = fs.constants
    return attempt(path, () => {
      const absolute = this.#absolute(path)
      return new HostFile(path, absolute, fs.openSync(absolute, O_RDWR | (options.create ? O_CREAT : 0), 0o600))
    })
  }

  exists(path: string): boolean {
    return fs.existsSync(this.#absolute(path))
  }

  list(folder: string): string[] {
    try {
      return fs.readdirSync(this.#absolute(folder)).sort()
    } catch (error) {
      const diskError = diskErrorOf(error, folder)
      if (diskError.code === 'ENOENT') return []
      throw diskError
    }
  }

  makeDirectory(folder: string): void {
    attempt(folder, () => fs.mkdirSync(this.#absolute(folder), { recursive: true, mode: 0o700 }))
  }

  remove(path: string): void {
    try {
      fs.unlinkSync(this.#absolute(path))
    } catch (error) {
      const diskError = diskErrorOf(error, path)
      if (diskError.code !== 'ENOENT') throw diskError
    }
  }

  rename(from: string, to: string): void {
    attempt(from, () => fs.renameSync(this.#absolute(from), this.#absolute(to)))
  }

  syncDirectory(folder: string): void {
    syncFolder(this.#absolute(folder), folder)
  }

  lock(path: string): DiskLock {
    return lockFile(this.#absolute(path), path)
  }

  #absolute(path: string): string {
    const parts = path.split('/')
    const inside = !path.startsWith('/') && !path.includes('\0') && !path.includes('\\') && !parts.includes('..')
    if (!inside) throw new DiskError('EACCES', path, 'the path leads out of the data directory')
    return path === '' ? this.#root : `${this.#root}/${path}`
  }
}

function syncFolder(absolute: string, shown: string): void {
  attempt(shown, () => {
    // Windows cannot open a folder, and makes names durable with the file.
    if (process.platform === 'win32') return
    const descriptor = fs.openSync(absolute, 'r')
    try {
      fs.fsyncSync(descriptor)
    } finally {
      fs.closeSync(descriptor)
    }
  })
}

function attempt<R>(path: string, action: () => R): R {
  try {
    return action()
  } catch (error) {
    throw diskErrorOf(error, path)
  }
}
