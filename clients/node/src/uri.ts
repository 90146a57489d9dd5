/** Where the server is, and how to speak with it: `grpc://host:port/database?options`, `grpcs://` for TLS. */
import { readFileSync } from 'node:fs'
import { type ChannelCredentials, credentials } from '@grpc/grpc-js'
import type { DeserializeOptions } from 'bson'
import { LauraUsageError } from './errors.ts'

export interface LauraClientOptions {
  /** Most connections at once; each carries any number of commands. Default: 4. */
  readonly maxPoolSize?: number
  /** Commands in progress on every connection before another is opened. Default: 128. */
  readonly commandsPerConnection?: number
  /** How long to look for a server that answers. Default: 30,000. */
  readonly serverSelectionTimeoutMS?: number
  /** How long one attempt to connect may take. Default: 10,000. */
  readonly connectTimeoutMS?: number
  /** Try a read again, once, when the connection breaks or the server is about to stop. Default: true. */
  readonly retryReads?: boolean
  /** The same for writes, where the server knows a write that it has done already. Default: true. */
  readonly retryWrites?: boolean
  /** Name of the application, for currentOp. */
  readonly appName?: string
  readonly tls?: boolean
  /** Files in PEM form. */
  readonly tlsCAFile?: string
  readonly tlsCertificateFile?: string
  readonly tlsCertificateKeyFile?: string
  /** Leave out fields whose value is undefined, instead of storing null. Default: false. */
  readonly ignoreUndefined?: boolean
  /** How documents are decoded: useBigInt64, promoteLongs, promoteBuffers and so on, of the `bson` package. */
  readonly bson?: DeserializeOptions
}

export interface Settings
  extends Required<Omit<LauraClientOptions, 'tlsCAFile' | 'tlsCertificateFile' | 'tlsCertificateKeyFile' | 'tls'>> {
  readonly target: string
  readonly database: string
  readonly credentials: ChannelCredentials
}

const numberOptions = ['maxPoolSize', 'commandsPerConnection', 'serverSelectionTimeoutMS', 'connectTimeoutMS'] as const
const booleanOptions = ['retryReads', 'retryWrites', 'tls', 'ignoreUndefined'] as const
const textOptions = ['appName', 'tlsCAFile', 'tlsCertificateFile', 'tlsCertificateKeyFile'] as const
const defaultPort = '9090'

/** What a URI and the options beside it, which win, ask for. Errors: LauraUsageError. */
export function settingsOf(uri: string, options: LauraClientOptions): Settings {
  const url = URL.canParse(uri) ? new URL(uri) : undefined
  if (url === undefined || !/^grpcs?:$/.test(url.protocol) || url.hostname === '')
    throw new LauraUsageError(`a URI begins with grpc://host or grpcs://host, not ${JSON.stringify(uri)}`)
  if (url.username !== '' || url.password !== '')
    throw new LauraUsageError('the server has no authentication: the URI must have no user')
  const all = { ...optionsIn(url.searchParams), ...options }
  const usesTls = all.tls ?? (url.protocol === 'grpcs:' || all.tlsCAFile !== undefined)
  return {
    target: `${url.hostname}:${url.port || defaultPort}`,
    database: decodeURIComponent(url.pathname.slice(1)) || 'test',
    credentials: usesTls ? tlsCredentials(all) : credentials.createInsecure(),
    maxPoolSize: positive('maxPoolSize', all.maxPoolSize ?? 4),
    commandsPerConnection: positive('commandsPerConnection', all.commandsPerConnection ?? 128),
    serverSelectionTimeoutMS: positive('serverSelectionTimeoutMS', all.serverSelectionTimeoutMS ?? 30_000),
    connectTimeoutMS: positive('connectTimeoutMS', all.connectTimeoutMS ?? 10_000),
    retryReads: all.retryReads ?? true,
    retryWrites: all.retryWrites ?? true,
    appName: all.appName ?? '',
    ignoreUndefined: all.ignoreUndefined ?? false,
    bson: all.bson ?? {},
  }
}

function optionsIn(parameters: URLSearchParams): LauraClientOptions {
  const found: Record<string, unknown> = {}
  for (const [name, value] of parameters) {
    if (numberOptions.some((each) => each === name)) found[name] = Number(value)
    else if (booleanOptions.some((each) => each === name)) found[name] = truth(name, value)
    else if (textOptions.some((each) => each === name)) found[name] = value
    else throw new LauraUsageError(`unknown option ${name} in the URI`)
  }
  return found
}

function truth(name: string, value: string): boolean {
  if (value === 'true' || value === 'false') return value === 'true'
  throw new LauraUsageError(`${name} must be true or false, not ${JSON.stringify(value)}`)
}

function positive(name: string, value: number): number {
  if (Number.isInteger(value) && value > 0) return value
  throw new LauraUsageError(`${name} must be a whole number above 0, not ${value}`)
}

function tlsCredentials(options: LauraClientOptions): ChannelCredentials {
  const read = (path: string | undefined) => (path === undefined ? null : readFileSync(path))
  return credentials.createSsl(
    read(options.tlsCAFile),
    read(options.tlsCertificateKeyFile),
    read(options.tlsCertificateFile),
  )
}
