import { writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { configOf, isLoopback, settings, variableOf } from './config.ts'
import { readConfig } from './config-file.ts'

const none = new Map()

function flags(given: Record<string, string | string[]>): Map<string, string[]> {
  return new Map(Object.entries(given).map(([name, value]) => [name, [value].flat()]))
}

/** A value other than the default for each setting, as text and as it is read. */
const samples: Record<keyof typeof settings, readonly [string, unknown]> = {
  dir: ['/data', '/data'],
  bind: ['::1', '::1'],
  mongoPort: ['0', 0],
  httpPort: ['9999', 9999],
  grpcPort: ['9191', 9191],
  grpcTlsCert: ['/tls/cert.pem', '/tls/cert.pem'],
  grpcTlsKey: ['/tls/key.pem', '/tls/key.pem'],
  grpcTlsCa: ['/tls/ca.pem', '/tls/ca.pem'],
  httpCorsOrigins: ['https://a.example,https://b.example', ['https://a.example', 'https://b.example']],
  cacheSizeBytes: ['1GiB', 2 ** 30],
  transactionMemoryBytes: ['16MiB', 2 ** 24],
  oplogSizeBytes: ['0', 0],
  oplogMinRetentionHours: ['1.5', 1.5],
  insecure: ['true', true],
  logLevel: ['debug', 'debug'],
  maxConnections: ['12', 12],
  pageCompression: ['zstd', 'zstd'],
  replSet: ['rs0', 'rs0'],
  replSetMember: ['db.example:27017', 'db.example:27017'],
  setParameter: ['a=1', new Map([['a', '1']])],
}

describe('configuration', () => {
  it('has the defaults that the manual names', () => {
    expect(configOf(none, {})).toEqual({
      dir: './laura-data',
      bind: '127.0.0.1',
      mongoPort: 27017,
      httpPort: 8080,
      grpcPort: undefined,
      grpcTlsCert: '',
      grpcTlsKey: '',
      grpcTlsCa: '',
      httpCorsOrigins: [],
      cacheSizeBytes: 268435456,
      transactionMemoryBytes: 67108864,
      oplogSizeBytes: 2 ** 30,
      oplogMinRetentionHours: 0,
      insecure: false,
      logLevel: 'info',
      maxConnections: 65536,
      pageCompression: 'none',
      replSet: '',
      replSetMember: '',
      setParameter: new Map(),
    })
  })

  it.each(Object.entries(samples))(
    'takes %s from a flag, else a variable, else the file, else the default',
    (key, [text, value]) => {
      const setting = settings[key as keyof typeof settings]
      const fallback: unknown = setting.default
      const file = { path: 'laura.yaml', content: { [setting.name]: text } }
      const variable = { [variableOf(setting.name)]: text }
      const read = (...args: Parameters<typeof configOf>) => configOf(...args)[key as keyof typeof settings]
      expect(read(none, {})).toEqual(fallback)
      expect(read(none, {}, file)).toEqual(value)
      expect(read(none, variable)).toEqual(value)
      expect(read(flags({ [setting.name]: text }), {})).toEqual(value)
    },
  )

  it('prefers the flag to the variable to the file', () => {
    const file = { path: 'laura.yaml', content: { dir: 'file', bind: '127.0.0.3', 'log-level': 'warn' } }
    const environment = { LAURA_DIR: 'variable', LAURA_BIND: '127.0.0.2' }
    expect(configOf(flags({ dir: 'flag' }), environment, file)).toMatchObject({
      dir: 'flag',
      bind: '127.0.0.2',
      logLevel: 'warn',
    })
  })

  it('collects parameters that are given several times, as a list, or as a mapping', () => {
    const expected = new Map([
      ['a', '1'],
      ['b', 'x=y'],
    ])
    expect(configOf(flags({ 'set-parameter': ['a=1', 'b=x=y'] }), {}).setParameter).toEqual(expected)
    expect(configOf(none, { LAURA_SET_PARAMETER: 'a=1,b=x=y' }).setParameter).toEqual(expected)
    for (const content of [{ 'set-parameter': ['a=1', 'b=x=y'] }, { 'set-parameter': { a: 1, b: 'x=y' } }]) {
      expect(configOf(none, {}, { path: 'f', content }).setParameter).toEqual(expected)
    }
  })

  it.each([
    [flags({ 'mongo-port': '65536' }), {}, '--mongo-port must be a whole number from 0 to 65535, not "65536"'],
    [flags({ 'mongo-port': '' }), {}, '--mongo-port must be a whole number'],
    [none, { LAURA_CACHE_SIZE: 'lots' }, 'LAURA_CACHE_SIZE must be a size such as 256MB or 1GiB, not "lots"'],
    [flags({ 'cache-size': '1k' }), {}, '--cache-size must be at least 8MB'],
    [flags({ 'log-level': 'loud' }), {}, '--log-level must be one of fatal, error'],
    [flags({ 'page-compression': 'lz4' }), {}, '--page-compression must be one of none, zstd'],
    [flags({ insecure: 'maybe' }), {}, '--insecure must be true or false'],
    [flags({ 'set-parameter': 'novalue' }), {}, '--set-parameter must be name=value'],
    [flags({ dir: '' }), {}, '--dir must not be empty'],
    [flags({ 'repl-set': 'a b' }), {}, '--repl-set must be a name of letters'],
    [none, { LAURA_REPL_SET: '' }, 'LAURA_REPL_SET must be a name of letters'],
    [flags({ 'repl-set-member': 'db.example' }), {}, '--repl-set-member must be host:port'],
  ])('refuses what makes no sense: %#', (given, environment, message) => {
    expect(() => configOf(given, environment)).toThrow(message)
  })

  it.each([
    [{ 'cache-szie': '1GB' }, 'laura.yaml: unknown setting "cache-szie"'],
    [{ cacheSize: '1GB' }, 'laura.yaml: unknown setting "cacheSize"'],
    [{ 'repl-set': '' }, 'laura.yaml: repl-set must be a name'],
    [{ dir: ['a'] }, 'laura.yaml: dir must be a single value'],
    [{ dir: null }, 'laura.yaml: dir must be a single value'],
    [{ 'mongo-port': 'x' }, 'laura.yaml: mongo-port must be a whole number'],
    [['dir'], 'laura.yaml: must be a mapping'],
    ['dir', 'laura.yaml: must be a mapping'],
  ])('refuses a file with %j', (content, message) => {
    expect(() => configOf(none, {}, { path: 'laura.yaml', content })).toThrow(message)
  })

  it('knows which addresses are of this machine only', () => {
    for (const address of ['127.0.0.1', '127.8.9.1', '::1', 'localhost', '::ffff:127.0.0.1'])
      expect(isLoopback(address)).toBe(true)
    for (const address of ['0.0.0.0', '::', '10.0.0.1', 'example.org', '127.0.0.1.example.org'])
      expect(isLoopback(address)).toBe(false)
  })
})

describe('the configuration file', () => {
  let folder: string
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'laura-config-'))
  })
  afterAll(() => rm(folder, { recursive: true }))

  it('is YAML with the names of the flags', async () => {
    const path = join(folder, 'a.yaml')
    writeFileSync(
      path,
      '# mine\ndir: /srv/data\nmongo-port: 27018\ncache-size: 1GiB\ninsecure: true\nset-parameter:\n  quiet: true\n',
    )
    const expected = {
      dir: '/srv/data',
      mongoPort: 27018,
      cacheSizeBytes: 2 ** 30,
      insecure: true,
      setParameter: new Map([['quiet', 'true']]),
    }
    expect(await readConfig(none, {}, path)).toMatchObject(expected)
    expect(await readConfig(none, { LAURA_CONFIG: path }, undefined)).toMatchObject(expected)
    expect(await readConfig(flags({ dir: 'x' }), { LAURA_CONFIG: '/nowhere' }, path)).toMatchObject({
      ...expected,
      dir: 'x',
    })
  })

  it('may be empty', async () => {
    const path = join(folder, 'empty.yaml')
    writeFileSync(path, '# nothing\n')
    expect((await readConfig(none, {}, path)).dir).toBe('./laura-data')
  })

  it('is refused when it is missing or broken', async () => {
    const path = join(folder, 'broken.yaml')
    writeFileSync(path, 'dir: [a\n')
    await expect(readConfig(none, {}, path)).rejects.toThrow(/broken\.yaml is not YAML: /)
    await expect(readConfig(none, {}, join(folder, 'missing.yaml'))).rejects.toThrow(
      /cannot read the configuration file .*missing\.yaml/,
    )
  })
})
