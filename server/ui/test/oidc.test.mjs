// Signing in with OpenID Connect, at an issuer of the test's own, to servers of the test's own: PAGE_SERVER is the program.
import { after, before, test } from 'node:test'
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdtemp, mkdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { accessible, launch, open, settle, total } from './browser.mjs'
import { Issuer } from './issuer.mjs'

const program = process.env.PAGE_SERVER ?? ''
const skip = program === '' && 'PAGE_SERVER is not set'
const shots = new URL('shots/', import.meta.url).pathname
const question = `#/ask?index=health-data-visits&jql=${encodeURIComponent('diagnosis ~ malaria AND age < 5')}`

let browser, issuer, work, below, root
const servers = []

// serve starts a server that takes the tokens of the issuer, and returns where its page is.
async function serve(name, more = '') {
  const config = join(work, `${name}.yml`)
  await writeFile(config, `auth:\n  mode: jwt\n  jwt: {preset: keycloak, issuer: "${issuer.url}", audience: dhr, default_tenant: default, leeway: 0s}\n  oidc: {client_id: dhr-page}\n` +
    `roles:\n  ADMIN: {permissions: [view, export, share, audit, admin], grants: [{indexes: ["*"], others: visible}]}\n${more}`)
  const child = spawn(program, ['serve', '-addr', '127.0.0.1:0', '-data', join(work, name), '-config', config], { stdio: ['ignore', 'pipe', 'pipe'] })
  const one = { child, log: '' }
  servers.push(one)
  child.stderr.on('data', (d) => { one.log += d })
  let said = ''
  const where = await new Promise((found, fail) => {
    child.stdout.on('data', (d) => {
      said += d
      const at = /^DHR .* is at (http\S+)$/m.exec(said)
      if (at) found(at[1])
    })
    child.on('exit', () => fail(new Error(`the server ended: ${one.log}`)))
  })
  issuer.redirects.add(`${where}/`)
  issuer.origins.add(new URL(where).origin)
  return `${where}/`
}

before(async () => {
  if (skip) return
  await mkdir(shots, { recursive: true })
  work = await mkdtemp(join(tmpdir(), 'dhr-oidc-'))
  issuer = await new Issuer().listen()
  browser = await launch()
  below = await serve('below', 'server: {base_path: /health-reports}\n')
  root = await serve('root', 'sample: {load: never}\n')
})

after(async () => {
  if (skip) return
  await browser?.close()
  for (const { child } of servers) {
    child.removeAllListeners('exit')
    const ended = new Promise((done) => child.on('exit', done))
    child.kill()
    await ended
  }
  await issuer.close()
  await rm(work, { recursive: true, force: true })
  for (const { log } of servers) assert.doesNotMatch(log, /"level":"ERROR"/)
})

// visit opens a page of a server, in a browser that knows nobody. check is to be called at its end.
async function visit(at, options) {
  issuer.turned = {}
  issuer.seen = { codes: 0, refreshes: 0, logouts: 0, refused: [] }
  const { context, page, faults } = await open(browser, options)
  await page.goto(at)
  const check = async (allowed = /status of 401/) => {
    const own = [new URL(at).origin, issuer.origin].map((o) => `asks ${o}/`)
    assert.deepEqual(faults.filter((f) => !allowed.test(f) && !own.some((o) => f.startsWith(o))), [])
    await context.close()
  }
  return { page, check }
}

const enter = (page) => page.getByRole('button', { name: `Sign in at ${new URL(issuer.url).host}` }).click()

async function login(page, user = 'asha') {
  await enter(page)
  await page.getByLabel('User').fill(user)
  await page.getByRole('button', { name: 'Log in' }).click()
  await page.locator('.who').getByText(user, { exact: true }).waitFor()
  await settle(page)
}

const stored = (page) => page.evaluate(() => Object.keys(sessionStorage).sort())
const failure = (page) => page.locator('.signin .failure')

test('one signs in under a path, and sees what one asked for', { skip }, async () => {
  const { page, check } = await visit(below + question)
  await page.getByRole('heading', { name: 'Sign in' }).waitFor()
  await accessible(page, 'sign-in at an issuer')
  await page.screenshot({ path: `${shots}oidc-light.png` })
  await login(page)
  await page.getByRole('grid').waitFor()
  assert.equal(page.url(), below + question, 'nothing of the sign-in is left in the address')
  assert.ok(Number((await total(page)).replace(/\D/g, '')) > 0)
  assert.deepEqual(await stored(page), ['dhr.grant', 'dhr.token'])
  assert.equal(await page.evaluate(() => Object.values(localStorage).some((v) => v.length > 60) || document.cookie !== ''), false)
  await page.reload()
  await page.getByRole('grid').waitFor()
  await settle(page)
  assert.deepEqual(issuer.seen, { codes: 1, refreshes: 0, logouts: 0, refused: [] })
  await check()
})

