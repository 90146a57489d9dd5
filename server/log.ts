/** The server's log: JSON lines on stderr, and the last of them in memory for getLog. */
import pino from 'pino'
import type { LogLevel } from './config.ts'

export interface ServerLog {
  readonly logger: pino.Logger
  recent(): readonly string[]
}

const recentLinesMax = 1024

/** Lines are written before the call returns, so that the last one before an exit is not lost. */
export function openLog(level: LogLevel): ServerLog {
  const lines: string[] = []
  const stderr = pino.destination({ fd: 2, sync: true })
  const destination = {
    write(line: string): void {
      stderr.write(line)
      if (lines.length >= recentLinesMax) lines.splice(0, recentLinesMax / 2)
      lines.push(line.trimEnd())
    },
  }
  const logger = pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    destination,
  )
  return { logger, recent: () => lines }
}
