import { base } from './api.ts'
import { begun, failure, granted, oidc, Refusal, refused, signature, signIn, token } from './bearer.ts'
import { t } from './i18n.ts'
import { say } from './parts.tsx'

// Back is what the issuer sent somebody back with, and what was kept of the sign-in.
interface Back { params: URLSearchParams; kept: string | null }

// back takes what somebody comes back with out of the address, its history and what is kept, whatever becomes of it: before anything else is loaded.
export function back(): Back | null {
  const params = new URLSearchParams(location.search)
  if (!oidc || !params.has('state') || !params.has('code') && !params.has('error')) return null
  const kept = sessionStorage.getItem(begun)
  sessionStorage.removeItem(begun)
  history.replaceState(null, '', location.pathname + location.hash)
  return { params, kept }
}

// returned signs in whoever comes back from the issuer, before the page is shown.
export async function returned(by: Back | null): Promise<void> {
  if (!by) return
  try {
    await (await import('./oidc.ts')).finish(by.params, by.kept)
  } catch (e) {
    fail(e)
    if (token.get()) say(t((failure.get() as Refusal).key, failure.get()?.values)) // who was signed in before stays so
    else refused.set(true)
  }
}

// enter goes to the issuer.
export async function enter(): Promise<void> {
  failure.set(null)
  try {
    await (await import('./oidc.ts')).begin()
  } catch (e) {
    fail(e)
  }
}

// signOut forgets who is signed in, and has the issuer forget it, too. With queues, their pages are closed to this browser, for which nobody waits.
export async function signOut(queues: boolean): Promise<void> {
  const by = granted()
  if (queues) closeQueues(signature())
  signIn('')
  if (!by) return
  let left = false
  try {
    left = await (await import('./oidc.ts')).leave(by)
  } catch {
    // That it did not work is all that can be said.
  }
  if (!left) failure.set(new Refusal('oidc.stillin'))
}

// closeQueues is sent also if the page is left, and before the token is forgotten. If it is not heard, the pages are open for minutes yet.
function closeQueues(by: string): void {
  fetch(`${base}v1/queues/pass`, { method: 'DELETE', headers: { Authorization: `Bearer ${by}` }, credentials: 'same-origin', cache: 'no-store', keepalive: true }).catch(() => {})
}

function fail(e: unknown): void {
  failure.set(e instanceof Refusal ? e : new Refusal('oidc.wrong', { what: String(e) }))
}
