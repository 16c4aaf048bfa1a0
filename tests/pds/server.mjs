// The Bluesky PDS with a PLC directory of its own, on loopback only, with two accounts.
//
//   node server.mjs INSTALLATION [--app-view] [--rate-limits] [--did-doc]
//
// Prints one line of JSON on standard output when it is ready, and nothing else. Stops
// when standard input closes or the parent process is gone. All data is in a temporary
// folder, which is removed at the end.
import { createHmac } from 'node:crypto'
import { once } from 'node:events'
import fs from 'node:fs'
import http from 'node:http'
import { createRequire } from 'node:module'
import os from 'node:os'
import path from 'node:path'
import { appView } from './appview.mjs'

const installation = process.argv[2]
const flags = process.argv.slice(3)
const data = fs.mkdtempSync(path.join(os.tmpdir(), 'jarchi-pds-'))

// Both servers read these when they are loaded: their log must not reach our stdout.
process.env.LOG_ENABLED = 'true'
process.env.LOG_LEVEL = process.env.PDS_LOG_LEVEL ?? 'warn'
process.env.LOG_DESTINATION = path.join(data, 'log')

const require = createRequire(path.join(installation, 'package.json'))
const { PDS, envToCfg, envToSecrets } = await import(require.resolve('@atproto/pds'))
const { PlcServer, Database } = require('@did-plc/server')

/** A server that listens on loopback before its application exists: the PDS wants its own
 *  address in its configuration, and would bind every interface if it were to listen by
 *  itself. */
async function loopback() {
  const server = http.createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return { server, port: server.address().port }
}

/** Makes `app.listen` take the server that listens already. */
function adopt(app, server) {
  app.listen = () => {
    server.on('request', app)
    setImmediate(() => server.emit('listening'))
    return server
  }
}

let stopping = false
async function stop(code) {
  if (stopping) return
  stopping = true
  // A server that hangs must not outlive the test.
  setTimeout(() => process.exit(code), 3000).unref()
  await Promise.allSettled(closers.map((close) => close()))
  fs.rmSync(data, { recursive: true, force: true })
  process.exit(code)
}
const closers = []
const parent = process.ppid
setInterval(() => process.ppid !== parent && stop(0), 500).unref()
process.stdin.on('end', () => stop(0)).on('error', () => stop(0)).resume()
for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP']) process.on(signal, () => stop(0))
process.on('uncaughtException', (error) => {
  process.stderr.write(`pds: ${error.stack}\n`)
  stop(1)
})

const plcListener = await loopback()
const plc = PlcServer.create({ db: Database.mock(), port: plcListener.port })
adopt(plc.app, plcListener.server)
await plc.start()
closers.push(() => plc.destroy())
const plcUrl = `http://localhost:${plcListener.port}`

const listener = await loopback()
const url = `http://127.0.0.1:${listener.port}`
const view = flags.includes('--app-view') ? await appView(url) : null
if (view) closers.push(() => view.close())

// Nothing here protects anything: the server lives as long as a test, on loopback.
const jwtSecret = 'jarchi-test-jwt-secret'
const environment = {
  port: listener.port,
  hostname: 'localhost',
  dataDirectory: data,
  blobstoreDiskLocation: path.join(data, 'blobs'),
  blobstoreDiskTmpLocation: path.join(data, 'blobs-tmp'),
  didPlcUrl: plcUrl,
  devMode: true,
  disableSsrfProtection: true,
  inviteRequired: false,
  rateLimitsEnabled: flags.includes('--rate-limits'),
  enableDidDocWithSession: flags.includes('--did-doc'),
  crawlers: [],
  jwtSecret,
  adminPassword: 'jarchi-test-admin',
  plcRotationKeyK256PrivateKeyHex: '6d'.repeat(32),
  ...(view && { bskyAppViewUrl: view.url, bskyAppViewDid: 'did:web:appview.test' }),
}
const pds = await PDS.create(envToCfg(environment), envToSecrets(environment))
pds.app.get('/expired-token', (request, response) => response.json({ token: expiredToken(request.query.did) }))
adopt(pds.app, listener.server)
await pds.start()
closers.push(() => pds.destroy())

async function call(method, body, token) {
  const response = await fetch(`${url}/xrpc/${method}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...(token && { authorization: `Bearer ${token}` }) },
    body: JSON.stringify(body),
  })
  const answer = await response.json()
  if (!response.ok) throw new Error(`${method}: ${response.status} ${JSON.stringify(answer)}`)
  return answer
}

/** An access token whose time is over, signed as the server's own are. */
function expiredToken(did) {
  const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const now = Math.floor(Date.now() / 1000)
  const head = part({ typ: 'at+jwt', alg: 'HS256' })
  const claims = part({ scope: 'com.atproto.appPassPrivileged', aud: 'did:web:localhost', sub: did, iat: now - 7300, exp: now - 100 })
  const signature = createHmac('sha256', jwtSecret).update(`${head}.${claims}`).digest('base64url')
  return `${head}.${claims}.${signature}`
}

const accounts = {}
for (const name of ['alice', 'bob']) {
  const handle = `${name}.test`
  const password = `${name}-password`
  const session = await call('com.atproto.server.createAccount', { handle, password, email: `${name}@mail.test` })
  const app = await call('com.atproto.server.createAppPassword', { name: 'jarchi' }, session.accessJwt)
  accounts[handle] = { did: session.did, password, appPassword: app.password }
}

const { version } = await (await fetch(`${url}/xrpc/_health`)).json()
process.stdout.write(
  `${JSON.stringify({ url, plc: plcUrl, appView: view?.url ?? null, version, node: process.version, accounts })}\n`,
)
