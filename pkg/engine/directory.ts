/** The database's directory: made to last, and open in one process at a time. */
import { DatabaseError } from '../base/errors.ts'
import { DiskError, type DiskLock } from '../io/disk.ts'
import type { World } from '../io/world.ts'

/** The names of the directory and of what it lies in must outlive a power loss as its files do, whoever made them. */
export function makeDurableDirectory(world: World, directory: string): void {
  const existed = world.disk.exists(directory)
  world.disk.makeDirectory(directory)
  for (let path = directory; path !== ''; ) {
    path = path.slice(0, Math.max(0, path.lastIndexOf('/')))
    try {
      world.disk.syncDirectory(path)
    } catch (error) {
      // Where the directory was made for us we may have no right to look into what it lies in.
      if (!(existed && error instanceof DiskError && error.code === 'EACCES')) throw error
    }
  }
}

/** Throws DBPathInUse. */
export function takeLock(world: World, directory: string): DiskLock {
  try {
    return world.disk.lock(`${directory}/laura.lock`)
  } catch (error) {
    if (error instanceof DiskError && error.code === 'ELOCKED') {
      throw new DatabaseError('DBPathInUse', `the database directory ${directory} is in use: ${error.message}`)
    }
    throw error
  }
}
