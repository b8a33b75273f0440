// Signing in with OpenID Connect: an authorization code with PKCE, as a public client. It is loaded when it is needed.
import * as oauth from 'oauth4webapi'
import { base } from './api.ts'
import { begun, issuer, oidc, Refusal, signIn, type Grant } from './bearer.ts'
import { go } from './route.ts'

// Begun is what is remembered of a sign-in while its user is at the issuer.
interface Begun {
  state: string
  nonce: string
  verifier: string
  to: string // where the user was going
}

// page is where the issuer sends people back to.
const page = location.origin + base

const client: oauth.Client = { client_id: oidc?.client ?? '', [oauth.clockTolerance]: 60 }

const plain = oidc?.issuer.startsWith('http://') ?? false // which the server allows of this machine alone

const options = {
  [oauth.allowInsecureRequests]: plain,
  [oauth.customFetch]: (url: string, init: RequestInit) => fetch(url, { ...init, credentials: 'omit', cache: 'no-store', referrerPolicy: 'no-referrer' }),
  signal: () => AbortSignal.timeout(30_000),
}

let found: Promise<oauth.AuthorizationServer> | null = null

// server returns what the issuer says about itself.
function server(): Promise<oauth.AuthorizationServer> {
  found ??= discover().catch((e: unknown) => { found = null; throw e })
  return found
}

async function discover(): Promise<oauth.AuthorizationServer> {
  if (!oidc) throw new Refusal('oidc.wrong', { issuer, what: '' })
  if (!isSecureContext) throw new Refusal('oidc.insecure', { page })
  const at = new URL(oidc.issuer)
  const as = await oauth.processDiscoveryResponse(at, await oauth.discoveryRequest(at, options))
  if (as.issuer !== oidc.issuer) throw new Refusal('oidc.wrong', { issuer, what: `issuer ${as.issuer}` })
  const methods = as.code_challenge_methods_supported
  if (methods && !methods.includes('S256')) throw new Refusal('oidc.wrong', { issuer, what: `code_challenge_methods_supported ${methods.join(', ')}` })
  const { origin } = endpoint(as, 'token_endpoint')
  if (origin !== location.origin && !oidc.origins.includes(origin)) throw new Refusal('oidc.origin', { issuer, origin })
  return as
}

function endpoint(as: oauth.AuthorizationServer, name: 'authorization_endpoint' | 'token_endpoint' | 'end_session_endpoint'): URL {
  const text = as[name] ?? ''
  if (!URL.canParse(text) || !/^https:$/.test(new URL(text).protocol) && !(plain && text.startsWith('http://'))) {
    throw new Refusal('oidc.wrong', { issuer, what: `${name} ${text}` })
  }
  return new URL(text)
}

// begin goes to the issuer, from where its user comes back to where the page is.
export async function begin(): Promise<void> {
  await told(async () => {
    const as = await server()
    const to = endpoint(as, 'authorization_endpoint')
    const mine: Begun = { state: oauth.generateRandomState(), nonce: oauth.generateRandomNonce(), verifier: oauth.generateRandomCodeVerifier(), to: location.hash }
    const asked = {
      response_type: 'code', client_id: client.client_id, redirect_uri: page, scope: oidc?.scope, audience: oidc?.audience, state: mine.state, nonce: mine.nonce,
      code_challenge: await oauth.calculatePKCECodeChallenge(mine.verifier), code_challenge_method: 'S256',
    }
    for (const [name, value] of Object.entries(asked)) if (value) to.searchParams.set(name, value)
    sessionStorage.setItem(begun, JSON.stringify(mine))
    location.assign(to)
  })
}

