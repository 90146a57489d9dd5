/**
 * The settings of `laura serve`: one table, from which come the flags, the LAURA_* variables and the keys of the YAML file.
 * Precedence: flag, then variable, then file, then default.
 */
import { Refusal } from './refusal.ts'
import { parseSize } from './size.ts'

export type LogLevel = 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace' | 'silent'

export interface ServeConfig {
  readonly dir: string
  readonly bind: string
  readonly mongoPort: number
  readonly httpPort: number
  /** undefined: the usual port, if nobody else has it. */
  readonly grpcPort: number | undefined
  /** Files in PEM form; empty: the gRPC door speaks plain text. */
  readonly grpcTlsCert: string
  readonly grpcTlsKey: string
  /** Empty: clients need no certificate. */
  readonly grpcTlsCa: string
  /** Origins whose pages may call the HTTP door from a browser. */
  readonly httpCorsOrigins: readonly string[]
  readonly cacheSizeBytes: number
  readonly transactionMemoryBytes: number
  readonly oplogSizeBytes: number
  readonly oplogMinRetentionHours: number
  readonly insecure: boolean
  readonly logLevel: LogLevel
  readonly maxConnections: number
  readonly pageCompression: 'none' | 'zstd'
  /** Name of the replica set whose only member the node presents itself as; empty: a standalone. */
  readonly replSet: string
  /** `host:port` under which clients reach this member; empty: the address that each of them came to. */
  readonly replSetMember: string
  readonly setParameter: ReadonlyMap<string, string>
}

interface Setting<T> {
  /** Name of the flag and of the YAML key; `LAURA_` and the name in capitals is the variable. */
  readonly name: string
  /** How the flag's value is called in the help; absent for a switch. */
  readonly value?: string
  readonly about: string
  readonly default: T
  readonly shownDefault?: string
  /** From the text of a flag or a variable. Throws a Refusal that says what it must be. */
  read(text: string): T
  /** The flag may be given several times; later ones are added. */
  readonly repeatable?: true
}

const logLevels: readonly LogLevel[] = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']

function text(value: string): string {
  if (value === '') throw new Refusal('must not be empty')
  return value
}

function wholeNumber(low: number, high: number): (value: string) => number {
  return (value) => {
    const number = /^\d+$/.test(value) ? Number(value) : Number.NaN
    if (!(number >= low && number <= high)) throw new Refusal(`must be a whole number from ${low} to ${high}`)
    return number
  }
}

function oneOf<T extends string>(...choices: readonly T[]): (value: string) => T {
  return (value) => {
    const found = choices.find((choice) => choice === value)
    if (found === undefined) throw new Refusal(`must be one of ${choices.join(', ')}`)
    return found
  }
}

function yesOrNo(value: string): boolean {
  if (/^(true|yes|on|1)$/i.test(value)) return true
  if (/^(false|no|off|0)$/i.test(value)) return false
  throw new Refusal('must be true or false')
}

function cacheSize(value: string): number {
  const bytes = parseSize(value)
  if (bytes === undefined) throw new Refusal('must be a size such as 256MB or 1GiB')
  if (bytes < 8 * 2 ** 20) throw new Refusal('must be at least 8MB')
  return bytes
}

function transactionMemory(value: string): number {
  const bytes = parseSize(value)
  if (bytes === undefined) throw new Refusal('must be a size such as 64MB or 1GiB')
  return bytes
}

function oplogSize(value: string): number {
  const bytes = parseSize(value)
  if (bytes === undefined) throw new Refusal('must be a size such as 256MB or 1GiB, or 0 for no change history')
  return bytes
}

function hours(value: string): number {
  const number = /^\d+(?:\.\d+)?$/.test(value) ? Number(value) : Number.NaN
  if (!(number >= 0 && number <= 1_000_000)) throw new Refusal('must be a number of hours')
  return number
}

function parameters(value: string): ReadonlyMap<string, string> {
  const map = new Map<string, string>()
  for (const part of value.split(',').filter((piece) => piece !== '')) {
    const cut = part.indexOf('=')
    if (cut < 1) throw new Refusal('must be name=value')
    map.set(part.slice(0, cut).trim(), part.slice(cut + 1).trim())
  }
  return map
}

