/** Sizes as people write them: `256MB`, `1GiB`, `64k`, `1048576`. */
const factors: Readonly<Record<string, number>> = { '': 1, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30, t: 2 ** 40 }

/**
 * Bytes in `text`. A unit is a power of 1024 however it is spelled (`MB`, `MiB`, `M`), as with every cache setting of a database.
 * Undefined when it is not a size, or not a safe integer.
 */
export function parseSize(text: string): number | undefined {
  const match = /^\s*(\d+(?:\.\d+)?)\s*([kmgt]?)(?:i?b)?\s*$/i.exec(text)
  if (match === null) return undefined
  const bytes = Math.round(Number(match[1]) * factors[match[2]!.toLowerCase()]!)
  return Number.isSafeInteger(bytes) ? bytes : undefined
}

/** `bytes` with the largest unit that leaves at least one before the point: `1.5 GB`. */
export function showSize(bytes: number): string {
  const units = ['B', 'KB', 'MB', 'GB', 'TB']
  let unit = 0
  while (bytes >= 1024 && unit < units.length - 1) {
    bytes /= 1024
    unit += 1
  }
  return `${unit === 0 || bytes >= 100 ? Math.round(bytes) : bytes.toFixed(1)} ${units[unit]}`
}
