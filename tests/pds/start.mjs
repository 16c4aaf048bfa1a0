// Installs the Bluesky PDS on first use, then runs it: see server.mjs for what it prints.
//
//   node tests/pds/start.mjs [--app-view] [--rate-limits] [--did-doc]
//   node tests/pds/start.mjs --install-only
//
// It stops when its standard input closes. JARCHI_PDS_CACHE replaces the folder of the
// installation, which is target/pds.
import { spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

const here = path.dirname(fileURLToPath(import.meta.url))
const manifests = ['package.json', 'package-lock.json']

/** A folder for each lock file: a changed one never meets an old installation. */
function installation() {
  const hash = createHash('sha256')
  for (const name of manifests) hash.update(fs.readFileSync(path.join(here, name)))
  const root = process.env.JARCHI_PDS_CACHE ?? path.join(here, '..', '..', 'target', 'pds')
  return path.resolve(root, hash.digest('hex').slice(0, 16))
}

function install(target) {
  if (fs.existsSync(path.join(target, 'node_modules'))) return
  const began = Date.now()
  process.stderr.write(`pds: installing into ${target} (about a minute, 560 MB)\n`)
  // Beside its place and renamed at the end, so that what is there is always whole.
  const unfinished = `${target}.${process.pid}`
  fs.mkdirSync(unfinished, { recursive: true })
  for (const name of manifests) fs.copyFileSync(path.join(here, name), path.join(unfinished, name))
  // No package needs its install script: what is native comes prebuilt. The servers want
  // a newer node than a distribution has; one comes as a package (node-linux-*), so
  // npm's warnings of an old engine are noise.
  const npm = spawnSync(
    'npm',
    ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'],
    { cwd: unfinished, stdio: ['ignore', 2, 2] },
  )
  if (npm.status !== 0) {
    fs.rmSync(unfinished, { recursive: true, force: true })
    throw new Error(`npm ci failed: ${npm.error?.message ?? `exit status ${npm.status}`}`)
  }
  try {
    fs.renameSync(unfinished, target)
  } catch (error) {
    // Another process was quicker.
    fs.rmSync(unfinished, { recursive: true, force: true })
    if (!fs.existsSync(path.join(target, 'node_modules'))) throw error
  }
  process.stderr.write(`pds: installed in ${Math.round((Date.now() - began) / 1000)} s\n`)
}

/** The node of the installation where there is one for this machine. */
function nodeOf(target) {
  const own = path.join(target, 'node_modules', `node-${process.platform}-${process.arch}`, 'bin', 'node')
  if (fs.existsSync(own)) return own
  const major = Number(process.versions.node.split('.')[0])
  if (major < 22) {
    throw new Error(`the PDS needs node 22 or newer, this is ${process.version}, and there is no packaged node for ${process.platform}-${process.arch}`)
  }
  return process.execPath
}

try {
  const target = installation()
  install(target)
  if (!process.argv.includes('--install-only')) {
    const server = spawn(nodeOf(target), [path.join(here, 'server.mjs'), target, ...process.argv.slice(2)], {
      stdio: 'inherit',
      env: { ...process.env, NODE_NO_WARNINGS: '1' },
    })
    for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP']) process.on(signal, () => server.kill(signal))
    server.on('exit', (code) => process.exit(code ?? 1))
  }
} catch (error) {
  process.stderr.write(`pds: ${error.message}\n`)
  process.exit(1)
}
