// Runs before `npm start`, `npm test` and the other scripts, by whatever Node the machine has (20 or newer): installs the
// dependencies when they are missing or older than package-lock.json. The Node that runs LauraDB is one of them, and npm
// puts it first on the PATH. Everything is said on stderr: stdout belongs to the program that follows.
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const lockFile = join(root, 'package-lock.json')
// npm writes this one last, so it dates a finished install.
const installed = join(root, 'node_modules', '.package-lock.json')
const node = join(root, 'node_modules', '.bin', process.platform === 'win32' ? 'node.cmd' : 'node')

/** Runs a command with its output on our stderr; true when it succeeded. */
function run(command, args, folder = root) {
  // What the outer npm was asked to do (`--dir x` of `npm start -- --dir x` among it) is not meant for the inner one.
  const environment = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^npm_(config_argv|lifecycle|package|command)/.test(name)),
  )
  const { status, error } = spawnSync(command, args, {
    cwd: folder,
    env: environment,
    stdio: ['ignore', 2, 2],
    shell: process.platform === 'win32',
  })
  if (error) process.stderr.write(`${command}: ${error.message}\n`)
  return status === 0
}

function npm(...args) {
  const cli = process.env.npm_execpath
  return cli?.endsWith('.js') ? run(process.execPath, [cli, ...args]) : run('npm', args)
}

function nodeRuns() {
  if (!existsSync(node)) return false
  const { status, stdout } = spawnSync(node, ['--version'], { encoding: 'utf8', shell: process.platform === 'win32' })
  return status === 0 && Number(/^v(\d+)/.exec(stdout)?.[1]) >= 26
}

function fail(message) {
  process.stderr.write(`${message}\n`)
  process.exit(1)
}

const fresh = existsSync(installed) && statSync(installed).mtimeMs >= statSync(lockFile).mtimeMs
if (!fresh) {
  process.stderr.write('installing dependencies (npm install)\n')
  // Not `npm ci`, which refuses a lock file written where a registry did not have the optional packages of every platform.
  // Without saving, the lock file is followed and left as it is.
  if (!npm('install', '--no-save', '--include=dev', '--include=optional', '--no-audit', '--no-fund'))
    fail('npm install failed; see above')
}
if (!fresh || !existsSync(node)) {
  // Where npm is told not to run install scripts, the package that brings Node has not brought it yet.
  const setup = join(root, 'node_modules', 'node')
  if (!nodeRuns() && existsSync(setup)) run(process.execPath, ['installArchSpecificPackage.js'], setup)
  if (!nodeRuns()) {
    const wanted = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).devDependencies.node
    fail(`the npm package node ${wanted} did not install a working Node for ${process.platform} ${process.arch}`)
  }
}
