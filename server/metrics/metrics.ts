/** Figures for Prometheus: what commands take, and the state of cache, log, checkpoints, vacuum, cursors and the event loop. */
import { collectDefaultMetrics, Gauge, type Metric, Registry } from 'prom-client'
import { latencyBoundsMs } from '../../pkg/command/counters.ts'
import type { Database } from '../../pkg/command/dispatch.ts'

/** A registry over a running database: figures are read when they are asked for, nothing is counted twice. */
export function openMetrics(database: Database): Registry {
  const registry = new Registry()
  // Among these are the event loop's delay, garbage collection and memory.
  collectDefaultMetrics({ register: registry })
  registry.registerMetric(commandDurations(database))
  registry.registerMetric(commandFailures(database))
  const { engine } = database
  const figures: readonly [name: string, help: string, read: () => number][] = [
    ['laura_cache_bytes', 'pages in memory', () => engine.statistics().cachedBytes],
    ['laura_cache_dirty_bytes', 'pages in memory that the data file lacks', () => engine.statistics().dirtyBytes],
    ['laura_data_file_bytes', 'size of the data file', () => engine.statistics().fileSizeBytes],
    ['laura_data_file_free_bytes', 'room in the data file', () => engine.statistics().freeBytes],
    ['laura_log_bytes', 'size of the log', () => engine.statistics().logSizeBytes],
    ['laura_log_index', 'entries written to the log', () => engine.statistics().lastIndex],
    ['laura_log_durable_index', 'entries of the log that are on disk', () => engine.statistics().durableIndex],
    ['laura_log_replay_bytes', 'log that a restart now would replay', () => engine.statistics().bytesSinceCheckpoint],
    ['laura_checkpoints_total', 'checkpoints since the start', () => engine.statistics().checkpointCount],
    [
      'laura_vacuumed_entries_total',
      'versions that vacuum dropped since the start',
      () => engine.statistics().vacuumedEntryCount,
    ],
    ['laura_open_snapshots', 'moments that readers hold', () => engine.statistics().openSnapshotCount],
    ['laura_open_cursors', 'cursors that clients hold', () => database.cursors.counts().open],
    ['laura_sessions', 'sessions in use', () => database.sessions.size],
    ['laura_connections', 'connections of all doors', () => database.connections.size],
    ['laura_running_operations', 'commands that run or wait', () => database.operations.size],
  ]
  for (const [name, help, read] of figures) {
    new Gauge({
      name,
      help,
      registers: [registry],
      collect() {
        this.set(read())
      },
    })
  }
  return registry
}

interface Sample {
  readonly metricName?: string
  readonly labels: Readonly<Record<string, string | number>>
  readonly value: number
}

/** A metric whose values are computed when they are asked for. */
function computed(name: string, help: string, type: 'histogram' | 'counter', values: () => readonly Sample[]): Metric {
  const described = { name, help, type, aggregator: 'sum' as const }
  return { ...described, get: () => Promise.resolve({ ...described, values: values() }) } as unknown as Metric
}

/** The command path counts in its own buckets, which costs less than a call; here they get Prometheus' form. */
function commandDurations(database: Database): Metric {
  const name = 'laura_command_duration_seconds'
  return computed(name, 'how long commands took', 'histogram', () => {
    const samples: Sample[] = []
    for (const [command, { buckets, sumMs }] of database.counters.commands) {
      let count = 0
      buckets.forEach((inBucket, i) => {
        count += inBucket
        const bound = latencyBoundsMs[i]
        samples.push({
          metricName: `${name}_bucket`,
          labels: { command, le: bound === undefined ? '+Inf' : bound / 1000 },
          value: count,
        })
      })
      samples.push({ metricName: `${name}_sum`, labels: { command }, value: sumMs / 1000 })
      samples.push({ metricName: `${name}_count`, labels: { command }, value: count })
    }
    return samples
  })
}

function commandFailures(database: Database): Metric {
  return computed('laura_command_failures_total', 'commands that failed', 'counter', () =>
    [...database.counters.commands].map(([command, { failed }]) => ({ labels: { command }, value: failed })),
  )
}
