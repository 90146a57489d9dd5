/**
 * A disk in memory that does no more for its user than `pkg/io/disk.ts` promises, and fails on request.
 *
 * Every call that touches the medium is an operation and has a number. `inject` is asked before each one and may have
 * it fail or crash. A crash (and a failed operation) may come before, in the middle of, or after the effect.
 * After a crash every operation throws `SimulatedCrash`, also on files opened before; `crash()` gives the disk as the
 * next process finds it. Images share pages, so that making one costs little more than what was unsynced.
 */
import { assert } from '../base/assert.ts'
import { type Disk, DiskError, type DiskErrorCode, type DiskLock, durableBlockBytes, type File } from '../io/disk.ts'
import type { SimulatedClock } from './clock.ts'
import { type Generation, Inode, pageSize, type Survival, sectorSize } from './inode.ts'
import { Names } from './names.ts'
import type { SeededRandom } from './random.ts'
import { SimulatedCrash } from './simulated-crash.ts'

export type OperationKind =
  | 'open'
  | 'list'
  | 'makeDirectory'
  | 'remove'
  | 'rename'
  | 'syncDirectory'
  | 'lock'
  | 'read'
  | 'write'
  | 'sync'
  | 'truncate'

export interface Operation {
  /** From 1, over the life of the disk (an image counts anew). */
  readonly number: number
  readonly kind: OperationKind
  readonly path: string
}

/** What is to happen instead of the operation; undefined: nothing special. */
export type Injection = (operation: Operation) => Injected | undefined
export type Injected = 'crash' | DiskErrorCode

export interface CrashOptions {
  /** Of the unsynced sectors. A number: each survives with this probability. Default: drawn from the seed. */
  readonly sectors?: Survival
  /** Of the unsynced names: the probability that a change survives. Default: drawn from the seed. */
  readonly names?: number
}

export interface SimulatedDiskOptions {
  /** Bytes, counted in pages of 4096; more is ENOSPC. */
  readonly capacityBytes?: number
  /** How long a sync takes, in simulated time; the default is drawn from the seed between 0.05 and 5. */
  readonly syncLatencyMs?: number
  /** Probability, per write, that some sector written earlier reaches the medium at once. Default 0.05. */
  readonly writeBackChance?: number
}

export class SimulatedDisk implements Disk {
  /** Whoever reads `operationCount` of a run without faults knows which numbers a later run may fail at. */
  operationCount = 0
  inject: Injection | undefined
  capacityBytes: number
  readonly #random: SeededRandom
  readonly #clock: SimulatedClock
  readonly #options: SimulatedDiskOptions
  readonly #names: Names
  readonly #locks = new Map<string, DiskLock>()
  readonly #syncLatencyMs: number
  #crashed = false

  constructor(random: SeededRandom, clock: SimulatedClock, options: SimulatedDiskOptions = {}, names = new Names()) {
    this.#random = random
    this.#clock = clock
    this.#options = options
    this.#names = names
    this.capacityBytes = options.capacityBytes ?? Number.POSITIVE_INFINITY
    this.#syncLatencyMs = options.syncLatencyMs ?? 0.05 * 100 ** random.next()
  }

  get crashed(): boolean {
    return this.#crashed
  }

  /** Crashes at the operation with this number. */
  crashAt(number: number): void {
    this.inject = (operation) => (operation.number === number ? 'crash' : undefined)
  }

  /** Fails the operation with this number. */
  failAt(number: number, code: DiskErrorCode): void {
    this.inject = (operation) => (operation.number === number ? code : undefined)
  }

  /** What is found after losing power now. This disk stays as it is, so that many images can be taken of one moment. */
  crash(options: CrashOptions = {}, clock: SimulatedClock = this.#clock): SimulatedDisk {
    const sectors = options.sectors ?? this.#drawSurvival()
    const survival = options.names ?? this.#random.integer(3) / 2
    const images = new Map<Inode, Inode>()
    const names = this.#names.survivor(survival, this.#random, (inode) => {
      const image = images.get(inode) ?? inode.survivor(sectors, this.#random)
      images.set(inode, image)
      return image
    })
    return new SimulatedDisk(this.#random, clock, { ...this.#options, capacityBytes: this.capacityBytes }, names)
  }