function replicaSetName(value: string): string {
  if (!/^[\w.-]{1,128}$/.test(value)) throw new Refusal('must be a name of letters, digits, -, _ and .')
  return value
}

function hostAndPort(value: string): string {
  if (!/^(?:[\w.-]+|\[[\da-f:.]+\]):\d{1,5}$/i.test(value)) throw new Refusal('must be host:port')
  return value
}

export const usualGrpcPort = 9090

export const settings = {
  dir: { name: 'dir', value: 'directory', about: 'where the data is', default: './laura-data', read: text },
  bind: { name: 'bind', value: 'address', about: 'address to listen on', default: '127.0.0.1', read: text },
  mongoPort: {
    name: 'mongo-port',
    value: 'port',
    about: 'port of the MongoDB wire protocol; 0: any free one',
    default: 27017,
    read: wholeNumber(0, 65_535),
  },
  httpPort: {
    name: 'http-port',
    value: 'port',
    about: 'port of the HTTP door; 0: any free one',
    default: 8080,
    read: wholeNumber(0, 65_535),
  },
  grpcPort: {
    name: 'grpc-port',
    value: 'port',
    about: 'port of the gRPC door; 0: any free one',
    default: undefined,
    shownDefault: `${usualGrpcPort}, if it is free`,
    read: wholeNumber(0, 65_535),
  },
  grpcTlsCert: {
    name: 'grpc-tls-cert',
    value: 'file',
    about: 'certificate chain of the gRPC door (PEM); with --grpc-tls-key it speaks TLS only',
    default: '',
    read: text,
  },
  grpcTlsKey: {
    name: 'grpc-tls-key',
    value: 'file',
    about: 'private key of the gRPC door (PEM)',
    default: '',
    read: text,
  },
  grpcTlsCa: {
    name: 'grpc-tls-ca',
    value: 'file',
    about: 'authority that must have signed the certificates of gRPC clients (PEM)',
    default: '',
    read: text,
  },
  httpCorsOrigins: {
    name: 'http-cors-origin',
    value: 'origin',
    about: 'origin whose pages may call the HTTP door from a browser; several with commas',
    default: [],
    shownDefault: 'none',
    read: (value) => value.split(',').map((origin) => text(origin.trim())),
  },
  cacheSizeBytes: {
    name: 'cache-size',
    value: 'size',
    about: 'memory for cached pages',
    default: 256 * 2 ** 20,
    shownDefault: '256MB',
    read: cacheSize,
  },
  transactionMemoryBytes: {
    name: 'transaction-memory',
    value: 'size',
    about: 'memory for what a transaction has written; more goes to disk until it ends',
    default: 64 * 2 ** 20,
    shownDefault: '64MB',
    read: transactionMemory,
  },
  oplogSizeBytes: {
    name: 'oplog-size',
    value: 'size',
    about: 'how much of the log is kept for change streams; 0: no change streams',
    default: 1024 * 2 ** 20,
    shownDefault: '1GB',
    read: oplogSize,
  },
  oplogMinRetentionHours: {
    name: 'oplog-min-retention-hours',
    value: 'hours',
    about: 'how long the log is kept at least, however large it gets',
    default: 0,
    read: hours,
  },
  insecure: {
    name: 'insecure',
    about: 'listen beyond loopback although there is no authentication',
    default: false,
    read: yesOrNo,
  },
  logLevel: {
    name: 'log-level',
    value: 'level',
    about: 'least level that is logged (on stderr)',
    default: 'info',
    read: oneOf(...logLevels),
  },
  maxConnections: {
    name: 'max-connections',
    value: 'count',
    about: 'most clients of the wire protocol at once',
    default: 65_536,
    read: wholeNumber(1, 1_000_000),
  },
  pageCompression: {
    name: 'page-compression',
    value: 'kind',
    about: 'none or zstd, for pages of the data file',
    default: 'none',
    read: oneOf('none', 'zstd'),
  },
  replSet: {
    name: 'repl-set',
    value: 'name',
    about: 'present this node as a replica set of one member, as transactions and change streams need it',
    default: '',
    shownDefault: 'a standalone',
    read: replicaSetName,
  },
  replSetMember: {
    name: 'repl-set-member',
    value: 'host:port',
    about: 'how clients of the replica set reach this node',
    default: '',
    shownDefault: 'the address they came to',
    read: hostAndPort,
  },
  setParameter: {
    name: 'set-parameter',
    value: 'name=value',
    about: 'a server parameter; may be given several times',
    default: new Map(),
    shownDefault: '',
    read: parameters,
    repeatable: true,
  },
} satisfies { readonly [Key in keyof ServeConfig]: Setting<ServeConfig[Key]> }