// finish signs in with what the issuer sent its user back with and what was kept of the sign-in, and shows what that user wanted to see.
export async function finish(back: URLSearchParams, kept: string | null): Promise<void> {
  const mine = JSON.parse(kept ?? 'null') as Begun | null
  if (mine) go(mine.to, true)
  await told(async () => {
    if (!mine || back.get('state') !== mine.state) throw new Refusal('oidc.state')
    const as = await server()
    const checked = oauth.validateAuthResponse(as, client, back, mine.state)
    const answer = await oauth.authorizationCodeGrantRequest(as, client, oauth.None(), checked, page, mine.verifier, options)
    const got = bearer(await oauth.processAuthorizationCodeResponse(as, client, answer, { expectedNonce: mine.nonce, requireIdToken: true }))
    signIn(got.access_token, grantOf(got, {}))
  })
}

// renewed returns the next token, or null if the issuer gives none: its user has to sign in again.
export async function renewed(by: Grant): Promise<{ token: string; grant: Grant } | null> {
  return told(async () => {
    const as = await server()
    const answer = await oauth.refreshTokenGrantRequest(as, client, oauth.None(), by.refresh ?? '', options)
    if (answer.status >= 400 && answer.status < 500 && answer.status !== 408 && answer.status !== 429) return null
    const got = bearer(await oauth.processRefreshTokenResponse(as, client, answer))
    const grant = grantOf(got, by)
    return by.sub && grant.sub !== by.sub ? null : { token: got.access_token, grant } // a token of somebody else is none
  })
}

// leave signs out at the issuer. It reports whether the issuer can be told that.
export async function leave(by: Grant): Promise<boolean> {
  return told(async () => {
    const as = await server()
    if (!as.end_session_endpoint) return false
    const to = endpoint(as, 'end_session_endpoint')
    to.searchParams.set('client_id', client.client_id)
    to.searchParams.set('post_logout_redirect_uri', page)
    if (by.id) to.searchParams.set('id_token_hint', by.id)
    location.assign(to)
    return true
  })
}

function bearer(got: oauth.TokenEndpointResponse): oauth.TokenEndpointResponse {
  if (got.token_type !== 'bearer') throw new Refusal('oidc.wrong', { issuer, what: `token_type ${got.token_type}` })
  return got
}

// grantOf returns what came with a token, or with the one before it. A token is renewed a little before it ends.
function grantOf(got: oauth.TokenEndpointResponse, before: Grant): Grant {
  const refresh = got.refresh_token ?? before.refresh
  const id = got.id_token ?? before.id
  const life = got.expires_in
  const claims = oauth.getValidatedIdTokenClaims(got)
  const sub = claims?.sub ?? before.sub
  const name = [claims?.name, claims?.preferred_username, claims?.email].find((n) => typeof n === 'string' && n !== '') as string | undefined ?? before.name
  return {
    ...(refresh ? { refresh } : {}), ...(id ? { id } : {}), ...(sub ? { sub } : {}), ...(name ? { name } : {}),
    ...(life ? { until: Date.now() + 1000 * (life - Math.min(10, life / 10)) } : {}),
  }
}

// told makes a Refusal of whatever goes wrong.
async function told<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (e) {
    throw refusal(e)
  }
}

function refusal(e: unknown): Refusal {
  if (e instanceof Refusal) return e
  if (e instanceof oauth.AuthorizationResponseError || e instanceof oauth.ResponseBodyError) {
    const what = e.error_description ? `${e.error}: ${e.error_description}` : e.error
    return new Refusal(e.error === 'access_denied' ? 'oidc.denied' : 'oidc.error', { issuer, what })
  }
  if (e instanceof oauth.OperationProcessingError) {
    if (e.code === oauth.JWT_TIMESTAMP_CHECK) return new Refusal('oidc.clock', { issuer, now: new Date().toISOString() })
    if (e.code === oauth.JWT_CLAIM_COMPARISON && (e.cause as { claim?: string }).claim === 'nonce') return new Refusal('oidc.nonce', { issuer })
  }
  const code = (e as { code?: unknown }).code
  if (e instanceof DOMException || e instanceof TypeError && code === undefined) return new Refusal('oidc.unreachable', { issuer, page })
  return new Refusal('oidc.wrong', { issuer, what: e instanceof Error ? e.message : String(e) })
}