  /** What is found after the process was killed and the machine went on: everything written, though not yet synced. This disk fails from now on. */
  restart(clock: SimulatedClock = this.#clock): SimulatedDisk {
    this.#crashed = true
    return new SimulatedDisk(this.#random, clock, { ...this.#options, capacityBytes: this.capacityBytes }, this.#names)
  }

  /** Changes one bit of a file, as bit rot does. */
  flipBit(path: string, position: number, bit: number): void {
    this.#inode(path).flipBit(position, bit)
  }

  /** Bytes in use. */
  usedBytes(): number {
    return this.#names.files().reduce((sum, inode) => sum + inode.pageCount * pageSize, 0)
  }

  open(path: string, options: { readonly create: boolean }): File {
    return this.#perform('open', path, () => {
      let inode = this.#names.file(path)
      if (inode === undefined) {
        if (!options.create) throw new DiskError('ENOENT', path, 'no such file')
        inode = new Inode()
        this.#names.create(path, inode)
      }
      return new SimulatedFile(this, path, inode)
    })
  }

  exists(path: string): boolean {
    this.#requireAlive('exists')
    return this.#names.exists(checked(path))
  }

  list(folder: string): string[] {
    return this.#perform('list', folder, () => this.#names.list(folder))
  }

  makeDirectory(folder: string): void {
    this.#perform('makeDirectory', folder, () => this.#names.makeFolder(folder))
  }

  remove(path: string): void {
    this.#perform('remove', path, () => this.#names.remove(path))
  }

  rename(from: string, to: string): void {
    checked(to)
    this.#perform('rename', from, () => this.#names.rename(from, to))
  }

  syncDirectory(folder: string): void {
    this.#perform('syncDirectory', folder, () => this.#names.sync(folder))
  }

  lock(path: string): DiskLock {
    return this.#perform('lock', path, () => {
      if (this.#locks.has(path)) throw new DiskError('ELOCKED', path, 'already open in this process')
      if (!this.#names.exists(path)) this.#names.create(path, new Inode())
      const lock = {
        release: () => {
          if (this.#locks.get(path) === lock) this.#locks.delete(path)
        },
      }
      this.#locks.set(path, lock)
      return lock
    })
  }

  /** For files: counts and runs one operation, with whatever goes wrong with it. */
  perform<R>(kind: OperationKind, path: string, effect: () => R, partialEffect?: (injected: Injected) => void): R {
    return this.#perform(kind, path, effect, partialEffect)
  }

  writeInto(inode: Inode, path: string, source: Uint8Array, offset: number, length: number, position: number): void {
    const needed = this.capacityBytes === Number.POSITIVE_INFINITY ? 0 : inode.growth(length, position) * pageSize
    if (needed > 0 && this.usedBytes() + needed > this.capacityBytes) {
      throw new DiskError('ENOSPC', path, 'no space left on the simulated disk')
    }
    if (this.#random.chance(this.#options.writeBackChance ?? 0.05)) inode.writeBack(this.#random)
    inode.write(source, offset, length, position)
  }

  /** Some sectors of a write arrive in the page cache. */
  writePart(inode: Inode, source: Uint8Array, offset: number, length: number, position: number): void {
    const firstCut = (sectorSize - (position % sectorSize)) % sectorSize
    const cut = firstCut + sectorSize * this.#random.integer(Math.ceil(length / sectorSize) + 1)
    if (this.capacityBytes === Number.POSITIVE_INFINITY) inode.write(source, offset, Math.min(cut, length), position)
  }

  failSync(inode: Inode, generation: Generation | undefined, injected: Injected): void {
    if (injected === 'crash') inode.interruptSync(generation, this.#random)
    else inode.failSync(generation, this.#random)
  }

  takeSyncTime(): void {
    this.#clock.elapse(this.#drawLatencyMs())
  }

  /** Completes after a time drawn from the seed; other work runs meanwhile. */
  later<R>(latencyScale: number, action: () => R): Promise<R> {
    return new Promise((resolve, reject) => {
      this.#clock.setTimer(this.#drawLatencyMs() * latencyScale, () => {
        try {
          resolve(action())
        } catch (error) {
          reject(error)
        }
      })
    })
  }

  #perform<R>(kind: OperationKind, path: string, effect: () => R, partialEffect?: (injected: Injected) => void): R {
    this.#requireAlive(kind)
    checked(path)
    const number = ++this.operationCount
    const injected = this.inject?.({ number, kind, path })
    if (injected === undefined) return effect()
    const extent = this.#random.integer(3)
    // A failed sync is never without consequence: what it covered can no longer be made durable.
    if (extent === 1 || (kind === 'sync' && injected !== 'crash')) partialEffect?.(injected)
    if (injected !== 'crash') throw new DiskError(injected, path, `injected failure of ${kind}, operation ${number}`)
    if (extent === 2) effect()
    this.#crashed = true
    throw new SimulatedCrash(`operation ${number}, ${kind} ${path}`)
  }

  #requireAlive(kind: string): void {
    if (this.#crashed) throw new SimulatedCrash(`${kind}, after the crash`)
  }

  #drawLatencyMs(): number {
    return this.#syncLatencyMs * (0.5 + this.#random.next())
  }

  #drawSurvival(): Survival {
    const draw = this.#random.next()
    if (draw < 0.2) return 'none'
    return draw < 0.4 ? 'all' : this.#random.next()
  }

  #inode(path: string): Inode {
    const inode = this.#names.file(path)
    if (inode === undefined) throw new DiskError('ENOENT', path, 'no such file')
    return inode
  }
}

