// That what is asked for one user is not asked, or answered, for another who signs in meanwhile.
import { beforeEach, test } from 'node:test'
import assert from 'node:assert/strict'
import { build } from 'esbuild'

const place = 'https://id.example.org'
const oidc = { issuer: place, client: 'dhr-page', scope: 'openid', origins: [place] }
const store = { getItem: () => null, setItem: () => {}, removeItem: () => {} }
Object.assign(globalThis, {
  document: { documentElement: { dataset: { base: '/', oidc: JSON.stringify(oidc) } } }, location: { origin: 'http://here', pathname: '/', hash: '' },
  sessionStorage: store, localStorage: store, isSecureContext: true, addEventListener: () => {},
})

const locales = { name: 'locales', setup: (b) => {
  b.onResolve({ filter: /^locales:all$/ }, () => ({ path: 'all', namespace: 'locales' }))
  b.onLoad({ filter: /.*/, namespace: 'locales' }, () => ({ contents: 'export default []', loader: 'js' }))
} }
const resolveDir = new URL('../src', import.meta.url).pathname
const made = await build({
  stdin: { contents: "export * from './api.ts'; export * from './bearer.ts'", resolveDir }, bundle: true, format: 'esm', write: false, target: 'es2022', plugins: [locales],
})
const { call, send, refused, signIn } = await import(`data:text/javascript,${encodeURIComponent(made.outputFiles[0].text)}`)

const json = (value, status = 200) => new Response(JSON.stringify(value), { status, headers: { 'content-type': 'application/json' } })

let asked, good, issuer, server
beforeEach(() => {
  asked = []
  good = new Set(['B'])
  issuer = async () => json({ access_token: 'A2', token_type: 'bearer', expires_in: 600 })
  server = async (by) => json({ by }, good.has(by) ? 200 : 401)
  signIn('')
})

globalThis.fetch = async (url, init) => {
  if (String(url).includes('.well-known')) return json({ issuer: place, authorization_endpoint: `${place}/a`, token_endpoint: `${place}/t` })
  if (String(url).startsWith(place)) return issuer()
  const by = init.headers.Authorization?.replace('Bearer ', '') ?? 'nobody'
  asked.push(`${init.method} ${new URL(url).pathname} by ${by}`)
  return server(by)
}

// held returns a promise that a test keeps: asked is settled once somebody waits for it.
function held(value) {
  let give, ask
  const given = new Promise((done) => { give = () => done(value) })
  const waited = new Promise((done) => { ask = done })
  return { wait: () => { ask(); return given }, waited, give }
}

const other = { code: 'session' }

test('a token is renewed for who is signed in', async () => {
  good.add('A2')
  signIn('A', { refresh: 'r', sub: 'a' })
  assert.deepEqual(await call('v1/me'), { by: 'A2' })
  assert.deepEqual(asked, ['GET /v1/me by A', 'GET /v1/me by A2'])
})

test('a request that waits for another token is not repeated with that of somebody else', async () => {
  const slow = held(json({ access_token: 'A2', token_type: 'bearer', expires_in: 600 }))
  issuer = slow.wait
  signIn('A', { refresh: 'r', sub: 'a' })
  const done = assert.rejects(send('v1/filters/7', { method: 'DELETE' }), other)
  await slow.waited
  signIn('')
  signIn('B')
  slow.give()
  await done
  assert.deepEqual(asked, ['DELETE /v1/filters/7 by A'])
  assert.equal(refused.get(), false)
  assert.deepEqual(await call('v1/me'), { by: 'B' }, 'and who signed in stays so')
})

test('a request that waits for its first token is not sent with that of somebody else', async () => {
  const slow = held(json({ access_token: 'A2', token_type: 'bearer', expires_in: 600 }))
  issuer = slow.wait
  signIn('A', { refresh: 'r', sub: 'a', until: 0 })
  const done = assert.rejects(send('v1/filters/7', { method: 'DELETE' }), other)
  await slow.waited
  signIn('B')
  slow.give()
  await done
  assert.deepEqual(asked, [])
})

test('what the server refuses somebody does not sign out who came after', async () => {
  const slow = held(json({}, 401))
  server = slow.wait
  signIn('A')
  const done = assert.rejects(send('v1/me'), other)
  await slow.waited
  signIn('B')
  slow.give()
  await done
  assert.deepEqual(asked, ['GET /v1/me by A'])
  assert.equal(refused.get(), false)
})

test('what the server answers somebody is not shown to who came after', async () => {
  const slow = held(json({ by: 'A' }))
  server = slow.wait
  signIn('A')
  const done = assert.rejects(call('v1/me'), other)
  await slow.waited
  signIn('B')
  slow.give()
  await done
})

test('a renewal that hangs is not waited for by who came after', async () => {
  const slow = held(json({ access_token: 'A2', token_type: 'bearer', expires_in: 600 }))
  issuer = slow.wait
  signIn('A', { refresh: 'r', sub: 'a' })
  const done = assert.rejects(send('v1/me'), other)
  await slow.waited
  issuer = async () => json({ access_token: 'C2', token_type: 'bearer', expires_in: 600 })
  good = new Set(['C2'])
  signIn('C', { refresh: 'rc', sub: 'c' })
  assert.deepEqual(await call('v1/me'), { by: 'C2' })
  slow.give()
  await done
  assert.deepEqual(await call('v1/me'), { by: 'C2' })
})

test('who is refused is asked to sign in', async () => {
  signIn('A')
  await assert.rejects(send('v1/me'), { status: 401 })
  assert.equal(refused.get(), true)
})
