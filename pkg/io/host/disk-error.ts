import { DiskError, type DiskErrorCode } from '../disk.ts'

const codes: Readonly<Record<string, DiskErrorCode>> = {
  ENOSPC: 'ENOSPC',
  EDQUOT: 'ENOSPC',
  EFBIG: 'ENOSPC',
  ENOENT: 'ENOENT',
  ENOTDIR: 'ENOENT',
  EEXIST: 'EEXIST',
  EACCES: 'EACCES',
  EPERM: 'EACCES',
  EROFS: 'EACCES',
}

/** Node's error as the `DiskError` nearest to it; what has no code of its own is EIO with the system's message. */
export function diskErrorOf(error: unknown, path: string): DiskError {
  if (error instanceof DiskError) return error
  const { code, message } = error as NodeJS.ErrnoException
  return new DiskError(codes[code ?? ''] ?? 'EIO', path, message)
}
