// A small issuer of OpenID Connect for the tests: one realm, as of Keycloak, with one public client, that takes nothing on trust. It
// checks the client, the redirect URI, PKCE and that a code is used once, rotates refresh tokens, and knows who is signed in by a cookie.
import { createServer } from 'node:http'
import { createHash, createSign, generateKeyPairSync, randomBytes } from 'node:crypto'
import { once } from 'node:events'

const realm = '/realms/health'
const random = () => randomBytes(24).toString('base64url')
const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url')
const now = () => Math.floor(Date.now() / 1000)

// An Issuer has turned, which a test changes to have it behave otherwise: {life, expires, nonce, state, skew, audience, error, user, discovery}.
export class Issuer {
  client = 'dhr-page'
  redirects = new Set() // the client's, exactly
  origins = new Set() // whose pages may ask
  turned = {}
  seen = { codes: 0, refreshes: 0, logouts: 0, refused: [] }
  #codes = new Map()
  #refresh = new Map()
  #sessions = new Map()
  #key = generateKeyPairSync('rsa', { modulusLength: 2048 })
  #server

  async listen() {
    this.#server = createServer((q, a) => this.#answer(q, a).catch((e) => { a.writeHead(500).end(String(e)) }))
    this.#server.listen(0, '127.0.0.1')
    await once(this.#server, 'listening')
    this.origin = `http://127.0.0.1:${this.#server.address().port}`
    this.url = this.origin + realm
    return this
  }

  async close() {
    this.#server.closeAllConnections()
    this.#server.close()
  }

  // revoke ends what can be renewed.
  revoke() { this.#refresh.clear() }

  #sign(claims) {
    const text = `${part({ alg: 'RS256', typ: 'JWT', kid: 'one' })}.${part(claims)}`
    return `${text}.${createSign('RSA-SHA256').update(text).sign(this.#key.privateKey, 'base64url')}`
  }

  // access returns a token for the server of DHR.
  access(user) {
    const { life = 300, audience = 'dhr' } = this.turned
    return this.#sign({ iss: this.url, aud: audience, azp: this.client, typ: 'Bearer', sub: `id-of-${user}`, preferred_username: user, realm_access: { roles: ['ADMIN'] }, iat: now(), exp: now() + life, jti: random() })
  }

  #tokens(user, nonce) {
    const { life = 300, expires = life, skew = 0 } = this.turned
    const refresh = random()
    this.#refresh.set(refresh, { user, nonce })
    const id = this.#sign({ iss: this.url, aud: this.client, typ: 'ID', sub: `id-of-${user}`, preferred_username: user, nonce: this.turned.nonce ?? nonce, iat: now() + skew, exp: now() + skew + 300 })
    return { access_token: this.access(user), token_type: 'Bearer', refresh_token: refresh, id_token: id, scope: 'openid', ...(expires ? { expires_in: expires } : {}) }
  }