test('nothing of a sign-in is left where the page can be loaded in part alone', { skip }, async () => {
  const { page, check } = await visit(below + '#/filters')
  await enter(page)
  await page.getByLabel('User').fill('asha')
  let missed = 0
  await page.route(/\/oidc-[^/]*\.js$/, (r) => { missed++; return r.abort() })
  await page.getByRole('button', { name: 'Log in' }).click()
  await failure(page).waitFor()
  assert.equal(missed, 1)
  assert.equal(page.url(), below)
  assert.deepEqual(await stored(page), [])
  await page.reload()
  await page.getByRole('heading', { name: 'Sign in' }).waitFor()
  assert.equal(missed, 1, 'no code is there to be used')
  await check(/status of 401|ERR_FAILED|ERR_ABORTED/)
})

test('one signs in at the root, and with a token that was pasted', { skip }, async () => {
  const { page, check } = await visit(root + '#/filters')
  await login(page, 'ravi')
  assert.equal(page.url(), root + '#/filters')
  await check()
  const other = await visit(root + '#/filters')
  await other.page.getByText('Sign in with a token instead').click()
  await accessible(other.page, 'sign-in by a token beside an issuer')
  await other.page.getByLabel('Token').fill('nonsense')
  await other.page.getByRole('button', { name: 'Sign in', exact: true }).click()
  await other.page.getByText('The server does not take this token').waitFor()
  await other.page.getByLabel('Token').fill(issuer.access('mona'))
  await other.page.getByRole('button', { name: 'Sign in', exact: true }).click()
  await other.page.locator('.who', { hasText: 'id-of-mona' }).waitFor()
  assert.deepEqual(await stored(other.page), ['dhr.token'])
  await other.page.getByRole('button', { name: 'Sign out' }).click()
  await other.page.getByRole('heading', { name: 'Sign in' }).waitFor()
  assert.equal(issuer.seen.logouts, 0, 'the issuer has signed nobody in')
  await other.check()
})

test('a token is renewed before it ends, and nothing on the page is lost', { skip }, async () => {
  const { page, check } = await visit(below + question)
  issuer.turned = { life: 4 }
  await login(page)
  await page.locator('.cm-content').click()
  await page.keyboard.press('Control+End')
  await page.keyboard.type(' AND age < 4')
  const first = await page.evaluate(() => sessionStorage['dhr.token'])
  await page.waitForFunction(() => Date.now() > JSON.parse(sessionStorage['dhr.grant']).until)
  issuer.turned = {}
  await page.keyboard.press('Enter')
  await page.waitForFunction((old) => sessionStorage['dhr.token'] !== old, first)
  await page.getByRole('grid').waitFor()
  await settle(page)
  assert.match(await page.locator('.cm-content').textContent(), /age < 4/)
  assert.match(decodeURIComponent(page.url()), /age < 4/)
  assert.deepEqual(issuer.seen, { codes: 1, refreshes: 1, logouts: 0, refused: [] })
  await check()
})

test('a token that ends earlier than was said is renewed when the server refuses it', { skip }, async () => {
  const { page, check } = await visit(below + question)
  issuer.turned = { life: 2, expires: 0 }
  await login(page)
  const first = await page.evaluate(() => sessionStorage['dhr.token'])
  await assert.doesNotReject(async () => {
    for (let n = 0; n < 200; n++) {
      const answer = await page.request.get(`${below}v1/me`, { headers: { Authorization: `Bearer ${first}` } })
      if (answer.status() === 401) return
      await new Promise((go) => { setTimeout(go, 50) })
    }
    throw new Error('the token does not end')
  })
  issuer.turned = {}
  await page.getByRole('link', { name: 'Filters' }).click()
  await page.getByRole('heading', { name: 'Filters' }).waitFor()
  await settle(page)
  assert.deepEqual(issuer.seen, { codes: 1, refreshes: 1, logouts: 0, refused: [] })
  assert.equal(await page.locator('.failure').count(), 0)
  await page.reload()
  await page.getByRole('heading', { name: 'Filters' }).waitFor()
  assert.equal(issuer.seen.refreshes, 1)
  await check()
})

