// Compiles the sources to dist/ for publishing: Node does not strip types from files under node_modules.
import { spawnSync } from 'node:child_process'
import { chmodSync, cpSync, rmSync } from 'node:fs'

rmSync('dist', { recursive: true, force: true })
const { status } = spawnSync('tsc', ['-p', 'tsconfig.build.json'], {
  stdio: 'inherit',
  shell: process.platform === 'win32',
})
if (status !== 0) process.exit(1)
chmodSync('dist/server/main.js', 0o755)
// Beside what reads them, as in the sources.
cpSync('proto', 'dist/proto', { recursive: true })
