/** A progress bar on stderr, only where a person can see it. */
import type { SingleBar } from 'cli-progress'

export class Progress {
  #bar: SingleBar | undefined

  /** `total`: what `update` counts up to; without it, or without a terminal, nothing is shown. */
  static async start(label: string, total: number | undefined): Promise<Progress> {
    const progress = new Progress()
    if (total === undefined || total === 0 || process.stderr.isTTY !== true) return progress
    const { default: cliProgress } = await import('cli-progress')
    progress.#bar = new cliProgress.SingleBar(
      {
        stream: process.stderr,
        format: `${label} [{bar}] {percentage}% | {documents} documents | {eta_formatted} left`,
        hideCursor: true,
        clearOnComplete: true,
        fps: 5,
      },
      cliProgress.Presets.shades_classic,
    )
    progress.#bar.start(total, 0, { documents: 0 })
    return progress
  }

  update(done: number, documents: number): void {
    this.#bar?.update(done, { documents: documents.toLocaleString('en') })
  }

  stop(): void {
    this.#bar?.stop()
    this.#bar = undefined
  }
}

/** `1,000 documents in 1.25 s (800/s)`. */
export function summary(documents: number, elapsedMs: number): string {
  const rate = Math.round(documents / Math.max(elapsedMs / 1000, 0.001))
  const count = `${documents.toLocaleString('en')} ${documents === 1 ? 'document' : 'documents'}`
  return `${count} in ${(elapsedMs / 1000).toFixed(2)} s (${rate.toLocaleString('en')}/s)`
}