type Key = keyof ServeConfig

const keys = Object.keys(settings) as Key[]

function settingOf(key: Key): Setting<unknown> {
  return settings[key]
}

export function variableOf(name: string): string {
  return `LAURA_${name.replaceAll('-', '_').toUpperCase()}`
}

/** What was given on the command line: by setting, its texts in order; a switch without a value is `true`. */
export type Flags = ReadonlyMap<string, readonly string[]>

/** One layer's value of a setting, or undefined when the layer does not name it. */
function readTexts(setting: Setting<unknown>, texts: readonly string[], where: string): unknown {
  try {
    if (setting.repeatable !== true) return setting.read(texts.at(-1)!)
    return new Map(texts.flatMap((each) => [...(setting.read(each) as ReadonlyMap<string, string>)]))
  } catch (reason) {
    if (!(reason instanceof Refusal)) throw reason
    throw new Refusal(`${where} ${reason.message}, not ${JSON.stringify(texts.at(-1))}`)
  }
}

/** The texts of a YAML value: a list or a mapping stands for a repeated flag. */
function textsOf(setting: Setting<unknown>, value: unknown, where: string): string[] {
  if (setting.repeatable === true && Array.isArray(value)) return value.map(String)
  if (setting.repeatable === true && typeof value === 'object' && value !== null) {
    return Object.entries(value).map(([name, each]) => `${name}=${String(each)}`)
  }
  if (value === null || typeof value === 'object') throw new Refusal(`${where} must be a single value`)
  return [String(value)]
}

/**
 * Puts the layers together.
 * @param file what the YAML file holds, and its name for messages; undefined when there is none
 * @throws Refusal naming the flag, variable or key
 */
export function configOf(
  flags: Flags,
  environment: Readonly<Record<string, string | undefined>>,
  file?: { readonly path: string; readonly content: unknown },
): ServeConfig {
  const inFile = file === undefined ? new Map<string, unknown>() : fileEntries(file)
  const result: Record<string, unknown> = {}
  for (const key of keys) {
    const setting = settingOf(key)
    const flag = flags.get(setting.name)
    const variable = environment[variableOf(setting.name)]
    if (flag !== undefined) result[key] = readTexts(setting, flag, `--${setting.name}`)
    else if (variable !== undefined) result[key] = readTexts(setting, [variable], variableOf(setting.name))
    else if (inFile.has(setting.name)) {
      const where = `${file!.path}: ${setting.name}`
      result[key] = readTexts(setting, textsOf(setting, inFile.get(setting.name), where), where)
    } else result[key] = setting.default
  }
  return result as unknown as ServeConfig
}

function fileEntries(file: { readonly path: string; readonly content: unknown }): Map<string, unknown> {
  const { path, content } = file
  if (content === null || content === undefined) return new Map()
  if (typeof content !== 'object' || Array.isArray(content)) throw new Refusal(`${path}: must be a mapping of settings`)
  const entries = new Map(Object.entries(content))
  for (const name of entries.keys()) {
    if (keys.some((key) => settingOf(key).name === name)) continue
    throw new Refusal(`${path}: unknown setting ${JSON.stringify(name)}`)
  }
  return entries
}

/** Whether an address can be reached from this machine only. */
export function isLoopback(address: string): boolean {
  return (
    address === 'localhost' ||
    address === '::1' ||
    /^127(?:\.\d{1,3}){3}$/.test(address) ||
    /^::ffff:127\./i.test(address)
  )
}