test('who cannot be renewed signs in again, and comes back to the same place', { skip }, async () => {
  const { page, check } = await visit(below + question)
  issuer.turned = { life: 4 }
  await login(page)
  issuer.revoke()
  await page.waitForFunction(() => Date.now() > JSON.parse(sessionStorage['dhr.grant']).until + 1000)
  await page.getByRole('link', { name: 'Filters' }).click()
  await page.getByText('Your sign-in has ended').waitFor()
  assert.deepEqual(issuer.seen.refused, ['the refresh token is over'], 'once')
  issuer.turned = {}
  await enter(page) // the issuer still knows who that is
  await page.getByRole('heading', { name: 'Filters' }).waitFor()
  assert.match(page.url(), /#\/filters$/)
  await check(/status of 40[01]/)
})

test('a token of somebody else is no renewal', { skip }, async () => {
  const { page, check } = await visit(root + '#/filters')
  issuer.turned = { life: 2, user: 'mallory' }
  await login(page)
  await page.waitForFunction(() => Date.now() > JSON.parse(sessionStorage['dhr.grant']).until + 1000)
  await page.getByRole('link', { name: 'Dashboards' }).click()
  await page.getByText('Your sign-in has ended').waitFor()
  assert.equal(await page.locator('.who').count(), 0)
  await check(/status of 40[01]/)
})

test('signing out is signing out at the issuer', { skip }, async () => {
  const { page, check } = await visit(below + question)
  await login(page)
  await page.getByRole('button', { name: 'Sign out' }).click()
  await page.waitForURL(below)
  await page.getByRole('heading', { name: 'Sign in' }).waitFor()
  assert.equal(issuer.seen.logouts, 1)
  assert.deepEqual(await stored(page), [])
  assert.equal(await failure(page).count(), 0)
  await enter(page)
  await page.getByLabel('User').waitFor() // it asks anew
  await check()
})

test('where the issuer knows no signing out, the page says so', { skip }, async () => {
  const { page, check } = await visit(root + '#/filters')
  issuer.turned = { discovery: { end_session_endpoint: undefined } }
  await login(page)
  await page.getByRole('button', { name: 'Sign out' }).click()
  await page.getByText(`At ${new URL(issuer.url).host} you may still be signed in`).waitFor()
  assert.deepEqual(await stored(page), [])
  await check()
})

test('whom the issuer refuses is told so, where they were', { skip }, async () => {
  const { page, check } = await visit(below + question)
  await enter(page)
  await page.getByRole('button', { name: 'Deny' }).click()
  await page.getByText('does not let you in (access_denied: The user <b>said</b> no).').waitFor()
  assert.equal(page.url(), below + question)
  assert.deepEqual(await stored(page), [])
  await accessible(page, 'sign-in that was refused')
  await page.screenshot({ path: `${shots}oidc-refused-light.png` })
  await login(page)
  await page.getByRole('grid').waitFor()
  await check()
})

// What an issuer may do wrong, or somebody between, and what the page says of it.
const faults = {
  'a tampered state': [{ state: 'tampered' }, /not begun in this tab/, 0],
  'a nonce of another sign-in': [{ nonce: 'another' }, /is that of another sign-in/, 1],
  'a clock that is wrong': [{ skew: -7200 }, /is not valid now, at 20\d\d-/, 1],
  'a token for somebody else': [{ audience: 'other' }, /this server does not take the token/, 1],
  'an error at the token endpoint': [{ error: '<i>Client</i> is disabled' }, /answers with an error \(unauthorized_client: <i>Client<\/i> is disabled\)/, 0],
  'tokens from elsewhere': [{ discovery: { token_endpoint: 'http://127.0.0.1:9/token' } }, /gives out its tokens at http:\/\/127\.0\.0\.1:9, which this page may not ask/, 0],
  'an address in clear': [{ discovery: { token_endpoint: 'ftp://127.0.0.1/token' } }, /cannot use \(token_endpoint ftp:/, 0],
  'a program for an address': [{ discovery: { authorization_endpoint: 'javascript:alert(1)' } }, /cannot use \(authorization_endpoint javascript:alert\(1\)\)/, 0],
  'another name': [{ discovery: { issuer: 'http://127.0.0.1:9/' } }, /answers what this page cannot use/, 0],
  'no PKCE': [{ discovery: { code_challenge_methods_supported: ['plain'] } }, /cannot use \(code_challenge_methods_supported plain\)/, 0],
}
for (const [name, [turned, says, codes]] of Object.entries(faults)) {
  test(`${name} is told in words, and signs nobody in`, { skip }, async () => {
    const { page, check } = await visit(root + '#/filters')
    issuer.turned = turned
    await enter(page)
    if (turned.discovery === undefined) {
      await page.getByLabel('User').fill('asha')
      await page.getByRole('button', { name: 'Log in' }).click()
    }
    await failure(page).filter({ hasText: says }).waitFor()
    assert.equal(page.url(), root + '#/filters')
    assert.equal(issuer.seen.codes, codes)
    assert.equal(await page.locator('.who').count(), 0)
    await check(/status of 40[01]/)
  })
}

test('an issuer that does not answer is told in words', { skip }, async () => {
  const { page, check } = await visit(root + '#/filters')
  await page.route(`${issuer.url}/.well-known/**`, (r) => r.abort())
  await enter(page)
  await page.getByText(`cannot be reached, or does not let this page ask it: there, ${root} has to be`).waitFor()
  await page.unroute(`${issuer.url}/.well-known/**`)
  await login(page)
  await check(/status of 401|net::ERR_FAILED/)
})

test('without https the page says why one cannot sign in', { skip }, async () => {
  const plain = await launch('--host-resolver-rules=MAP reports.test 127.0.0.1')
  const at = root.replace('127.0.0.1', 'reports.test')
  const { page } = await open(plain)
  await page.goto(at)
  await enter(page)
  await page.getByText(`One can sign in over https alone, and this page is at ${at}.`).waitFor()
  await plain.close()
})

test('a link with a code signs nobody in, and signs nobody out', { skip }, async () => {
  const { page, check } = await visit(root + '?code=stolen&state=made-up#/filters')
  await failure(page).filter({ hasText: 'not begun in this tab' }).waitFor()
  assert.equal(new URL(page.url()).search, '')
  await login(page)
  await page.goto(root + '?error=access_denied&error_description=Call+this+number&state=made-up#/filters')
  await page.getByText('not begun in this tab').waitFor()
  await page.locator('.who', { hasText: 'asha' }).waitFor()
  assert.doesNotMatch(await page.locator('body').textContent(), /Call this number/)
  assert.deepEqual(issuer.seen, { codes: 1, refreshes: 0, logouts: 0, refused: [] })
  await check()
})

test('the issuer of the test takes nothing on trust', { skip }, async () => {
  const { page, check } = await visit(root + '#/filters')
  const asked = []
  page.on('request', (r) => { if (r.url().startsWith(`${issuer.url}/`) && !r.url().includes('well-known')) asked.push([r.url(), r.postData()]) })
  await login(page)
  const form = new URLSearchParams(asked.find(([u]) => u.endsWith('/token'))[1])
  const again = await fetch(`${issuer.url}/token`, { method: 'POST', body: form })
  assert.equal((await again.json()).error_description, 'the code is over')
  const url = new URL(asked[0][0])
  for (const [name, value] of [['redirect_uri', `${root}elsewhere`], ['client_id', 'another'], ['code_challenge_method', 'plain'], ['code_challenge', 'short']]) {
    const other = new URL(url)
    other.searchParams.set(name, value)
    assert.equal((await fetch(other, { redirect: 'manual' })).status, 400, name)
  }
  await check()
})

test('every look of the sign-in', { skip }, async () => {
  for (const [look, options] of Object.entries({ dark: { colorScheme: 'dark' }, phone: { viewport: { width: 360, height: 740 }, isMobile: true, hasTouch: true } })) {
    const { page, check } = await visit(below, options)
    await page.getByText('Sign in with a token instead').click()
    await accessible(page, look)
    await page.screenshot({ path: `${shots}oidc-${look}.png` })
    await check()
  }
  const { page, check } = await visit(below, { locale: 'hi-IN' })
  const host = new URL(issuer.url).host
  await page.getByRole('button', { name: `${host} पर साइन इन करें` }).click()
  await page.getByRole('button', { name: 'Deny' }).click()
  await failure(page).filter({ hasText: `${host} आपको प्रवेश नहीं देता` }).waitFor()
  await accessible(page, 'Hindi')
  await page.screenshot({ path: `${shots}oidc-hindi.png` })
  await check()
})