class SimulatedFile implements File {
  readonly path: string
  readonly #disk: SimulatedDisk
  readonly #inode: Inode
  #open = true

  constructor(disk: SimulatedDisk, path: string, inode: Inode) {
    this.#disk = disk
    this.path = path
    this.#inode = inode
  }

  size(): number {
    this.#requireOpen()
    return this.#inode.size
  }

  read(target: Uint8Array, offset: number, length: number, position: number): number {
    this.#requireOpen()
    return this.#disk.perform('read', this.path, () => this.#inode.read(target, offset, length, position))
  }

  write(source: Uint8Array, offset: number, length: number, position: number): void {
    this.#requireOpen()
    this.#disk.perform(
      'write',
      this.path,
      () => this.#disk.writeInto(this.#inode, this.path, source, offset, length, position),
      () => this.#disk.writePart(this.#inode, source, offset, length, position),
    )
  }

  /** Two operations, so that it may be cut off between the write and its end. What follows is always lost. */
  appendDurably(source: Uint8Array, offset: number, length: number, position: number): void {
    const { size } = this.#inode
    const end = position + length
    assert(end <= size, 'what is written durably is inside of the file')
    const written = new Uint8Array(Math.min(Math.ceil(end / durableBlockBytes) * durableBlockBytes, size) - position)
    written.set(source.subarray(offset, offset + length))
    this.write(written, 0, written.length, position)
    this.#disk.takeSyncTime()
    this.#disk.perform(
      'sync',
      this.path,
      () => this.#inode.persistRange(position, end),
      (injected) => this.#disk.failSync(this.#inode, this.#inode.beginSync(), injected),
    )
  }

  writeAsync(source: Uint8Array, offset: number, length: number, position: number): Promise<void> {
    this.#requireOpen()
    return this.#disk.later(0.1, () =>
      this.#disk.perform(
        'write',
        this.path,
        () => this.#disk.writeInto(this.#inode, this.path, source, offset, length, position),
        () => this.#disk.writePart(this.#inode, source, offset, length, position),
      ),
    )
  }

  sync(): void {
    this.#requireOpen()
    const generation = this.#inode.beginSync()
    this.#disk.takeSyncTime()
    this.#endSync(generation)
  }

  syncAsync(): Promise<void> {
    this.#requireOpen()
    const generation = this.#inode.beginSync()
    return this.#disk.later(1, () => this.#endSync(generation))
  }

  truncate(size: number): void {
    this.#requireOpen()
    this.#disk.perform('truncate', this.path, () => this.#inode.truncate(size))
  }

  close(): void {
    this.#open = false
  }

  #endSync(generation: Generation | undefined): void {
    this.#disk.perform(
      'sync',
      this.path,
      () => this.#inode.endSync(generation),
      (injected) => this.#disk.failSync(this.#inode, generation, injected),
    )
  }

  #requireOpen(): void {
    assert(this.#open, 'the file is open')
  }
}

function checked(path: string): string {
  if (path.startsWith('/') || path.split('/').includes('..')) {
    throw new DiskError('EACCES', path, 'the path leads out of the data directory')
  }
  return path
}