  async #answer(q, a) {
    const url = new URL(q.url, this.origin)
    const chunks = []
    for await (const c of q) chunks.push(c)
    const form = new URLSearchParams(Buffer.concat(chunks).toString())
    const routes = {
      'GET /.well-known/openid-configuration': () => this.#open(a, '*', 200, {
        issuer: this.url, authorization_endpoint: `${this.url}/auth`, token_endpoint: `${this.url}/token`, end_session_endpoint: `${this.url}/logout`,
        jwks_uri: `${this.url}/protocol/openid-connect/certs`, response_types_supported: ['code'], subject_types_supported: ['public'],
        id_token_signing_alg_values_supported: ['RS256'], code_challenge_methods_supported: ['S256'], authorization_response_iss_parameter_supported: true, ...this.turned.discovery,
      }),
      'GET /protocol/openid-connect/certs': () => this.#open(a, '*', 200, { keys: [{ ...this.#key.publicKey.export({ format: 'jwk' }), kid: 'one', use: 'sig', alg: 'RS256' }] }),
      'GET /auth': () => this.#auth(q, a, url.searchParams),
      'POST /auth': () => this.#signed(a, url.searchParams, form),
      'OPTIONS /token': () => this.#open(a, q.headers.origin, 204),
      'POST /token': () => this.#token(q, a, form),
      'GET /logout': () => this.#logout(q, a, url.searchParams),
    }
    const route = url.pathname.startsWith(realm) && routes[`${q.method} ${url.pathname.slice(realm.length)}`]
    if (route) return route()
    a.writeHead(url.pathname === '/favicon.ico' ? 204 : 404).end()
  }

  // open answers a page of another origin, if it may ask.
  #open(a, origin, status, body) {
    if (origin === '*' || this.origins.has(origin)) a.setHeader('Access-Control-Allow-Origin', origin)
    a.writeHead(status, { 'Content-Type': 'application/json', 'Cache-Control': 'no-store' }).end(body && JSON.stringify(body))
  }

  #refuse(a, why) {
    this.seen.refused.push(why)
    a.writeHead(400, { 'Content-Type': 'text/plain' }).end(why)
  }

  #auth(q, a, asked) {
    const need = { client_id: this.client, response_type: 'code', code_challenge_method: 'S256' }
    for (const [name, value] of Object.entries(need)) if (asked.get(name) !== value) return this.#refuse(a, `${name} is ${asked.get(name)}`)
    for (const name of ['state', 'nonce', 'code_challenge']) if ((asked.get(name) ?? '').length < 32) return this.#refuse(a, `${name} is short`)
    if (!this.redirects.has(asked.get('redirect_uri'))) return this.#refuse(a, `redirect_uri is ${asked.get('redirect_uri')}`)
    if (!asked.get('scope').split(' ').includes('openid')) return this.#refuse(a, 'scope is without openid')
    const user = this.#sessions.get(/sso=([\w-]+)/.exec(q.headers.cookie ?? '')?.[1])
    if (user) return this.#back(a, asked, user)
    a.writeHead(200, { 'Content-Type': 'text/html; charset=utf-8' }).end(`<!doctype html><html lang="en"><title>Issuer</title><form method="post">
<label>User <input name="user"></label> <button name="do" value="in">Log in</button> <button name="do" value="deny">Deny</button></form>`)
  }

  #signed(a, asked, form) {
    if (!this.redirects.has(asked.get('redirect_uri'))) return this.#refuse(a, 'redirect_uri')
    if (form.get('do') === 'deny') return this.#redirect(a, asked, { error: 'access_denied', error_description: 'The user <b>said</b> no' })
    const session = random()
    this.#sessions.set(session, form.get('user'))
    a.setHeader('Set-Cookie', `sso=${session}; Path=${realm}; HttpOnly; SameSite=Lax`)
    this.#back(a, asked, form.get('user'))
  }

  #back(a, asked, user) {
    const code = random()
    this.#codes.set(code, { user, client: asked.get('client_id'), redirect: asked.get('redirect_uri'), challenge: asked.get('code_challenge'), nonce: asked.get('nonce') })
    this.#redirect(a, asked, { code })
  }

  #redirect(a, asked, values) {
    const to = new URL(asked.get('redirect_uri'))
    for (const [name, value] of Object.entries({ ...values, state: this.turned.state ?? asked.get('state'), iss: this.url })) to.searchParams.set(name, value)
    a.writeHead(303, { Location: to.href }).end()
  }

  #token(q, a, form) {
    const bad = (error, description) => {
      this.seen.refused.push(description)
      this.#open(a, q.headers.origin, 400, { error, error_description: description })
    }
    if (q.headers.cookie) return bad('invalid_request', 'a cookie')
    if (form.get('client_id') !== this.client || form.has('client_secret') || q.headers.authorization) return bad('invalid_client', 'another client')
    if (this.turned.error) return bad('unauthorized_client', this.turned.error)
    if (form.get('grant_type') === 'refresh_token') {
      const of = this.#refresh.get(form.get('refresh_token'))
      this.#refresh.delete(form.get('refresh_token'))
      if (!of) return bad('invalid_grant', 'the refresh token is over')
      this.seen.refreshes++
      return this.#open(a, q.headers.origin, 200, this.#tokens(this.turned.user ?? of.user, of.nonce))
    }
    if (form.get('grant_type') !== 'authorization_code') return bad('unsupported_grant_type', String(form.get('grant_type')))
    const of = this.#codes.get(form.get('code'))
    this.#codes.delete(form.get('code'))
    if (!of || of.client !== form.get('client_id')) return bad('invalid_grant', 'the code is over')
    if (of.redirect !== form.get('redirect_uri')) return bad('invalid_grant', 'the code is for another redirect_uri')
    const verifier = form.get('code_verifier') ?? ''
    if (!/^[\w.~-]{43,128}$/.test(verifier) || createHash('sha256').update(verifier).digest('base64url') !== of.challenge) return bad('invalid_grant', 'PKCE')
    this.seen.codes++
    this.#open(a, q.headers.origin, 200, this.#tokens(of.user, of.nonce))
  }

  #logout(q, a, asked) {
    const to = asked.get('post_logout_redirect_uri')
    if (!this.redirects.has(to) || asked.get('client_id') !== this.client || !asked.get('id_token_hint')) return this.#refuse(a, 'logout')
    this.#sessions.delete(/sso=([\w-]+)/.exec(q.headers.cookie ?? '')?.[1])
    this.seen.logouts++
    a.writeHead(303, { Location: to }).end()
  }
}
